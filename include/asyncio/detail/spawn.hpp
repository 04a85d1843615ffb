#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/future_wait.hpp>
#include <asyncio/detail/unique_function.hpp>

#include <concepts>
#include <source_location>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace asyncio {

class Context;
class EventLoop;
class FutureBase;
template <class T>
class Task;

/// How to make a task. The name is copied at the call; null context: a copy of the creator's.
struct TaskOptions {
  std::string_view name = {};
  const Context* context = nullptr;
  /// Run the first step inside create_task(), before it returns.
  bool eager_start = false;
};
static_assert(std::is_trivially_destructible_v<TaskOptions>);

namespace detail {

/// See EventLoop::set_task_factory().
struct TaskFactory {
  UniqueFunction<void(EventLoop&, TaskOptions&)> adjust;
};

/// A callable that returns a coroutine (or what converts to one) for copies of these arguments.
template <class F, class... Args>
concept CoroFunction = !Awaitable<F> && std::invocable<std::decay_t<F>&, std::decay_t<Args>...> &&
                       Awaitable<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>>;

/// An awaitable that is neither a Coro nor a future.
template <class A>
concept Spawnable =
    Awaitable<A> && !is_coro<A> && !std::is_base_of_v<FutureBase, A> && !std::is_reference_v<A>;

template <class T>
Coro<T> to_coro(Coro<T> coro) {
  return coro;
}
template <Spawnable A>
auto to_coro(A awaitable) {
  return await_as_coro<A>(std::move(awaitable));
}

/// The parameters of a function, or of a callable with one call operator; else none known.
template <class F>
struct Parameters {
  using type = void;
};
template <class R, class... Ps>
struct Parameters<R (*)(Ps...)> {
  using type = std::tuple<Ps...>*;
};
template <class R, class... Ps>
struct Parameters<R (*)(Ps...) noexcept> : Parameters<R (*)(Ps...)> {};
template <class R, class C, class... Ps>
struct Parameters<R (C::*)(Ps...)> : Parameters<R (*)(Ps...)> {};
template <class R, class C, class... Ps>
struct Parameters<R (C::*)(Ps...) const> : Parameters<R (*)(Ps...)> {};
template <class F>
  requires requires { &F::operator(); }
struct Parameters<F> : Parameters<decltype(&F::operator())> {};

/// True if a reference parameter would bind to a temporary made of the argument, which would die
/// with the call: "text" for a const std::string&. A std::ref() binds to what it refers to.
template <class P, class A>
inline constexpr bool binds_to_temporary =
    (std::is_rvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>) &&
    std::is_reference_v<P> && !std::is_convertible_v<A*, std::remove_cvref_t<P>*> &&
    !std::is_convertible_v<A, std::remove_cvref_t<P>&>;

/// What to keep for a parameter: the argument's copy; the parameter's own type where that is a
/// reference that could not bind to the copy.
template <class P, class A>
using KeptArgument = std::conditional_t<binds_to_temporary<P, A>, std::remove_cvref_t<P>, A>;

template <class Ps, class... As>
struct KeptArguments {
  using type = std::tuple<std::decay_t<As>...>;
};
template <class... Ps, class... As>
  requires(sizeof...(Ps) == sizeof...(As))
struct KeptArguments<std::tuple<Ps...>*, As...> {
  using type = std::tuple<KeptArgument<Ps, std::decay_t<As>>...>;
};

/// A callable and its arguments, kept while the coroutine that it made runs.
template <class F, class... Args>
class KeptCall final : public Keeper {
 public:
  template <class G, class... As>
  explicit KeptCall(G&& fn, As&&... args)
      : fn_(std::forward<G>(fn)), args_(std::forward<As>(args)...) {}
  auto call() { return std::apply(fn_, std::move(args_)); }

 private:
  F fn_;
  typename KeptArguments<typename Parameters<F>::type, Args...>::type args_;
};

struct KeeperOwner {
  Keeper* keeper;
  ~KeeperOwner() { delete keeper; }
  [[nodiscard]] Keeper* release() noexcept { return std::exchange(keeper, nullptr); }
};

template <class T>
[[nodiscard]] Scheduler& running_scheduler_for(Coro<T>& coro, std::string_view what) {
  try {
    return running_scheduler(what);
  } catch (...) {
    coro.close();  // refused, not forgotten: no report that it was never awaited
    throw;
  }
}

/// The state for `coro`. If that fails the coroutine is closed and the keeper deleted.
template <class T>
TaskStateOf<T>* new_task(Scheduler& scheduler, std::source_location where, Coro<T>& coro,
                         Keeper* keeper) {
  KeeperOwner owner{keeper};
  try {
    if (!coro) {
      throw_consumed("create_task()", type_name<T>());
    }
    scheduler.check_open("create_task()");
    auto* state = new TaskStateOf<T>(scheduler, where);
    (void)owner.release();
    return state;
  } catch (...) {
    coro.close();
    throw;
  }
}

/// Consumes `coro` and `keeper`, also when it throws.
template <class T>
Task<T> spawn(Scheduler& scheduler, Coro<T>&& coro, const TaskOptions& options,
              std::source_location where, Keeper* keeper = nullptr);

template <class F, class... Args>
auto spawn_call(Scheduler& scheduler, const TaskOptions& options, std::source_location where,
                F&& fn, Args&&... args);

}  // namespace detail

}  // namespace asyncio
