#include "io/default_executor.hpp"

#include "base/log.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/wait_for.hpp>

#include <fmt/format.h>

#include <thread>
#include <utility>

namespace asyncio {
namespace detail {

JobTable*& JobTable::table_of(Scheduler& scheduler) noexcept {
  return static_cast<LoopState&>(scheduler).jobs;
}

DefaultExecutor& DefaultExecutor::of(LoopState& loop) {
  if (loop.executor == nullptr) loop.executor = std::make_unique<DefaultExecutor>();
  return static_cast<DefaultExecutor&>(*loop.executor);
}

Executor& DefaultExecutor::get() {
  if (shut_down_) throw_runtime_error("run_in_executor(): executor shutdown has been called");
  if (set_ != nullptr) return *set_;
  if (own_ == nullptr) own_ = std::make_unique<ThreadPoolExecutor>();
  return *own_;
}

std::unique_ptr<ThreadPoolExecutor> DefaultExecutor::shut_down() noexcept {
  shut_down_ = true;
  if (set_ != nullptr) set_->shutdown(false);
  return std::move(own_);
}

void DefaultExecutor::loop_closing() noexcept {
  jobs.detach_all();
  if (auto pool = shut_down()) abandon(std::move(pool));
}

void abandon(std::unique_ptr<ThreadPoolExecutor> pool) noexcept {
  pool->shutdown(false);
  try {
    std::thread([p = std::move(pool)]() mutable { p.reset(); }).detach();
  } catch (...) {
    log(LogLevel::warning, "the default executor's threads were joined: no thread to do it");
  }
}

}  // namespace detail

void EventLoop::set_default_executor(ThreadPoolExecutor& executor) {
  state_->check_open("set_default_executor()");
  detail::DefaultExecutor::of(*state_).set(executor);
}

namespace {

Coro<> join(EventLoop& loop, std::unique_ptr<ThreadPoolExecutor> pool,
            std::optional<Duration> timeout) {
  // A thread of its own does the joining; the pool is shared with it, in case nobody waits for
  // the end.
  Future<> joined(loop);
  detail::LoopState& state = detail::LoopAccess::state(loop);
  ++state.outside_work;
  std::thread helper([&loop, &state, joined, p = std::move(pool)]() mutable {
    p.reset();
    try {
      loop.call_soon_threadsafe([&state, done = std::move(joined)] {
        --state.outside_work;
        if (!done.done()) done.set_result();
      });
    } catch (const RuntimeError&) {
      // The loop was closed without waiting.
    }
  });
  auto end = co_await as_result(wait_for(std::move(joined), timeout));
  if (end) {
    helper.join();
    co_return;
  }
  helper.detach();
  if (end.cancelled()) std::rethrow_exception(end.error());
  detail::log(LogLevel::warning,
              fmt::format("the default executor did not finish joining its threads within {:g} "
                          "seconds",
                          timeout->seconds()));
}

}  // namespace

Coro<> EventLoop::shutdown_default_executor(std::optional<Duration> timeout) {
  auto pool = detail::DefaultExecutor::of(*state_).shut_down();
  if (pool != nullptr) co_await join(*this, std::move(pool), timeout);
}

}  // namespace asyncio
