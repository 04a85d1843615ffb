#pragma once

#include <asyncio/detail/awaiter.hpp>
#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/promise.hpp>
#include <asyncio/detail/task_state.hpp>
#include <asyncio/duration.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace asyncio {

/// What wait() waits for. Python: the constants of the same names.
enum class ReturnWhen : unsigned char { first_completed, first_exception, all_completed };
inline constexpr ReturnWhen FIRST_COMPLETED = ReturnWhen::first_completed;
inline constexpr ReturnWhen FIRST_EXCEPTION = ReturnWhen::first_exception;
inline constexpr ReturnWhen ALL_COMPLETED = ReturnWhen::all_completed;

namespace detail {

/// A task's wait for some of several futures. Its nodes live in a block on the heap, since a
/// future that is done later than enough of the others may be in the queue when the wait is over.
class SetWait : public OwnAwaiter, public Waiter, Timer {
 public:
  SetWait(std::optional<Duration> timeout, ReturnWhen return_when) noexcept
      : Waiter(set_ops), Timer(&SetWait::time_out), timeout_(timeout), return_when_(return_when) {}
  SetWait(SetWait&& other) noexcept
      : Waiter(other),
        Timer(&SetWait::time_out),
        block_(std::exchange(other.block_, nullptr)),
        timeout_(other.timeout_),
        return_when_(other.return_when_) {}
  SetWait& operator=(SetWait&&) = delete;
  ~SetWait();

  [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "wait() can be awaited only in an asyncio::Coro");
    begin();
  }
  /// Throws: CancelledError.
  void await_resume() {
    end();
    running_task()->throw_delivery_if_any();
  }

  /// Room for this many. Throws: std::bad_alloc.
  void reserve(std::size_t futures);
  /// Throws: std::invalid_argument if it belongs to another loop than the ones before.
  void add(FutureState& future);
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct Block;
  struct Node;
  static const Ops set_ops;
  static const WaitRoute to_set;
  static void future_done(ReadyCall& node, ReadyAction action);
  static void time_out(ReadyCall& self, ReadyAction action);
  void begin();
  void end() noexcept;
  void wake() noexcept;

  Block* block_ = nullptr;
  std::optional<Duration> timeout_;
  TaskState* task_ = nullptr;
  ReturnWhen return_when_;
  bool waiting_ = false;
};

}  // namespace detail
}  // namespace asyncio
