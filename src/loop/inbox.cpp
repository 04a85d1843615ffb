#include "loop/inbox.hpp"

#include <utility>

namespace asyncio::detail {

Inbox::Posted Inbox::post(InboxNode& node) noexcept {
  InboxNode* head = __atomic_load_n(&head_, __ATOMIC_RELAXED);
  do {
    if (head == closed()) return Posted::closed;
    node.next = head;
  } while (
      !__atomic_compare_exchange_n(&head_, &head, &node, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  return head == nullptr ? Posted::first : Posted::more;
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
