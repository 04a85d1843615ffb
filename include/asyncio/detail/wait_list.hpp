#pragma once

#include <asyncio/detail/ready_queue.hpp>

namespace asyncio::detail {

/// Neighbours in a WaitList; both null while in none.
struct WaitLink {
  WaitLink* previous = nullptr;
  WaitLink* next = nullptr;
};

/// A node in the list of what shall become ready when something happens: a waiting task's, which
/// lives in the awaiting frame, or a callback's. Becoming ready is pushing its entry.
class WaitNode : private WaitLink {
 public:
  WaitNode() noexcept = default;
  /// Movable only while in no list, as an awaiter is until it is awaited.
  WaitNode(WaitNode&& other) noexcept : WaitLink(), entry_(other.entry_) {}
  WaitNode& operator=(WaitNode&&) = delete;
  ~WaitNode() { unlink(); }

  void set(ReadyEntry entry) noexcept { entry_ = entry; }
  [[nodiscard]] ReadyEntry entry() const noexcept { return entry_; }
  [[nodiscard]] bool linked() const noexcept { return next != nullptr; }
  void unlink() noexcept {
    if (!linked()) return;
    previous->next = next;
    next->previous = previous;
    next = previous = nullptr;
  }

 private:
  friend class WaitList;
  friend struct GroupRoute;
  ReadyEntry entry_{};
};

/// A WaitNode that is called when its turn has come.
struct WaitCall : WaitNode, ReadyCall {
  explicit WaitCall(Fn fn) noexcept : ReadyCall{fn} { set(*this); }
  WaitCall(WaitCall&& other) noexcept : ReadyCall(other) { set(*this); }
};

/// Nodes in the order in which they came. Owns nothing.
class WaitList {
 public:
  WaitList() noexcept { forget_all(); }
  /// Takes over the nodes.
  WaitList(WaitList&& other) noexcept : WaitList() {
    if (other.empty()) return;
    head_ = other.head_;
    head_.next->previous = head_.previous->next = &head_;
    other.forget_all();
  }
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList() {
    while (pop_front() != nullptr) {
    }
  }

  [[nodiscard]] bool empty() const noexcept { return head_.next == &head_; }
  [[nodiscard]] WaitNode* front() const noexcept {
    return empty() ? nullptr : static_cast<WaitNode*>(head_.next);
  }
  [[nodiscard]] WaitNode* after(const WaitNode& node) const noexcept {
    return node.next == &head_ ? nullptr : static_cast<WaitNode*>(node.next);
  }
  void push_back(WaitNode& node) noexcept {
    node.previous = head_.previous;
    node.next = &head_;
    head_.previous->next = &node;
    head_.previous = &node;
  }
  /// All at once, in their order, each unlinked first. `f` must not touch others of them.
  template <class F>
  void drain(F f) noexcept {
    for (WaitLink* at = head_.next; at != &head_;) {
      auto* node = static_cast<WaitNode*>(at);
      at = node->next;
      node->next = node->previous = nullptr;
      f(*node);
    }
    forget_all();
  }
  WaitNode* pop_front() noexcept {
    WaitNode* node = front();
    if (node != nullptr) node->unlink();
    return node;
  }

 private:
  void forget_all() noexcept { head_.previous = head_.next = &head_; }
  WaitLink head_;
};

}  // namespace asyncio::detail
