#include <asyncio/coroutine.hpp>

#include "base/log.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

void report_never_awaited(const PromiseBase& promise) noexcept {
  try {
    log(LogLevel::warning,
        fmt::format("coroutine '{}' was never awaited ({}:{}); co_await it, or start it by "
                    "asyncio::create_task()",
                    function_name(promise.function), file_name(promise.function.file_name()),
                    promise.function.line()));
  } catch (...) {
    log(LogLevel::warning, "a coroutine was never awaited");
  }
}

// --- foreign awaiters ---------------------------------------------------------------------------

namespace {
constexpr Waiter::Ops foreign_ops{nullptr, nullptr, nullptr, "a foreign awaitable"};
}  // namespace

struct ForeignWait::Bridge {
  struct promise_type {
    explicit promise_type(ForeignWait& w) noexcept : wait(w) {}
    Bridge get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    // It wakes the task as the last thing, when it is suspended: the task, on another thread, may
    // destroy it at once.
    static auto final_suspend() noexcept {
      struct Wake {
        static bool await_ready() noexcept { return false; }
        static void await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          self.promise().wait.wake();
        }
        static void await_resume() noexcept {}
      };
      return Wake{};
    }
    static void return_void() noexcept {}
    static void unhandled_exception() noexcept {}

    ForeignWait& wait;
  };
  std::coroutine_handle<> handle;
};

ForeignWait::Bridge ForeignWait::make_bridge(ForeignWait&) { co_return; }

ForeignWait::ForeignWait() noexcept : Waiter(foreign_ops) {}
ForeignWait::ForeignWait(ForeignWait&& other) noexcept : Waiter(other) {}

ForeignWait::~ForeignWait() {
  if (bridge_) bridge_.destroy();
}

std::coroutine_handle<> ForeignWait::begin() {
  bridge_ = make_bridge(*this).handle;
  task_ = running_task();
  task_->park(*this);
  ++task_->scheduler().outside_work;
  return bridge_;
}

void ForeignWait::abort() noexcept {
  task_->unpark();
  --task_->scheduler().outside_work;
}

void ForeignWait::wake() noexcept {
  Scheduler& scheduler = task_->scheduler();
  if (scheduler.on_own_thread()) {
    --scheduler.outside_work;
    task_->schedule();
    return;
  }
  node_.wait = this;
  node_.deliver = [](InboxNode& self, ReadyAction action) {
    TaskState& task = *static_cast<Node&>(self).wait->task_;
    task.scheduler().ready.unreserve();
    --task.scheduler().outside_work;
    if (action == ReadyAction::run) task.schedule();
  };
  (void)scheduler.post(node_);  // closed: the task is gone, and nothing waits any more
}

void ForeignWait::finish() {
  if (task_ != nullptr) task_->throw_delivery_if_any();
}

}  // namespace asyncio::detail
