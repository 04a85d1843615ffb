#include <asyncio/coroutine.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/origin.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace asyncio::detail {

void report_never_awaited(const PromiseBase& promise) noexcept {
  count_report(&ReportCounts::never_awaited);
  try {
    log(LogLevel::warning,
        fmt::format("coroutine '{}' was never awaited ({}:{}); co_await it, or start it by "
                    "asyncio::create_task(){}",
                    function_name(promise.function), file_name(promise.function.file_name()),
                    promise.function.line(), origin_text(promise)));
  } catch (...) {
    log(LogLevel::warning, "a coroutine was never awaited");
  }
}

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 15
void die_miscompiled(const PromiseBase& seen) noexcept {
  // The condition's value stands before the frame: all is one word further on.
  const auto& promise =
      *reinterpret_cast<const PromiseBase*>(reinterpret_cast<const char*>(&seen) + sizeof(void*));
  // Not to the log sink, which may keep it to itself.
  fmt::print(stderr,
             "coroutine '{}' ({}:{}) is miscompiled by g++ before 15: it has a co_await in the "
             "condition of an if, while or switch, and no variable of its own; write bool b = "
             "co_await ...; if (b)\n",
             function_name(promise.function), file_name(promise.function.file_name()),
             promise.function.line());
  std::abort();
}
#endif

void throw_consumed(const char* who, const char* type) {
  throw_runtime_error(
      fmt::format("{}: this Coro<{}> was moved from, awaited or closed already; a coroutine runs "
                  "once: call its function again, or share it by create_task()",
                  who, readable_type(type)));
}

// --- foreign awaiters ---------------------------------------------------------------------------

namespace {
constexpr Waiter::Ops foreign_ops{nullptr, nullptr, nullptr, "a foreign awaitable"};
}  // namespace

/// What a foreign thread touches: it may still be in the loop's inbox when the awaiter has gone.
struct ForeignWait::Block : InboxNode {
  Block(ForeignWait& w, Scheduler& s) noexcept : wait(&w), scheduler(s) {
    deliver = [](InboxNode& self, ReadyAction action) {
      auto& block = static_cast<Block&>(self);
      block.scheduler.ready.unreserve();
      block.resume(action);
      block.drop();
    };
  }
  void drop() noexcept {
    if (owners.drop()) delete this;
  }
  // On the loop's thread.
  void resume(ReadyAction action) noexcept {
    --scheduler.outside_work;
    if (wait != nullptr && action == ReadyAction::run) wait->task_->schedule();
  }
  // On any thread.
  void wake() noexcept {
    if (scheduler.on_own_thread()) {
      resume(ReadyAction::run);
      return;
    }
    owners.add();
    if (!scheduler.post(*this)) drop();  // closed: nothing waits any more
  }

  SharedCount owners;  // the awaiter, and the inbox while it is there
  ForeignWait* wait;   // null once that has gone; the loop's thread only
  Scheduler& scheduler;
};

struct ForeignWait::Bridge {
  struct promise_type {
    explicit promise_type(Block& b) noexcept : block(b) {}
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
          self.promise().block.wake();
        }
        static void await_resume() noexcept {}
      };
      return Wake{};
    }
    static void return_void() noexcept {}
    static void unhandled_exception() noexcept {}

    Block& block;
  };
  std::coroutine_handle<> handle;
};

ForeignWait::Bridge ForeignWait::make_bridge(Block&) { co_return; }

ForeignWait::ForeignWait() noexcept : Waiter(foreign_ops) {}
ForeignWait::ForeignWait(ForeignWait&& other) noexcept : Waiter(other) {}

ForeignWait::~ForeignWait() {
  if (bridge_) bridge_.destroy();
  if (block_ == nullptr) return;
  block_->wait = nullptr;
  block_->drop();
}

std::coroutine_handle<> ForeignWait::begin() {
  TaskState* task = running_task();
  block_ = new Block(*this, task->scheduler());
  bridge_ = make_bridge(*block_).handle;
  task_ = task;
  task_->park(*this);
  ++task_->scheduler().outside_work;
  return bridge_;
}

void ForeignWait::abort() noexcept {
  task_->unpark();
  --task_->scheduler().outside_work;
}

void ForeignWait::finish() {
  if (task_ != nullptr) task_->throw_delivery_if_any();
}

}  // namespace asyncio::detail
