#pragma once

#include <asyncio/detail/cluster_call.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio::cluster {

/// A task as its callers see it: a name, and what it takes and gives. One can be declared where the
/// function itself is not known, since another program runs it:
///
///     constexpr asyncio::cluster::Name<int(std::string, double)> resize("resize");
///     int bytes = co_await cluster.submit(resize, "a.png", 0.5);
///
/// Lifetime: the text must outlive it.
template <class Signature>
class Name;
template <class R, class... Ps>
class Name<R(Ps...)> {
 public:
  using Parameters = detail::CallParameters<Ps...>;
  using Value = typename detail::ValueOf<R>::type;
  static constexpr std::uint64_t version =
      codec::signature<detail::Sent<Value>, detail::Stored<Ps>...>();

  constexpr explicit Name(std::string_view text) noexcept : text_(text) {}
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

 private:
  std::string_view text_;
};

namespace detail {
template <class F, class R, class... Ps>
Name<R(Ps...)> name_for(std::string_view name, CallParameters<Ps...>) {
  return Name<R(Ps...)>(name);
}
}  // namespace detail

/// Makes a function a task, under a name by which the workers know it:
///
///     const auto resize_task = asyncio::cluster::task("resize", resize);
///
/// `fn`: a function, or a lambda without captures, whose parameters and result are
/// codec::Encodable; a coroutine runs on the worker's loop, and anything else on a thread of its
/// own. It gets its arguments as values of their own.
/// Returns: what submit() takes as well as `fn` itself.
/// Throws: std::invalid_argument for a name that another function has, that is empty, or that is
/// not printable.
/// Threads: any. Before a worker begins: one that gets a task that it does not know gives it to the
/// dead letters.
/// Lifetime: the text must outlive what this returns.
template <class F>
auto task(std::string_view name, F fn) {
  const void* target = nullptr;
  if constexpr (detail::is_function_pointer<F>) target = reinterpret_cast<const void*>(fn);
  detail::add_task(name, {detail::task_function<F>(), target});
  using Parameters = detail::ParametersOf<F>;
  return detail::name_for<F, typename detail::ResultOf<F, Parameters>::type>(name, Parameters());
}

namespace detail {

template <class F>
struct IsName : std::false_type {};
template <class S>
struct IsName<Name<S>> : std::true_type {};

/// What submit() takes for a task.
template <class F>
concept Callable = IsName<std::decay_t<F>>::value || is_function_pointer<std::decay_t<F>> ||
                   requires { &std::decay_t<F>::operator(); };

template <class F>
struct ValueOfCallable {};  // so that another overload is taken
template <Callable F>
struct ValueOfCallable<F> {
  using type = typename ValueOf<typename ResultOf<F, ParametersOf<F>>::type>::type;
};
template <class S>
  requires Callable<Name<S>>
struct ValueOfCallable<Name<S>> {
  using type = typename Name<S>::Value;
};
template <class F>
using Value = typename ValueOfCallable<std::decay_t<F>>::type;

template <class F, class... Args>
Call make_call(const F& fn, Args&&... args) {
  if constexpr (IsName<F>::value) {
    return Call(std::string(fn.text()), F::version,
                encode_arguments(typename F::Parameters(), std::forward<Args>(args)...));
  } else {
    using Fn = std::decay_t<F>;
    const void* target = nullptr;
    if constexpr (is_function_pointer<Fn>) target = reinterpret_cast<const void*>(Fn(fn));
    constexpr const TaskFunction* function = task_function<Fn>();
    return Call(name_of({function, target}), function->version,
                encode_arguments(ParametersOf<Fn>(), std::forward<Args>(args)...));
  }
}

}  // namespace detail

}  // namespace asyncio::cluster
