#include "process/process_pool_state.hpp"

#include "io/system.hpp"
#include "io/system_fork.hpp"
#include "process/worker_function.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <utility>

// The jobs of a pool; its processes are in process_pool_processes.cpp.

namespace asyncio::detail {

ProcessPoolState::ProcessPoolState(const ProcessPoolOptions& options)
    : ReadyCall{&ProcessPoolState::take_turn},
      IoObserver{&ProcessPoolState::on_ready},
      forks_((sys::watch_forks(), sys::forks())),
      most_(options.max_workers != 0 ? options.max_workers : sys::processor_count()),
      jobs_of_a_worker_(
          options.max_tasks_per_child.value_or(std::numeric_limits<std::size_t>::max())) {
  if (jobs_of_a_worker_ == 0) {
    throw_invalid_argument(
        "ProcessPoolExecutor: max_tasks_per_child is 0; a worker does one job at least");
  }
  become_fork_server_if_asked();
  if (options.initializer != nullptr) {
    initializer_ = place_of(reinterpret_cast<const void*>(options.initializer));
  }
  server_ = start_fork_server();
}

ProcessPoolState::~ProcessPoolState() {
  if (phase_ != Phase::over) end();
}

void ProcessPoolState::drop_ref() noexcept {
  if (--owners_ == 0) delete this;
}

bool ProcessPoolState::in_child() const noexcept { return sys::forks() != forks_; }

// --- submitting ---------------------------------------------------------------------------------

void ProcessPoolState::check_may_submit(LoopState& loop) const {
  if (in_child()) {
    throw_runtime_error(
        "run_in_executor(): the pool was made before fork() and belongs to the parent process; "
        "make a new one in the child");
  }
  if (!broken_.empty()) throw BrokenProcessPool(broken_);
  if (loop_ != nullptr && loop_ != &loop) {
    throw_runtime_error(fmt::format(
        "run_in_executor(): the pool belongs to loop \"{}\", which used it first, and not to loop "
        "\"{}\"; make one for each loop",
        loop_->name, loop.name));
  }
  if (phase_ != Phase::open) {
    throw_runtime_error(
        "ProcessPoolExecutor: cannot schedule new futures after shutdown(), or after its loop was "
        "closed; make a new pool");
  }
}

void ProcessPoolState::attach(LoopState& loop) {
  if (loop_ != nullptr) return;
  ProcessPoolService& service = ProcessPoolService::of(loop);
  loop.ready.reserve();
  try {
    control_ = loop.backend().open(server_.control, Descriptor::socket);
  } catch (...) {
    loop.ready.unreserve();
    throw;
  }
  server_.control = -1;  // the endpoint's
  loop_ = &loop;
  service.enter(*this);
  add_ref();
}

ProgramPlace ProcessPoolState::place(const void* address) {
  if (const auto known = places_.find(address); known != places_.end()) return known->second;
  return places_.emplace(address, place_of(address)).first->second;
}

void ProcessPoolState::write_head(ProcessJob& job) {
  JobHead head;
  head.size = job.call_.frame.size();
  head.job = ++numbers_;
  head.function = place(job.call_.function);
  if (job.call_.target != nullptr) head.target = place(job.call_.target);
  head.signature = job.call_.function->signature;
  std::memcpy(job.call_.frame.data(), &head, sizeof head);
}

void ProcessPoolState::submit(LoopState& loop, ProcessJob& job, FutureState& future) {
  check_may_submit(loop);
  attach(loop);
  write_head(job);
  queued_.push_back(&job);
  try {
    job.attach(future);
  } catch (...) {
    queued_.pop_back();
    throw;
  }
  const Ref<ProcessPoolState> kept(this);
  dispatch();
  watch();
}

void ProcessPoolState::refuse(ProcessJob& job) noexcept { job.drop_owner(); }

// --- giving them out ----------------------------------------------------------------------------

// The first in the queue, without those that nobody wants any more.
ProcessJob* ProcessPoolState::first_wanted() noexcept {
  while (!queued_.empty()) {
    ProcessJob& job = *queued_.front();
    if (job.phase_ == ProcessJob::Phase::queued && job.wanted() != nullptr) return &job;
    job.phase_ = ProcessJob::Phase::withdrawn;
    queued_.pop_front();
    job.drop_owner();
  }
  return nullptr;
}

void ProcessPoolState::dispatch() noexcept {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->state != PoolWorker::State::idle) continue;
    ProcessJob* job = first_wanted();
    if (job == nullptr) return;
    if (give(*workers_[i], *job)) queued_.pop_front();
  }
  try {
    if (first_wanted() != nullptr) start_workers();
  } catch (...) {
    if (workers_.empty()) fail_all(std::current_exception());
  }
}

// Returns: false if the worker has died while it had nothing to do; it has not begun with the job.
bool ProcessPoolState::give(PoolWorker& worker, ProcessJob& job) noexcept {
  worker.begin_to_send(job.call_.frame);
  const bool alive = !worker.link()->hung_up() && worker.send(directly_);
  if (!alive && worker.sent_nothing()) {
    worker.forget_frame();
    lost(worker);
    return false;
  }
  job.phase_ = ProcessJob::Phase::running;
  worker.job = &job;
  worker.state = PoolWorker::State::busy;
  if (!alive) lost(worker);
  return true;
}

// --- answers ------------------------------------------------------------------------------------

namespace {

std::exception_ptr remote_error(std::string_view content) {
  codec::Decoder in(content);
  const auto type = in.decode<std::string>();
  const auto text = in.decode<std::string>();
  const auto traceback = in.decode<std::string>();
  return std::make_exception_ptr(RemoteError(type, text, traceback));
}

std::exception_ptr refused_error(const EncodedCall& call, std::string_view content) {
  return std::make_exception_ptr(RuntimeError(fmt::format(
      "run_in_executor(): {}: {}", describe_call(call), codec::decode<std::string>(content))));
}

}  // namespace

// Its owner is the worker no more.
void ProcessPoolState::settle(ProcessJob& job, const PoolWorker::Message& message) noexcept {
  if (FutureState* future = job.wanted()) {
    try {
      if (message.answer == Answer::value) {
        codec::Decoder result(message.content);
        job.fulfil(*future, result);
      } else if (message.answer == Answer::error) {
        future->fail(Failure(remote_error(message.content)));
      } else {
        future->fail(Failure(refused_error(job.call_, message.content)));
      }
    } catch (...) {
      if (!future->done()) future->fail(current_failure());
    }
  }
  job.detach();
  job.drop_owner();
}

void ProcessPoolState::fail(ProcessJob& job, const std::exception_ptr& error) noexcept {
  if (FutureState* future = job.wanted()) future->fail(Failure(error));
  job.detach();
  job.drop_owner();
}

void ProcessPoolState::fail_all(const std::exception_ptr& error) noexcept {
  while (ProcessJob* job = first_wanted()) {
    queued_.pop_front();
    job->phase_ = ProcessJob::Phase::running;
    fail(*job, error);
  }
  for (const auto& worker : workers_) {
    if (worker->job != nullptr) fail(*std::exchange(worker->job, nullptr), error);
  }
}

void ProcessPoolState::cancel_queued() noexcept {
  while (ProcessJob* job = first_wanted()) {
    queued_.pop_front();
    job->wanted()->cancel({});
    job->phase_ = ProcessJob::Phase::withdrawn;
    job->drop_owner();
  }
}

bool ProcessPoolState::has_wanted() noexcept {
  for (const auto& worker : workers_) {
    if (worker->job != nullptr && worker->job->wanted() != nullptr) return true;
  }
  for (const ProcessJob* job : queued_) {
    if (job->wanted() != nullptr) return true;
  }
  return false;
}

// --- the end ------------------------------------------------------------------------------------

void ProcessPoolState::shutdown(bool wait, bool cancel) noexcept {
  if (phase_ == Phase::over) return;
  const Ref<ProcessPoolState> kept(this);
  phase_ = Phase::closing;
  if (in_child()) {
    loop_closing();
    return;
  }
  if (cancel) cancel_queued();
  if (wait && !advancing_) wait_for_answers();
  end_if_done();
}

void ProcessPoolState::loop_closing() noexcept {
  const Ref<ProcessPoolState> kept(this);
  end();
}

// Without an answer: nobody waits for one, or the loop is being closed.
void ProcessPoolState::drop_jobs() noexcept {
  for (ProcessJob* job : queued_) {
    job->detach();
    job->drop_owner();
  }
  queued_.clear();
  for (const auto& worker : workers_) {
    if (worker->job == nullptr) continue;
    worker->job->detach();
    std::exchange(worker->job, nullptr)->drop_owner();
  }
}

void ProcessPoolState::end_if_done() noexcept {
  if (phase_ == Phase::closing && !advancing_ && !has_wanted()) end();
}

}  // namespace asyncio::detail
