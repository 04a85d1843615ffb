#pragma once

#include <utility>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace asyncio::detail {

/// True while this process has one thread: then nothing needs a locked instruction.
[[nodiscard]] inline bool only_one_thread() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

/// Adds to what other threads may add to, too. Returns: what it was before.
template <class N>
N atomic_add(N& count, N change, int order = __ATOMIC_RELAXED) noexcept {
  if (!only_one_thread()) return __atomic_fetch_add(&count, change, order);
  const N before = __atomic_load_n(&count, __ATOMIC_RELAXED);
  __atomic_store_n(&count, static_cast<N>(before + change), __ATOMIC_RELAXED);
  return before;
}

/// An intrusive pointer. T says what a reference is by `add_ref()` and `drop_ref()`.
template <class T>
class Ref {
 public:
  constexpr Ref() noexcept = default;
  /// Takes over a reference that the caller already has.
  [[nodiscard]] static Ref adopt(T* p) noexcept {
    Ref r;
    r.p_ = p;
    return r;
  }
  explicit Ref(T* p) noexcept : p_(p) {
    if (p_ != nullptr) p_->add_ref();
  }
  Ref(const Ref& other) noexcept : Ref(other.p_) {}
  Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Ref() {
    if (p_ != nullptr) p_->drop_ref();
  }

  [[nodiscard]] T* get() const noexcept { return p_; }
  [[nodiscard]] T* release() noexcept { return std::exchange(p_, nullptr); }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }

 private:
  T* p_ = nullptr;
};

/// A reference count that any thread may change.
class SharedCount {
 public:
  explicit constexpr SharedCount(unsigned initial = 1) noexcept : n_(initial) {}
  [[nodiscard]] unsigned load() const noexcept { return __atomic_load_n(&n_, __ATOMIC_ACQUIRE); }
  void add() noexcept {
    if (__atomic_load_n(&n_, __ATOMIC_RELAXED) == 0) {
      add_unshared();
    } else {
      atomic_add(n_, 1U);
    }
  }
  /// While no other thread knows of it.
  void add_unshared() noexcept { __atomic_store_n(&n_, n_ + 1, __ATOMIC_RELAXED); }

  /// True when that was the last one. The only owner needs no locked instruction: nobody else can
  /// add to a count of one.
  [[nodiscard]] bool drop() noexcept {
    if (load() == 1) {
      __atomic_store_n(&n_, 0, __ATOMIC_RELAXED);
      return true;
    }
    return atomic_add(n_, ~0U, __ATOMIC_ACQ_REL) == 1;
  }
  /// Drops one unless it is the last; false leaves the count at one.
  [[nodiscard]] bool drop_unless_last() noexcept {
    for (unsigned n = load(); n > 1;) {
      if (__atomic_compare_exchange_n(&n_, &n, n - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        return true;
      }
    }
    return false;
  }

 private:
  unsigned n_;
};

}  // namespace asyncio::detail
