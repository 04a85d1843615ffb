#include "loop/inbox.hpp"

#include <utility>

namespace asyncio::detail {

Inbox::Posted Inbox::post(InboxNode& node) noexcept {
  for (;;) {
    const Posted posted = post_behind_others(node);
    if (posted != Posted::first) return posted;
    InboxNode* none = nullptr;
    node.next = nullptr;
    if (__atomic_compare_exchange_n(&head_, &none, &node, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED)) {
      return Posted::first;
    }
  }
}

Inbox::Posted Inbox::post_behind_others(InboxNode& node) noexcept {
  InboxNode* head = __atomic_load_n(&head_, __ATOMIC_RELAXED);
  do {
    if (head == nullptr) return Posted::first;
    if (head == closed()) return Posted::closed;
    node.next = head;
  } while (
      !__atomic_compare_exchange_n(&head_, &head, &node, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  return Posted::more;
}

InboxNode* Inbox::turn(InboxNode* newest) noexcept {
  InboxNode* oldest = nullptr;
  while (newest != nullptr) {
    InboxNode* next = std::exchange(newest->next, oldest);
    oldest = std::exchange(newest, next);
  }
  return oldest;
}

}  // namespace asyncio::detail
