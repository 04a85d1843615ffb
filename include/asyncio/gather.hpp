#pragma once

#include <asyncio/detail/gather_core.hpp>
#include <asyncio/detail/range.hpp>
#include <asyncio/task.hpp>

#include <cstddef>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

/// Leading argument of gather(): errors are given as results instead of thrown.
struct ReturnExceptions {};
inline constexpr ReturnExceptions return_exceptions{};

/// Leading argument of gather(): the first error cancels the others, and is thrown when all of them
/// have ended. Not in Python: ours.
struct CancelOnError {};
inline constexpr CancelOnError cancel_on_error{};

namespace detail {

template <class A>
using GatheredType = NoneIfVoid<std::remove_cvref_t<await_result_t<A>>>;

/// Why a child has no value. As in CPython a cancellation stays the child's, and its result here
/// is another one.
[[nodiscard]] Failure gathered_failure(FutureState& child);

/// The value of a child that the caller has one claim on, or its error: gather's two kinds of
/// results.
template <class V, bool copied>
V gathered_value(FutureState& child, bool repeated) {
  V& value = value_of<V>(child);
  if constexpr (!copied) {
    if (child.no_user() && child.claims() == 1 && !repeated) return std::move(value);
  }
  if constexpr (copyable<V>) {
    return value;
  } else {
    throw_value_shared();
  }
}

template <class V, bool copied>
Result<V> gathered_result(FutureState& child, bool repeated) {
  if (!child.has_value()) return Result<V>(gathered_failure(child));
  return Result<V>(gathered_value<V, copied>(child, repeated));
}

/// True for an lvalue handle, which keeps its value.
template <class A>
inline constexpr bool keeps_value = std::is_lvalue_reference_v<A> && is_future<A>;

template <class A>
void check_gatherable() {
  static_assert(!(is_coro<std::remove_cvref_t<A>> && std::is_lvalue_reference_v<A>),
                "gather(): a coroutine runs once; pass std::move(coro)");
  static_assert(
      !keeps_value<A> || copyable<GatheredType<A>>,
      "gather(): the handle keeps its value, so its type is copied; pass std::move(task)");
}

template <bool as_results, class... As>
class GatherTuple final
    : public GatherOf<std::tuple<
          std::conditional_t<as_results, Result<GatheredType<As>>, GatheredType<As>>...>> {
 public:
  using Tuple =
      std::tuple<std::conditional_t<as_results, Result<GatheredType<As>>, GatheredType<As>>...>;
  using GatherOf<Tuple>::GatherOf;

 private:
  void collect() override { collect(std::index_sequence_for<As...>()); }
  template <std::size_t... I>
  void collect(std::index_sequence<I...>) {
    // Braces: the values are taken from left to right, so a repeated child is moved out last.
    this->emplace(Tuple{one<As>(I)...});
  }
  template <class A>
  auto one(std::size_t index) {
    GatherCore& core = this->core;
    if constexpr (as_results) {
      return gathered_result<GatheredType<A>, keeps_value<A>>(core.child(index),
                                                              core.comes_again(index));
    } else {
      return gathered_value<GatheredType<A>, keeps_value<A>>(core.child(index),
                                                             core.comes_again(index));
    }
  }
};

template <bool as_results, class A>
class GatherVector final
    : public GatherOf<
          std::vector<std::conditional_t<as_results, Result<GatheredType<A>>, GatheredType<A>>>> {
 public:
  using Vector =
      std::vector<std::conditional_t<as_results, Result<GatheredType<A>>, GatheredType<A>>>;
  using GatherOf<Vector>::GatherOf;

 private:
  void collect() override {
    GatherCore& core = this->core;
    Vector values;
    values.reserve(core.size());
    for (std::size_t i = 0; i < core.size(); ++i) {
      if constexpr (as_results) {
        values.push_back(
            gathered_result<GatheredType<A>, keeps_value<A>>(core.child(i), core.comes_again(i)));
      } else {
        values.push_back(
            gathered_value<GatheredType<A>, keeps_value<A>>(core.child(i), core.comes_again(i)));
      }
    }
    this->emplace(std::move(values));
  }
};

template <class A>
void gather_add(GatherCore& core, A&& awaitable) {
  check_gatherable<A&&>();
  if constexpr (keeps_value<A&&>) {
    core.add(FutureAccess::state(awaitable), true);
  } else if constexpr (is_future<A>) {
    const std::remove_cvref_t<A> taken = std::forward<A>(awaitable);  // gone before the value is
    core.add(FutureAccess::state(taken), true);
  } else {
    auto coro = to_coro(std::remove_cvref_t<A>(std::forward<A>(awaitable)));
    using T = typename decltype(coro)::value_type;
    // On the loop of the futures before it, as in CPython; else on the running one.
    Scheduler& loop = core.size() > 0 ? core.scheduler() : running_scheduler_for(coro, "gather()");
    const Task<T> task = spawn<T>(loop, std::move(coro), TaskOptions{}, std::source_location());
    core.add(FutureAccess::state(task), false);
  }
}

// One that stands behind an argument that was refused: not forgotten, so that nothing is reported.
template <class A>
void close_coro(A& awaitable) noexcept {
  if constexpr (is_coro<std::remove_cvref_t<A>>) awaitable.close();
}

template <bool as_results, class... As>
auto gather_all(OnError on_error, As&&... awaitables) {
  if constexpr ((is_lvalue_coro<As> || ...)) {
    static_assert(!(is_lvalue_coro<As> || ...),
                  "gather(): a coroutine runs once; pass std::move(coro)");
    return Refused();
  } else {
    using State = GatherTuple<as_results, As&&...>;
    try {
      GatherParts parts(sizeof...(As));
      (gather_add(parts.core, std::forward<As>(awaitables)), ...);
      return Future<typename State::Tuple>(parts.template finish<State>(on_error));
    } catch (...) {
      (close_coro(awaitables), ...);
      throw;
    }
  }
}

template <class R>
GatherParts gather_parts(R&& range) {
  try {
    GatherParts parts(0);
    for (auto&& element : range) gather_add(parts.core, static_cast<RangeElement<R>>(element));
    return parts;
  } catch (...) {
    for (auto&& element : range) close_coro(element);
    throw;
  }
}

template <bool as_results, class R>
auto gather_range(OnError on_error, R&& range) {
  using A = RangeElement<R>;
  if constexpr (is_lvalue_coro<A>) {
    static_assert(!is_lvalue_coro<A>, "gather(): a coroutine runs once; pass std::move(coros)");
    return Refused();
  } else {
    using State = GatherVector<as_results, A>;
    GatherParts parts = gather_parts(std::forward<R>(range));
    return Future<typename State::Vector>(parts.template finish<State>(on_error));
  }
}

}  // namespace detail

/// Runs awaitables concurrently. Coroutines become tasks at the call, futures are used as they
/// are; the same future given twice runs once.
///
///     auto [page, size] = co_await asyncio::gather(fetch(url), measure(file));
///
/// Python: asyncio.gather
/// Returns: a future of the values as a tuple, in the order of the arguments; None where there is
/// no value. Awaiting it is optional.
/// Throws: (when awaited) the first error. The others go on running and are not cancelled; an
/// error that one of them ends with later is written to the log sink. A TaskGroup does it better.
/// Cancellation: cancels every child and waits for the first of them to end.
/// Lifetime: values of lvalue handles are copied; others are moved out if nobody else holds them.
template <detail::AwaitableOrCoro... As>
[[nodiscard]] auto gather(As&&... awaitables) {
  return detail::gather_all<false>(detail::OnError::fail, std::forward<As>(awaitables)...);
}

/// Every error, a cancellation too, is given in its place as a Result.
template <detail::AwaitableOrCoro... As>
[[nodiscard]] auto gather(ReturnExceptions, As&&... awaitables) {
  return detail::gather_all<true>(detail::OnError::collect, std::forward<As>(awaitables)...);
}

/// The first error cancels the others; when all have ended it is thrown.
template <detail::AwaitableOrCoro... As>
[[nodiscard]] auto gather(CancelOnError, As&&... awaitables) {
  return detail::gather_all<false>(detail::OnError::cancel_siblings,
                                   std::forward<As>(awaitables)...);
}

/// The same for a range; gives a vector. A range of coroutines is passed by move.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto gather(R&& range) {
  return detail::gather_range<false>(detail::OnError::fail, std::forward<R>(range));
}
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto gather(ReturnExceptions, R&& range) {
  return detail::gather_range<true>(detail::OnError::collect, std::forward<R>(range));
}

template <detail::RangeOfAwaitables R>
[[nodiscard]] auto gather(CancelOnError, R&& range) {
  return detail::gather_range<false>(detail::OnError::cancel_siblings, std::forward<R>(range));
}

}  // namespace asyncio
