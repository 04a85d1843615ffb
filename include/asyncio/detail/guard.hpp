#pragma once

#include <utility>

namespace asyncio::detail {

/// Neighbours in a GuardList; null while in none.
struct GuardLink {
  GuardLink* previous = nullptr;
  GuardLink* next = nullptr;
  bool linked = false;

  void unlink() noexcept {
    if (!linked) return;
    linked = false;
    previous->next = next;
    next->previous = previous;
  }
};

/// The guards of a primitive, which learn of its death.
class GuardList {
 public:
  GuardList() noexcept { head_.previous = head_.next = &head_; }
  GuardList(const GuardList&) = delete;
  GuardList& operator=(const GuardList&) = delete;
  ~GuardList() {
    for (GuardLink* at = head_.next; at != &head_; at = at->next) at->linked = false;
  }
  void add(GuardLink& link) noexcept {
    link.previous = head_.previous;
    link.next = &head_;
    head_.previous->next = &link;
    head_.previous = &link;
    link.linked = true;
  }

 private:
  GuardLink head_;
};

}  // namespace asyncio::detail

namespace asyncio {

/// What hold() gives: releases a Lock, a Condition's lock or a Semaphore when it goes.
///
///     auto held = co_await lock.hold();
///
/// Releases whoever's hold it is by then, if another task has released the lock meanwhile and a
/// third one has taken it. Where there is nothing to release it does nothing; release() throws.
/// Lifetime: movable. Does nothing once the primitive is gone.
/// Threads: the loop's.
template <class Primitive>
class [[nodiscard("what hold() gives releases when it goes: keep it in a variable")]] Guard
    : detail::GuardLink {
 public:
  Guard() noexcept = default;
  Guard(Guard&& other) noexcept { take(other); }
  Guard& operator=(Guard&& other) noexcept {
    if (this == &other) return *this;
    release();
    take(other);
    return *this;
  }
  ~Guard() { release(); }

  /// Releases now; does nothing the second time.
  void release() noexcept {
    if (!linked) return;
    unlink();
    primitive_->give_back();
  }
  /// True until it is released or moved from, or the primitive has gone.
  [[nodiscard]] explicit operator bool() const noexcept { return linked; }

 private:
  friend Primitive;
  Guard(Primitive& primitive, detail::GuardList& guards) noexcept : primitive_(&primitive) {
    guards.add(*this);
  }
  void take(Guard& other) noexcept {
    primitive_ = other.primitive_;
    if (!other.linked) return;
    // In the other one's place.
    previous = other.previous;
    next = other.next;
    previous->next = next->previous = this;
    linked = std::exchange(other.linked, false);
  }

  Primitive* primitive_ = nullptr;
};

}  // namespace asyncio
