#include "cluster/worker_state.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/names.hpp"
#include "io/system_fork.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace asyncio::cluster::detail {
namespace {

constexpr auto shortest_visibility = Duration::nanoseconds(100'000'000);

std::vector<std::string> parts_of(std::string_view names) {
  std::vector<std::string> parts;
  while (!names.empty()) {
    const std::size_t comma = names.find(',');
    const std::string_view part = names.substr(0, comma);
    if (!part.empty()) parts.emplace_back(part);
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
  return parts;
}

bool same(const Lease& a, const Lease& b) noexcept {
  return a.entry == b.entry && a.queue == b.queue;
}

}  // namespace

// --- executions ---------------------------------------------------------------------------------

Execution::Execution(WorkerState& by, Delivery what)
    : worker(by), delivery(std::move(what)), task_(*current_task()) {
  worker.executions.insert(this);
  worker.counts.running = static_cast<std::uint32_t>(worker.executions.size());
}

Execution::~Execution() {
  if (job != nullptr) job->execution = nullptr;
  worker.executions.erase(this);
  worker.counts.running = static_cast<std::uint32_t>(worker.executions.size());
  worker.note_change();
}

void Execution::end(Why reason) {
  why = reason;
  task_.cancel();
}

// --- the worker ---------------------------------------------------------------------------------

WorkerState::WorkerState(Broker& broker, const WorkerOptions& options)
    : broker_(broker), grace_(options.grace) {
  consumer.name = options.name.empty() ? new_name() : std::string(options.name);
  consumer.queues = parts_of(options.queues);
  consumer.visibility = options.visibility;
  consumer.max_deliveries = std::max<std::uint32_t>(options.max_deliveries, 1);
  const auto processors = static_cast<std::uint32_t>(asyncio::detail::sys::processor_count());
  consumer.concurrency = options.concurrency == 0 ? 2 * processors : options.concurrency;
  if (consumer.queues.empty()) {
    throw std::invalid_argument(fmt::format(
        "Worker: \"{}\" names no queue; name some, with commas between them", options.queues));
  }
  if (options.visibility < shortest_visibility) {
    throw std::invalid_argument(
        fmt::format("Worker: a visibility of {} ns is too short to be extended in time; 100 ms is "
                    "the shortest",
                    options.visibility.nanoseconds()));
  }
}

Coro<> WorkerState::run() {
  if (std::exchange(started_, true)) {
    throw RuntimeError("Worker::run(): it has run already; make a new Worker");
  }
  const auto body = [this](TaskGroup&) { return serve(); };
  co_await with(group_, body);
}

void WorkerState::stop() noexcept {
  if (std::exchange(stopping_, true)) return;
  if (claiming_) claiming_->cancel();
  changed_.set();
}

// A broker that cannot be reached keeps nobody from stopping: what this one has goes to another one
// when its time is over.
Coro<> WorkerState::serve() {
  group_.create_task(extend());
  group_.create_task(tend());
  co_await claim_until_stopped();
  co_await drain();
  co_await in_time(broker_.leave(consumer), last_words);
  group_.cancel();
}

// Returns: false if it has not ended by then.
Coro<bool> WorkerState::in_time(Coro<> end, Duration limit) {
  auto limited = wait_for(std::move(end), limit);
  try {
    co_await std::move(limited);
    co_return true;
  } catch (const TimeoutError&) {
    co_return false;
  }
}

void WorkerState::note_change() noexcept {
  changed_.set();
  if (is_full_) claiming_->cancel();
}

Coro<> WorkerState::claim_until_stopped() {
  while (!stopping_) {
    const auto room =
        consumer.concurrency - std::min<std::size_t>(consumer.concurrency, executions.size());
    if (room == 0) {
      co_await wait_for_room();
      continue;
    }
    claiming_.emplace(group_.create_task(claim_some(static_cast<std::uint32_t>(room))));
    const auto result = co_await as_result(*claiming_);
    if (!result && !stopping_) std::rethrow_exception(result.error());
  }
}

// Mostly that is soon, and costs nothing then. If not, it must hear of what nobody wants any more.
Coro<> WorkerState::wait_for_room() {
  constexpr auto soon = Duration::nanoseconds(100'000'000);
  changed_.clear();
  auto change = wait_for(changed_.wait(), soon);
  const auto changed = co_await as_result(std::move(change));
  if (changed.cancelled()) std::rethrow_exception(changed.error());
  if (stopping_ || executions.size() < consumer.concurrency) co_return;
  claiming_.emplace(group_.create_task(claim_some(0)));
  is_full_ = true;
  const auto result = co_await as_result(*claiming_);
  is_full_ = false;
  if (!result && !changed_.is_set() && !stopping_) std::rethrow_exception(result.error());
}

Coro<> WorkerState::claim_some(std::uint32_t most) {
  Claimed claimed = co_await broker_.claim(consumer, most);
  counts.claimed += claimed.deliveries.size();
  for (const std::string& id : claimed.cancelled) {
    for (Execution* execution : executions) {
      if (execution->delivery.message.id == id) execution->end(Execution::Why::unwanted);
    }
  }
  for (Delivery& delivery : claimed.deliveries) group_.create_task(execute(std::move(delivery)));
  // They begin and are counted; those that end at once are told of before Redis is asked for more.
  constexpr int turns = 4;
  for (int i = 0; i < turns; ++i) co_await sleep(Duration());
}

Coro<> WorkerState::drain() {
  const bool all = co_await in_time(wait_until_idle(), grace_);
  if (all) co_return;
  for (Execution* execution : executions) execution->end(Execution::Why::stopped);
  co_await in_time(wait_until_idle(), last_words);
}

Coro<> WorkerState::wait_until_idle() {
  while (!idle()) {
    changed_.clear();
    co_await changed_.wait();
  }
}

bool WorkerState::idle() const noexcept {
  return executions.empty() && ends_.empty() && being_sent_.empty();
}

std::vector<Lease> WorkerState::leases() const {
  std::vector<Lease> all = being_sent_;
  for (const Execution* execution : executions) all.push_back(execution->delivery.lease);
  for (const Finished& end : ends_) all.push_back(end.lease);
  return all;
}

Coro<> WorkerState::extend() {
  for (;;) {
    std::vector<Lease> all = leases();
    const std::vector<Lease> lost = co_await broker_.extend(consumer, std::move(all));
    for (const Lease& lease : lost) {
      for (Execution* execution : executions) {
        if (same(execution->delivery.lease, lease)) execution->end(Execution::Why::lost);
      }
    }
    co_await sleep(consumer.visibility / 3);
  }
}

Coro<> WorkerState::tend() {
  constexpr auto shortest = Duration::nanoseconds(10'000'000);
  constexpr auto longest = Duration::nanoseconds(1'000'000'000);
  for (;;) {
    const Duration quiet = co_await broker_.tend(consumer);
    co_await sleep(std::clamp(quiet, shortest, longest));
  }
}

void WorkerState::keep_running(std::optional<Task<>>& task, Coro<> (WorkerState::*body)()) {
  if (!task || task->done()) task.emplace(group_.create_task((this->*body)()));
}

// --- what has ended -----------------------------------------------------------------------------

void WorkerState::finish(const Execution& execution, Outcome outcome, std::string payload) {
  Finished end;
  end.lease = execution.delivery.lease;
  end.outcome = outcome;
  end.payload = std::move(payload);
  ends_.push_back(std::move(end));
  keep_running(sending_, &WorkerState::send_ends);
}

// While some are on their way the next ones gather.
Coro<> WorkerState::send_ends() {
  while (!ends_.empty()) {
    std::vector<Finished> batch = std::exchange(ends_, {});
    for (const Finished& end : batch) being_sent_.push_back(end.lease);
    co_await broker_.finish(std::move(batch));
    being_sent_.clear();
    note_change();
  }
}

void WorkerState::note_report(const Execution& execution) {
  const Job& job = *execution.job;
  Report& report = reports_[&execution];
  report.lease = execution.delivery.lease;
  report.done = __atomic_load_n(&job.done, __ATOMIC_RELAXED);
  report.total = __atomic_load_n(&job.total, __ATOMIC_RELAXED);
  keep_running(reporting_, &WorkerState::send_reports);
}

Coro<> WorkerState::send_reports() {
  constexpr auto pause = Duration::nanoseconds(100'000'000);
  while (!reports_.empty()) {
    const auto batch = std::exchange(reports_, {});
    for (const auto& [execution, report] : batch) {
      co_await broker_.report(report.lease, report.done, report.total);
    }
    co_await sleep(pause);
  }
}

}  // namespace asyncio::cluster::detail
