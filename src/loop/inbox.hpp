#pragma once

#include <asyncio/detail/scheduler.hpp>

namespace asyncio::detail {

/// What other threads give to a loop: a lock-free stack, turned round when it is taken, so that it
/// comes out in the order in which it went in.
class Inbox {
 public:
  enum class Posted { first, more, closed };

  /// `first`: the inbox was empty, so the loop may be asleep. Any thread, and signal handlers.
  Posted post(InboxNode& node) noexcept;
  /// The same, but does nothing and gives `first` if it is empty.
  Posted post_behind_others(InboxNode& node) noexcept;
  [[nodiscard]] bool empty() const noexcept {
    return __atomic_load_n(&head_, __ATOMIC_SEQ_CST) == nullptr;
  }
  /// Everything that was posted, oldest first, linked by `next`.
  [[nodiscard]] InboxNode* take() noexcept {
    return turn(__atomic_exchange_n(&head_, nullptr, __ATOMIC_ACQ_REL));
  }
  /// The same, and nothing can be posted any more.
  [[nodiscard]] InboxNode* close() noexcept {
    return turn(__atomic_exchange_n(&head_, closed(), __ATOMIC_ACQ_REL));
  }

 private:
  static InboxNode* turn(InboxNode* newest) noexcept;
  InboxNode* closed() noexcept { return &closed_mark_; }

  InboxNode* head_ = nullptr;
  InboxNode closed_mark_;
};

}  // namespace asyncio::detail
