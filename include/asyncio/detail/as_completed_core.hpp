#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/awaiter.hpp>
#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/task_state.hpp>
#include <asyncio/duration.hpp>

#include <cstddef>
#include <optional>

namespace asyncio::detail {

/// Futures in the order in which they end, and the tasks that wait for the next one.
class CompletedCore : public Pooled, Timer {
 public:
  static Hold<CompletedCore> make();
  void hold() noexcept { ++holds_; }
  void unhold() noexcept {
    if (--holds_ == 0) delete this;
  }

  /// Throws: std::invalid_argument if it belongs to another loop than the ones before.
  void add(FutureState& future);
  /// Returns: how many there are.
  std::size_t begin(std::optional<Duration> timeout);
  [[nodiscard]] bool empty() const noexcept { return first_done_ == nullptr && expired_ == 0; }
  /// The next one that is done; not if it is empty. Throws: TimeoutError.
  [[nodiscard]] Hold<FutureState> take();

 private:
  friend class NextCompleted;
  struct Item;

  CompletedCore() noexcept : Timer(&CompletedCore::time_out) {}
  ~CompletedCore();

  static void future_done(ReadyCall& item, ReadyAction action);
  static void time_out(ReadyCall& self, ReadyAction action);
  void put(Item* item) noexcept;
  void wake_next() noexcept;

  std::size_t holds_ = 0;
  Scheduler* scheduler_ = nullptr;
  Item* items_ = nullptr;  // all, as a list
  Item* last_item_ = nullptr;
  Item* first_done_ = nullptr;  // done and not taken, oldest first
  Item* last_done_ = nullptr;
  std::size_t pending_ = 0;
  std::size_t expired_ = 0;  // how many must hear of the timeout
  WaitList waiters_;
};

/// A task's place in the line for the next one.
class NextCompleted : public OwnAwaiter, public Waiter {
 public:
  explicit NextCompleted(CompletedCore& core) noexcept : Waiter(ops), core_(&core) {}
  NextCompleted(NextCompleted&& other) noexcept : Waiter(other), core_(other.core_) {}

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<>);
  void await_resume();

 private:
  static const Ops ops;
  static const WaitRoute to_items;
  CompletedCore* core_;
  WaitNode node_;
  bool taken_out_ = false;  // by a cancellation, before it was chosen
};

}  // namespace asyncio::detail
