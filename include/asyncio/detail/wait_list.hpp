#pragma once

#include <asyncio/detail/ready_queue.hpp>

namespace asyncio::detail {

/// Neighbours in a WaitList; both null while in none.
struct WaitLink {
  WaitLink* previous = nullptr;
  WaitLink* next = nullptr;
};

/// A node in the list of what shall become ready when something happens: a waiting task's, which
/// lives in the awaiting frame, or a callback's. Becoming ready is pushing {fn, object}.
class WaitNode : private WaitLink {
 public:
  WaitNode() noexcept = default;
  WaitNode(ReadyFn fn, void* object) noexcept : fn_(fn), object_(object) {}
  /// Movable only while in no list, as an awaiter is until it is awaited.
  WaitNode(WaitNode&& other) noexcept : WaitLink(), fn_(other.fn_), object_(other.object_) {}
  WaitNode& operator=(WaitNode&&) = delete;
  ~WaitNode() { unlink(); }

  void set(ReadyFn fn, void* object) noexcept {
    fn_ = fn;
    object_ = object;
  }
  [[nodiscard]] bool linked() const noexcept { return next != nullptr; }
  void unlink() noexcept {
    if (!linked()) return;
    previous->next = next;
    next->previous = previous;
    next = previous = nullptr;
  }
  [[nodiscard]] ReadyFn fn() const noexcept { return fn_; }
  [[nodiscard]] void* object() const noexcept { return object_; }

 private:
  friend class WaitList;
  ReadyFn fn_ = nullptr;
  void* object_ = nullptr;
};

/// Nodes in the order in which they came. Owns nothing.
class WaitList {
 public:
  WaitList() noexcept { head_.previous = head_.next = &head_; }
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
  WaitNode* pop_front() noexcept {
    WaitNode* node = front();
    if (node != nullptr) node->unlink();
    return node;
  }

 private:
  WaitLink head_;
};

}  // namespace asyncio::detail
