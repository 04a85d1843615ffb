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
  if (shut_down_)
    throw_runtime_error(
        "run_in_executor(): executor shutdown has been called; submit jobs before it, or give an "
        "executor of your own");
  if (pool_ == nullptr) pool_ = std::make_unique<ThreadPoolExecutor>();
  return *pool_;
}

void DefaultExecutor::set(ThreadPoolExecutor& executor) {
  if (pool_ != nullptr && pool_->pool_ == executor.pool_) return;
  std::unique_ptr<ThreadPoolExecutor> shared(new ThreadPoolExecutor(executor.pool_));
  if (pool_ != nullptr && shared_) {
    pool_->forget();  // its owner goes on with it
  } else if (pool_ != nullptr) {
    abandon(std::move(pool_));
  }
  pool_ = std::move(shared);
  shared_ = true;
}

std::unique_ptr<ThreadPoolExecutor> DefaultExecutor::shut_down() noexcept {
  shut_down_ = true;
  return std::move(pool_);
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

/// A thread for each job, that nobody joins: for the joining of the others.
class DetachedThreads final : public Executor {
 public:
  void submit(detail::Job& job) override {
    std::thread([&job] { job.run(); }).detach();
  }
};
DetachedThreads detached_threads;

Coro<> join(EventLoop& loop, std::unique_ptr<ThreadPoolExecutor> pool,
            std::optional<Duration> timeout) {
  auto destroy = [p = std::move(pool)]() mutable { p.reset(); };
  Future<> joined = loop.run_in_executor(&detached_threads, std::move(destroy));
  auto end = co_await as_result(wait_for(std::move(joined), timeout));
  if (end) co_return;
  if (end.cancelled()) end.value();
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
