#pragma once

#include "frame_pool.hpp"
#include "loop.hpp"

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace limit {

template <class T>
class Coro;

template <class T>
struct CoroPromiseBase : Pooled {
  Coro<T>* coro;
  std::coroutine_handle<> parent;

  Coro<T> get_return_object() noexcept;
  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { coro->fail(std::current_exception()); }

  /// A frame is gone when its end is told: nobody has to destroy it.
  std::suspend_never final_suspend() noexcept {
    loop.resume_next(parent);
    return {};
  }
};

template <class T>
struct CoroPromise : CoroPromiseBase<T> {
  void return_value(T value) noexcept { this->coro->finish(std::move(value)); }
};

template <>
struct CoroPromise<void> : CoroPromiseBase<void> {
  void return_void() noexcept;
};

/// A coroutine that starts when it is awaited, once. It leaves its result here, in the frame of its
/// parent, which goes on and takes it before anything else runs.
template <class T = void>
class [[nodiscard]] Coro {
 public:
  using promise_type = CoroPromise<T>;

  explicit Coro(promise_type& promise) noexcept
      : coroutine_(std::coroutine_handle<promise_type>::from_promise(promise)) {}
  Coro(Coro&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Coro& operator=(Coro&&) = delete;
  ~Coro() {
    if (coroutine_) coroutine_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> parent) noexcept {
    coroutine_.promise().coro = this;
    coroutine_.promise().parent = parent;
    loop.resume_next(coroutine_);
  }
  T await_resume() {
    if (coroutine_) [[unlikely]]
      rethrow();
    if constexpr (!std::is_void_v<T>) return take(value_);
  }

 private:
  friend CoroPromise<T>;
  friend CoroPromiseBase<T>;
  struct Nothing {};
  using Value = std::conditional_t<std::is_void_v<T>, Nothing, T>;

  template <class V>
  void finish(V&& value) noexcept {
    std::construct_at(&value_, std::forward<V>(value));
    coroutine_ = nullptr;
  }
  void fail(std::exception_ptr error) noexcept { std::construct_at(&error_, std::move(error)); }

  template <class V>
  static V take(V& result) {
    V taken = std::move(result);
    std::destroy_at(&result);
    return taken;
  }
  [[noreturn]] void rethrow() {
    coroutine_ = nullptr;
    std::rethrow_exception(take(error_));
  }

  std::coroutine_handle<promise_type> coroutine_;  // null after it has finished; not if it failed
  union {
    Value value_;
    std::exception_ptr error_;
  };
};

template <class T>
Coro<T> CoroPromiseBase<T>::get_return_object() noexcept {
  return Coro<T>(static_cast<CoroPromise<T>&>(*this));
}

inline void CoroPromise<void>::return_void() noexcept { coro->finish(Coro<>::Nothing{}); }

}  // namespace limit
