#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/dependents.hpp>

#include <utility>

namespace asyncio {

namespace detail {
template <class Primitive>
class HoldOf;
}  // namespace detail

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
    : detail::Dependent {
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
  friend class detail::HoldOf<Primitive>;
  Guard(Primitive& primitive, detail::Dependents& guards) noexcept : primitive_(&primitive) {
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

namespace detail {

// What a primitive with acquire() and release() returns, besides: each to be awaited once.

template <class Primitive>
class [[nodiscard]] HoldOf : public Primitive::Acquire,
                             public ConvertsToCoro<HoldOf<Primitive>, Guard<Primitive>> {
 public:
  explicit HoldOf(Primitive& primitive) noexcept : Primitive::Acquire(primitive) {}
  using ConvertsToCoro<HoldOf<Primitive>, Guard<Primitive>>::operator Coro<Guard<Primitive>>;
  Guard<Primitive> await_resume() {
    Primitive::Acquire::await_resume();
    return Guard<Primitive>(this->primitive(), this->primitive().guards_);
  }
};

template <class Primitive>
class [[nodiscard]] EnterOf : public Primitive::Acquire {
 public:
  explicit EnterOf(Primitive& primitive) noexcept : Primitive::Acquire(primitive) {}
  void await_resume() { Primitive::Acquire::await_resume(); }
};

template <class Primitive>
class [[nodiscard]] ExitOf : public Immediate {
 public:
  explicit ExitOf(Primitive& primitive) noexcept : primitive_(&primitive) {}
  void await_resume() { primitive_->release(); }

 private:
  Primitive* primitive_;
};

}  // namespace detail

}  // namespace asyncio
