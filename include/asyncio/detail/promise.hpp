#pragma once

#include <asyncio/detail/awaiter.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/detail/task_state.hpp>
#include <asyncio/detail/type_name.hpp>
#include <asyncio/result.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {
template <class T>
class Coro;
}  // namespace asyncio

namespace asyncio::detail {

struct ChildLink;

/// The part of a coroutine that walks up and down the stack of a task. It is at the start of every
/// promise, and no promise is aligned above 16: so the frame can be found from it.
struct PromiseBase {
  ChildLink* owner = nullptr;     ///< the awaiter that waits for this coroutine; null at the root
  std::source_location function;  ///< where it was defined
  std::source_location location;  ///< its current co_await

  [[nodiscard]] std::coroutine_handle<> handle() noexcept {
    return std::coroutine_handle<PromiseBase>::from_promise(*this);
  }
};

/// The awaiter's side of an awaited coroutine, in the frame of the one that awaits.
struct ChildLink {
  PromiseBase* child = nullptr;
  PromiseBase* parent = nullptr;
};

inline void TaskState::leave(PromiseBase& ended) noexcept {
  static constinit Waiter::Ops ended_ops{nullptr, nullptr, nullptr, "nothing: it has ended"};
  static constinit Waiter ended_mark{ended_ops};
  if (ChildLink* owner = ended.owner) [[likely]] {
    owner->child = nullptr;  // its frame is about to go
    top_ = owner->parent;
  } else {
    root_ended_ = true;
    waiting_ = &ended_mark;
    defined_at_ = ended.function;  // instead of top_
  }
}

/// Says that it never ran, to the log sink.
void report_never_awaited(const PromiseBase& promise) noexcept;

/// For a Coro that has nothing to run. `type`: what type_name<T>() gives.
[[noreturn]] void throw_consumed(const char* who, const char* type);

/// "<coroutine object NAME at 0x...>"; a null promise is one that was consumed.
[[nodiscard]] std::string repr_coroutine(const PromiseBase* promise);

struct CoroAccess;

template <class T>
class CoroAwaiter;

template <class A>
inline constexpr bool is_coro = false;
template <class T>
inline constexpr bool is_coro<Coro<T>> = true;

template <class A>
inline constexpr bool is_lvalue_coro =
    is_coro<std::remove_cvref_t<A>> && std::is_lvalue_reference_v<A>;

/// What the compiler goes on with after a static_assert, so that nothing follows it.
struct Refused : OwnAwaiter {
  static bool await_ready() noexcept { return true; }
  static void await_suspend(std::coroutine_handle<>) noexcept {}
  static void await_resume() noexcept {}
};

/// For functions that take an awaitable: also an lvalue Coro, which they refuse with a message.
template <class A>
concept AwaitableOrCoro = Awaitable<A> || is_coro<std::remove_cvref_t<A>>;

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 15
/// `seen` is where the coroutine's handle looks for its promise, which is not there.
[[noreturn]] void die_miscompiled(const PromiseBase& seen) noexcept;

/// Some coroutines of g++ 12 have their promise elsewhere than their handle says (pitfalls.md 1):
/// better end with a sentence than with a segmentation fault.
struct SuspendAtBegin : std::suspend_always {
  template <class P>
  void await_suspend(std::coroutine_handle<P> coroutine) const noexcept {
    const PromiseBase& seen = coroutine.promise();
    if (seen.owner != nullptr) [[unlikely]]
      die_miscompiled(seen);
  }
};
#else
using SuspendAtBegin = std::suspend_always;
#endif

/// What may stand behind co_await in a coroutine of ours.
struct AwaitingPromise : PromiseBase, PooledAs<BlockKind::coroutine> {
  template <class A>
  decltype(auto) await_transform(A&& awaited,
                                 std::source_location where = std::source_location::current()) {
    constexpr bool is_const = std::is_const_v<std::remove_reference_t<A>>;
    static_assert(!is_coro<std::remove_cvref_t<A>> || !is_const,
                  "a const Coro cannot be awaited: awaiting takes it; drop the const");
    static_assert(!is_lvalue_coro<A> || is_const,
                  "a coroutine runs once: write co_await std::move(coro), or "
                  "asyncio::create_task(std::move(coro)) to await it in several places");
    static_assert(Awaitable<A> || is_coro<std::remove_cvref_t<A>>,
                  "co_await needs an awaitable: a Coro, Future, Task, what a function of asyncio "
                  "returns, or a type with await_ready, await_suspend and await_resume");
    if constexpr (Awaitable<A>) {
      location = where;
      return awaiter_for(std::forward<A>(awaited));
    } else if constexpr (is_coro<std::remove_cvref_t<A>>) {
      return CoroAwaiter<typename std::remove_cvref_t<A>::value_type>(nullptr);
    } else {
      return Refused();
    }
  }
};

template <class T>
struct CoroPromiseBase : AwaitingPromise {
  using Value = NoneIfVoid<T>;
  static_assert(alignof(Value) <= 16, "Coro<T>: T is aligned above 16; return a pointer to it");

  Coro<T> get_return_object(std::source_location where = std::source_location::current()) noexcept {
    function = where;
    return Coro<T>(*this);
  }
  static SuspendAtBegin initial_suspend() noexcept { return {}; }
  /// Its outcome is where it is wanted already, so it does not stay: the frame goes by itself.
  std::suspend_never final_suspend() noexcept {
    thread_state.task->leave(*this);
    return {};
  }
  void unhandled_exception() noexcept {
    Failure failure = failure_leaving(function, location);
    if (owner != nullptr) {
      awaiter().outcome.fail(std::move(failure));
    } else {
      root_task().fail_root(std::move(failure));
    }
  }

  /// Gives what it returns to whoever awaits it; at the root to the task.
  template <class... U>
  void give(U&&... value) {
    if (owner != nullptr) [[likely]] {
      awaiter().outcome.emplace(std::forward<U>(value)...);
    } else {
      root_task().emplace(std::forward<U>(value)...);
    }
  }

 private:
  [[nodiscard]] CoroAwaiter<T>& awaiter() const noexcept {
    return static_cast<CoroAwaiter<T>&>(*owner);
  }
  [[nodiscard]] static TaskStateOf<T>& root_task() noexcept {
    return static_cast<TaskStateOf<T>&>(*thread_state.task);
  }
};

template <class T>
struct CoroPromise : CoroPromiseBase<T> {
  template <class U = T>
    requires std::convertible_to<U&&, T>
  void return_value(U&& value) {
    this->give(std::forward<U>(value));
  }
};

template <>
struct CoroPromise<void> : CoroPromiseBase<void> {
  void return_void() noexcept;
};

template <class P>
concept OwnPromise = std::derived_from<P, PromiseBase>;

/// Awaits a Coro in place: a call, not a scheduling point. Owns its frame until it ends, and holds
/// what it has given.
template <class T>
class [[nodiscard]] CoroAwaiter : public OwnAwaiter, public ChildLink {
 public:
  using Value = NoneIfVoid<T>;

  explicit CoroAwaiter(CoroPromiseBase<T>* promise) noexcept : ChildLink{promise, nullptr} {}
  CoroAwaiter(CoroAwaiter&& other) noexcept
      : ChildLink{std::exchange(other.child, nullptr), nullptr} {}
  CoroAwaiter& operator=(CoroAwaiter&&) = delete;
  ~CoroAwaiter() {
    if (child != nullptr) child->handle().destroy();
  }

  [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }
  template <class P>
  void await_suspend(std::coroutine_handle<P> awaiting) {
    static_assert(OwnPromise<P>, "an asyncio::Coro can be awaited only in an asyncio::Coro");
    if (child == nullptr) {
      throw_consumed("co_await", type_name<T>());
    }
    parent = &awaiting.promise();
    child->owner = this;
    thread_state.task->enter(*child);
  }
  T await_resume() {
    if (!outcome.has_value()) [[unlikely]]
      std::rethrow_exception(raised_error());
    if constexpr (!std::is_void_v<T>) return std::move(outcome.value());
  }
  /// await_resume() for those who take a Result: nothing is thrown.
  Result<T> await_result() {
    if (!outcome.has_value()) return Result<T>(outcome.take_failure());
    return Result<T>(std::move(outcome.value()));
  }

  Outcome<Value> outcome;

 private:
  [[gnu::noinline]] std::exception_ptr raised_error() noexcept {
    return raised_at(parent->function, parent->location, outcome.take_failure());
  }
};

inline void CoroPromise<void>::return_void() noexcept { give(); }

}  // namespace asyncio::detail
