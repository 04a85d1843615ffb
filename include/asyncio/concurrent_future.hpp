#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/result.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace asyncio {
class EventLoop;
}  // namespace asyncio

namespace asyncio::concurrent {

namespace detail {

/// What a concurrent future refers to, without the value. Every method may be called on any thread.
class State {
 public:
  State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  [[nodiscard]] bool done() const noexcept;
  [[nodiscard]] bool cancelled() const noexcept;
  /// Cancels it if it is pending, and tells whoever works for it.
  bool cancel();
  /// Blocks. Returns: false if the time was up first. Throws: RuntimeError on the thread of the
  /// loop that must complete it, which would wait for itself.
  [[nodiscard]] bool wait(std::optional<Duration> timeout) const;
  /// Blocks. Throws: TimeoutError, CancelledError, its error.
  void wait_for_value(std::optional<Duration> timeout) const;
  [[nodiscard]] std::exception_ptr wait_for_error(std::optional<Duration> timeout) const;
  void add_done_callback(asyncio::detail::UniqueFunction<void()> fn);

  /// From pending, once; later calls do nothing and return false. `emplace` puts the value in
  /// place.
  bool finish(asyncio::detail::UniqueFunction<void()> emplace);
  bool fail(asyncio::detail::Failure failure);
  /// Nobody will complete it: fails with RuntimeError(`why`), if it is pending.
  void abandon(const char* why) noexcept;
  /// While it is true, abandon() does nothing. The loop's thread.
  void set_starting(bool starting) noexcept { starting_ = starting; }
  void set_canceller(asyncio::detail::UniqueFunction<void()> canceller);
  void set_loop(const void* scheduler) noexcept { scheduler_ = scheduler; }

 protected:
  virtual ~State();

 private:
  struct Sync;
  asyncio::detail::SharedCount users_{0};
  Sync* sync_;
  const void* scheduler_ = nullptr;
  bool starting_ = false;
};

template <class T>
class StateOf final : public State {
 public:
  using Value = asyncio::detail::NoneIfVoid<T>;
  std::optional<Value> value;
};

/// The writing end. Dropped without a result, it leaves an error: nobody waits for ever.
template <class T>
class Promise {
 public:
  /// `why`: what to say if it is dropped; a literal.
  Promise(StateOf<T>* state, const char* why) noexcept : state_(state), why_(why) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&&) noexcept = default;
  ~Promise() {
    if (state_) state_->abandon(why_);
  }
  [[nodiscard]] StateOf<T>& state() const noexcept { return *state_; }
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }

 private:
  asyncio::detail::Ref<StateOf<T>> state_;
  const char* why_;
};

}  // namespace detail

/// The result of something that another thread works on; waiting for it blocks the thread.
///
/// Python: concurrent.futures.Future
/// Threads: any.
template <class T = void>
class Future {
 public:
  using Value = asyncio::detail::NoneIfVoid<T>;

  explicit Future(detail::StateOf<T>* state) noexcept : state_(state) {}
  // No move: what was moved from could only crash.
  Future(const Future&) noexcept = default;
  Future& operator=(const Future&) noexcept = default;
  ~Future() = default;

  [[nodiscard]] bool done() const noexcept { return state_->done(); }
  [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }
  /// Returns: false if it was done already.
  bool cancel() const { return state_->cancel(); }
  /// Blocks until it is done.
  ///
  /// Throws: TimeoutError, which cancels nothing; CancelledError; its error; RuntimeError on the
  /// thread of the loop that must complete it.
  std::conditional_t<std::is_void_v<T>, void, const Value&> result(
      std::optional<Duration> timeout = std::nullopt) const {
    state_->wait_for_value(timeout);
    if constexpr (!std::is_void_v<T>) return *state_->value;
  }
  /// Blocks. Returns: a null pointer if it has a value. Throws: TimeoutError, CancelledError.
  [[nodiscard]] std::exception_ptr exception(std::optional<Duration> timeout = std::nullopt) const {
    return state_->wait_for_error(timeout);
  }
  /// Calls `fn()` on the thread that completes it; at once if it is done.
  template <class F>
  void add_done_callback(F&& fn) const {
    state_->add_done_callback(asyncio::detail::UniqueFunction<void()>(std::forward<F>(fn)));
  }

 private:
  asyncio::detail::Ref<detail::StateOf<T>> state_;
};

/// The end of a concurrent future that gets the result, for threads that asyncio knows nothing of.
///
///     asyncio::concurrent::Promise<int> promise;
///     std::thread worker([&] { promise.set_result(compute()); });
///     int value = co_await asyncio::wrap_future(promise.get_future());
///
/// Python: a concurrent.futures.Future that one makes oneself
/// Lifetime: dropped without a result, its future ends with RuntimeError: nobody waits for ever.
/// Threads: any, one at a time.
template <class T = void>
class Promise {
 public:
  Promise()
      : writer_(new detail::StateOf<T>,
                "concurrent::Promise: it was dropped without a result; call set_result() or "
                "set_exception()") {}

  [[nodiscard]] Future<T> get_future() const { return Future<T>(&state()); }

  /// Returns: false if the future is done already, perhaps because it was cancelled.
  template <class... U>
  bool set_result(U&&... value) {
    auto& place = state().value;
    return state().finish(
        asyncio::detail::UniqueFunction<void()>([&] { place.emplace(std::forward<U>(value)...); }));
  }
  /// An exception or a std::exception_ptr. Returns: as set_result().
  template <class E>
  bool set_exception(E&& error) {
    if constexpr (std::is_same_v<std::decay_t<E>, std::exception_ptr>) {
      return state().fail(asyncio::detail::failure_of(std::forward<E>(error)));
    } else {
      return set_exception(std::make_exception_ptr(std::forward<E>(error)));
    }
  }

 private:
  [[nodiscard]] detail::StateOf<T>& state() const {
    if (!writer_) {
      asyncio::detail::throw_runtime_error(
          "concurrent::Promise: it was moved from; use the new one");
    }
    return writer_.state();
  }
  detail::Promise<T> writer_;
};

}  // namespace asyncio::concurrent
