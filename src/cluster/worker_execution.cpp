#include <asyncio/error.hpp>
#include <asyncio/moved.hpp>
#include <asyncio/threads.hpp>

#include "cluster/failures.hpp"
#include "cluster/registry.hpp"
#include "cluster/worker_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

/// How a worker runs a task, and what becomes of how that ends.
namespace asyncio::cluster::detail {
namespace {

/// No attempt could do better: it is for the dead letters.
class Undeliverable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

Registered function_for(const Message& message) {
  const auto found = find_task(message.task);
  if (!found) {
    throw Undeliverable(fmt::format(
        "no task is called \"{}\" in the worker that got it; it has {}; register it there by "
        "cluster::task()",
        message.task, known_tasks()));
  }
  if (found->function->version != message.version) {
    throw Undeliverable(fmt::format(
        "task \"{}\" has other parameters, or another result, in the worker (version {:x}) than "
        "where it was submitted (version {:x}); give the new one a new name while both are in use",
        message.task, found->function->version, message.version));
  }
  return *found;
}

// Twice as long after each attempt, and not at the same time as the others that have failed with
// it.
Duration back_off(const RetryPolicy& retry, std::uint32_t attempt) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  Duration delay = retry.first_delay;
  for (std::uint32_t i = 1; i < attempt && delay < retry.longest_delay; ++i) delay = delay * 2;
  delay = std::min(delay, retry.longest_delay);
  const std::int64_t half = delay.nanoseconds() / 2;
  return Duration::nanoseconds(half + std::uniform_int_distribution<std::int64_t>(0, half)(random));
}

Coro<> call_on_thread(JobRef job, void (*function)(RunningCall&)) {
  auto body = [job = std::move(job), function] { function(job->call); };
  auto done = to_thread(moved(body));
  co_await std::move(done);
}

}  // namespace

Coro<> WorkerState::execute(Delivery delivery) {
  Execution execution(*this, std::move(delivery));
  std::exception_ptr error;
  try {
    co_await perform(execution);
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (...) {
    error = std::current_exception();
  }
  co_await settle(execution, error);
}

Coro<> WorkerState::perform(Execution& execution) {
  const Registered task = function_for(execution.delivery.message);
  const auto job = std::make_shared<Job>(execution.delivery.message, task.target,
                                         get_running_loop(), &execution);
  execution.job = job;
  running_job.set(job);
  try {
    if (task.function->await != nullptr) {
      co_await task.function->await(job->call);
    } else {
      co_await call_on_thread(job, task.function->call);
    }
  } catch (const codec::DecodeError& error) {
    if (job->call.phase != RunningCall::Phase::reading) throw;
    throw Undeliverable(fmt::format("the arguments of task \"{}\" cannot be read: {}",
                                    execution.delivery.message.task, error.what()));
  }
}

Coro<> WorkerState::settle(Execution& execution, std::exception_ptr error) {
  if (error == nullptr) {
    ++counts.done;
    finish(execution, Outcome::value, std::move(execution.job->call.answer));
    co_return;
  }
  std::string why;
  bool was_cancelled = false;
  try {
    std::rethrow_exception(error);
  } catch (const Undeliverable& undeliverable) {
    why = undeliverable.what();
  } catch (const CancelledError&) {
    was_cancelled = true;
  } catch (...) {
    // below
  }
  if (was_cancelled) {
    co_await settle_cancelled(execution);
  } else if (why.empty()) {
    co_await settle_failed(execution, error);
  } else {
    ++counts.failed;
    std::string payload = encode_lost(why);
    co_await broker_.fail(execution.delivery, std::move(why), std::move(payload));
  }
}

Coro<> WorkerState::settle_cancelled(Execution& execution) {
  if (execution.why == Execution::Why::lost) {
    ++counts.lost;
    co_return;
  }
  const auto task = current_task();
  if (execution.why == Execution::Why::unwanted || task->cancelling() == 0) {
    ++counts.cancelled;
    finish(execution, Outcome::cancelled, {});
    co_return;
  }
  ++counts.returned;
  co_await in_time(broker_.delay(execution.delivery, Duration()), last_words);
}

Coro<> WorkerState::settle_failed(Execution& execution, std::exception_ptr error) {
  Message& message = execution.delivery.message;
  if (message.attempt < message.retry.max_attempts) {
    ++counts.retried;
    const Duration delay = back_off(message.retry, message.attempt);
    ++message.attempt;
    co_await broker_.delay(execution.delivery, delay);
    co_return;
  }
  ++counts.failed;
  std::string payload = encode_error(error);
  if (message.retry.max_attempts <= 1 && !message.reply_to.empty()) {
    finish(execution, Outcome::error, std::move(payload));  // whoever waits knows what to do
    co_return;
  }
  std::string why = fmt::format("attempt {} of {} has failed: {}", message.attempt,
                                message.retry.max_attempts, asyncio::detail::describe(error));
  co_await broker_.fail(execution.delivery, std::move(why), std::move(payload));
}

}  // namespace asyncio::cluster::detail
