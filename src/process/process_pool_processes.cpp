#include "process/process_pool_state.hpp"

#include "io/owned_fd.hpp"
#include "io/system.hpp"
#include "io/system_fork.hpp"
#include "process/worker_function.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <system_error>
#include <utility>

// What a pool has to do with its processes.

namespace asyncio::detail {

using State = PoolWorker::State;

// --- turns --------------------------------------------------------------------------------------

void ProcessPoolState::on_ready(IoObserver& self) noexcept {
  static_cast<ProcessPoolState&>(self).schedule();
}

void ProcessPoolState::schedule() noexcept {
  if (turn_queued_ || phase_ == Phase::over) return;
  turn_queued_ = true;
  add_ref();
  loop_->ready.push(*this);
}

void ProcessPoolState::take_turn(ReadyCall& self, ReadyAction action) {
  auto& pool = static_cast<ProcessPoolState&>(self);
  const auto kept = Ref<ProcessPoolState>::adopt(&pool);
  pool.turn_queued_ = false;
  if (pool.phase_ == Phase::over) {
    pool.loop_->ready.unreserve();
  } else if (action == ReadyAction::run) {
    pool.advance();
  }
}

void ProcessPoolState::advance() noexcept {
  if (phase_ == Phase::over || advancing_) return;
  const Ref<ProcessPoolState> kept(this);
  advancing_ = true;
  take_reports();
  for (std::size_t i = workers_.size(); i > 0; --i) {
    if (i <= workers_.size()) serve(*workers_[i - 1]);  // a pool that breaks has none any more
  }
  if (phase_ != Phase::over) dispatch();
  advancing_ = false;
  end_if_done();
  watch();
}

// While nothing is under way nobody is waited for, and a virtual clock may jump.
void ProcessPoolState::watch() noexcept {
  if (phase_ == Phase::over || directly_) return;
  bool under_way = !queued_.empty();
  for (const auto& worker : workers_) {
    Endpoint* link = worker->link();
    if (worker->state == State::gone || worker->state == State::leaving) {
      under_way = under_way || worker->job != nullptr;
    }
    if (link == nullptr || worker->state == State::idle) continue;
    under_way = true;
    if (link->hung_up()) {
      schedule();  // its end was told while nobody listened
    } else if (!link->awaited(Way::read)) {
      link->wait(Way::read, *this);
    }
    if (!worker->sent_all() && !link->awaited(Way::write)) link->wait(Way::write, *this);
  }
  if (under_way && control_->hung_up()) {
    schedule();
  } else if (under_way && !control_->awaited(Way::read)) {
    control_->wait(Way::read, *this);
  } else if (!under_way && control_->awaited(Way::read)) {
    control_->stop_waiting(Way::read);
  }
}

// --- without the loop ---------------------------------------------------------------------------

void ProcessPoolState::wait_for_answers() noexcept {
  directly_ = true;
  try {
    while (phase_ != Phase::over && has_wanted()) {
      advance();
      if (phase_ != Phase::over && has_wanted()) wait_once();
    }
  } catch (...) {
    fail_all(std::current_exception());  // out of memory
  }
  directly_ = false;
}

void ProcessPoolState::wait_once() {
  std::vector<pollfd> fds{{control_->fd(), POLLIN, 0}};
  for (const auto& worker : workers_) {
    if (worker->link() == nullptr) continue;
    const int events = worker->sent_all() ? POLLIN : POLLIN | POLLOUT;
    fds.push_back({worker->link()->fd(), static_cast<short>(events), 0});
  }
  sys::wait_for_any(fds.data(), fds.size());
}

// --- workers ------------------------------------------------------------------------------------

PoolWorker* ProcessPoolState::find(std::uint64_t number) const noexcept {
  for (const auto& worker : workers_) {
    if (worker->number() == number) return worker.get();
  }
  return nullptr;
}

void ProcessPoolState::start_workers() {
  std::size_t starting = 0;
  std::size_t alive = 0;
  for (const auto& worker : workers_) {
    if (worker->state == State::starting) ++starting;
    if (worker->state != State::leaving && worker->state != State::gone) ++alive;
  }
  for (; alive < most_ && starting < queued_.size(); ++alive, ++starting) start_worker();
}

void ProcessPoolState::start_worker() {
  workers_.reserve(workers_.size() + 1);
  int ends[2];
  if (const int error = sys::pair_for_bytes(ends); error < 0) {
    sys::throw_errno(-error, "ProcessPoolExecutor: socketpair");
  }
  OwnedFd ours(ends[0]);
  const OwnedFd theirs(ends[1]);
  std::unique_ptr<Endpoint> link = loop_->backend().open(ours.get(), Descriptor::socket);
  (void)ours.release();  // the endpoint's
  auto worker = std::make_unique<PoolWorker>(++numbers_, std::move(link));
  const ForkRequest request{
      .kind = ForkRequest::Kind::fork, .worker = worker->number(), .initializer = initializer_};
  const int error =
      sys::send_with_descriptor(control_->fd(), &request, sizeof request, theirs.get());
  // It has ended, or has much to do: what it says of that comes as a turn.
  if (error == -EPIPE || error == -ECONNRESET || error == -EAGAIN) return;
  if (error != 0) sys::throw_errno(-error, "ProcessPoolExecutor: asking for a worker");
  workers_.push_back(std::move(worker));
}

void ProcessPoolState::serve(PoolWorker& worker) noexcept {
  if (worker.link() == nullptr) return;
  if (worker.state == State::idle) {
    if (worker.link()->hung_up()) lost(worker);
    return;
  }
  bool alive = false;
  try {
    alive = worker.send(directly_);
    alive = worker.receive(directly_) && alive;
  } catch (...) {
    // No memory for what it says: it would be waited for without end, since poll() has told.
    alive = false;
    if (worker.job != nullptr) fail(*std::exchange(worker.job, nullptr), std::current_exception());
  }
  const Ref<ProcessPoolState> kept(this);
  const std::uint64_t number = worker.number();
  take_messages(worker);
  if (!alive && find(number) == &worker) lost(worker);
}

void ProcessPoolState::take_messages(PoolWorker& worker) noexcept {
  const std::uint64_t number = worker.number();
  PoolWorker::Message message;
  while (find(number) == &worker && worker.link() != nullptr && worker.take_message(message)) {
    hear(worker, message);
  }
}

void ProcessPoolState::hear(PoolWorker& worker, const PoolWorker::Message& message) noexcept {
  if (message.answer == Answer::ready) {
    worker.ready = true;
    worker.state = State::idle;
    failed_starts_ = 0;
  } else if (message.answer == Answer::unusable) {
    break_down_by_initializer(message.content);
  } else if (worker.job != nullptr) {
    ProcessJob& job = *std::exchange(worker.job, nullptr);
    worker.forget_frame();
    worker.state = ++worker.jobs_done < jobs_of_a_worker_ ? State::idle : State::leaving;
    settle(job, message);
    if (worker.state == State::leaving) worker.close();
  }
}

// How it has ended the fork server will tell; if it has only closed its socket, it has to end.
void ProcessPoolState::lost(PoolWorker& worker) noexcept {
  worker.state = State::gone;
  worker.close();
  const ForkRequest request{
      .kind = ForkRequest::Kind::kill, .worker = worker.number(), .initializer = {}};
  sys::send_with_descriptor(control_->fd(), &request, sizeof request, -1);
}

void ProcessPoolState::ended(std::uint64_t number, int status) {
  PoolWorker* worker = find(number);
  if (worker == nullptr) return;
  // Its answer may have come before its end.
  while (worker->link() != nullptr && worker->state != State::idle) {
    const State before = worker->state;
    const bool alive = worker->receive(true);
    take_messages(*worker);
    if (phase_ == Phase::over) return;
    if (!alive || worker->state == before) break;
  }
  const bool failed_start = !worker->ready;
  if (worker->job != nullptr) {
    ProcessJob& job = *std::exchange(worker->job, nullptr);
    fail(job, std::make_exception_ptr(BrokenProcessPool(
                  fmt::format("run_in_executor(): the process that ran {} ended before it had an "
                              "answer: {}",
                              describe_call(job.call_), sys::describe_end(status)))));
  }
  std::erase_if(workers_, [&](const auto& one) { return one.get() == worker; });
  constexpr unsigned enough = 3;
  if (failed_start && ++failed_starts_ == enough) {
    break_down(
        fmt::format("ProcessPoolExecutor: {} workers, one after the other, ended before "
                    "their first job, the last one: {}; look into the initializer",
                    enough, sys::describe_end(status)));
  }
}

// --- the fork server ----------------------------------------------------------------------------

void ProcessPoolState::take_reports() noexcept {
  bool was_reset = false;
  try {
    while (phase_ != Phase::over) {
      ForkReport report;
      const std::span<std::byte> room(reinterpret_cast<std::byte*>(&report), sizeof report);
      const IoResult got = directly_ ? sys::receive(control_->fd(), room.data(), room.size())
                                     : control_->receive(room);
      if (got == would_block) return;
      // It has ended with a request unread: what it had said stands behind the error.
      if (got == -ECONNRESET && !std::exchange(was_reset, true)) continue;
      if (got != sizeof report) {
        server_lost();
        return;
      }
      take_report(report);
    }
  } catch (...) {
    fail_all(std::current_exception());  // no memory to say more
    end();
  }
}

void ProcessPoolState::take_report(const ForkReport& report) {
  switch (report.kind) {
    case ForkReport::Kind::ready: server_ready_ = true; break;
    case ForkReport::Kind::has_threads:
      break_down(
          fmt::format("ProcessPoolExecutor: this process has several threads, so the program "
                      "was run again to make workers, and had {} threads itself when it "
                      "reached asyncio::run() or a pool; make the pool before the threads",
                      report.value));
      break;
    case ForkReport::Kind::not_forked: not_forked(report); break;
    case ForkReport::Kind::ended: ended(report.worker, report.value); break;
  }
}

void ProcessPoolState::not_forked(const ForkReport& report) {
  std::erase_if(workers_, [&](const auto& one) { return one->number() == report.worker; });
  if (!workers_.empty()) return;
  fail_all(std::make_exception_ptr(std::system_error(report.value, std::generic_category(),
                                                     "ProcessPoolExecutor: fork of a worker")));
}

void ProcessPoolState::server_lost() {
  const bool told = server_ready_;
  const bool again = server_.again;
  control_.reset();  // should it only have stopped speaking, this ends it
  int status = 0;
  sys::reap(std::exchange(server_.pid, -1), status);
  const std::string how = sys::describe_end(status);
  if (again && !told) {
    break_down(fmt::format(
        "ProcessPoolExecutor: this process has several threads, so the program was run again to "
        "make workers, and ended ({}) before it reached asyncio::run(), run_main(), a Runner or a "
        "ProcessPoolExecutor; let its main() reach one, or make the pool before the first thread",
        how));
  } else {
    break_down("ProcessPoolExecutor: the process that makes its workers ended: " + how);
  }
}

void ProcessPoolState::break_down_by_initializer(std::string_view content) noexcept {
  std::string text = "ProcessPoolExecutor: the initializer failed";
  try {
    text += ": " + codec::decode<std::string>(content);
  } catch (...) {
    // It is said without the reason.
  }
  break_down(text);
}

void ProcessPoolState::break_down(const std::string& why) noexcept {
  std::exception_ptr error;
  try {
    error = std::make_exception_ptr(BrokenProcessPool(why));
    broken_ = why;
  } catch (...) {
    error = std::current_exception();
  }
  fail_all(error);
  end();
}

void ProcessPoolState::end() noexcept {
  if (std::exchange(phase_, Phase::over) == Phase::over) return;
  const Ref<ProcessPoolState> kept(this);
  drop_jobs();
  workers_.clear();
  control_.reset();
  if (server_.control >= 0) sys::close(server_.control);
  if (server_.pid >= 0 && !in_child()) {
    // One that is still on its way has nothing to clean up. Else it takes its workers along.
    if (server_.again && !server_ready_) sys::kill_child(server_.pid);
    int status = 0;
    sys::reap(server_.pid, status);
  }
  if (loop_ == nullptr) return;
  if (!turn_queued_) loop_->ready.unreserve();
  ProcessPoolService::of(*loop_).leave(*this);
  drop_ref();
}

}  // namespace asyncio::detail
