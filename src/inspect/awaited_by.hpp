#pragma once

#include <asyncio/detail/future_state.hpp>

namespace asyncio::detail {

/// One future_add_to_awaited_by(): in the list of its loop, and with a node in each of the two
/// futures, so that it ends when one of them is done or goes. Holds neither.
class AwaitedByEdge : public Pooled {
 public:
  static void add(FutureState& future, FutureState& waiter);
  static void discard(const FutureState& future, const FutureState& waiter) noexcept;

  [[nodiscard]] static const AwaitedByEdge* first(const Scheduler& scheduler) noexcept {
    return scheduler.awaited_by;
  }
  [[nodiscard]] const AwaitedByEdge* next() const noexcept { return next_; }
  [[nodiscard]] FutureState& future() const noexcept { return *future_.state; }
  [[nodiscard]] FutureState& waiter() const noexcept { return *waiter_.state; }

 private:
  struct End : WaitCall {
    End(AwaitedByEdge& e, FutureState& s) noexcept
        : WaitCall(&AwaitedByEdge::ended), edge(e), state(&s) {}
    AwaitedByEdge& edge;
    FutureState* state;
  };

  AwaitedByEdge(FutureState& future, FutureState& waiter);
  ~AwaitedByEdge() = default;

  static void ended(ReadyCall& self, ReadyAction action);
  void leave() noexcept;

  Scheduler& loop_;  // a future that is done may go before the turn of its node
  End future_;
  End waiter_;
  AwaitedByEdge* previous_ = nullptr;
  AwaitedByEdge* next_ = nullptr;
  bool queued_ = false;  // then its turn deletes it
};

}  // namespace asyncio::detail
