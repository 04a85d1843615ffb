#pragma once

#include <asyncio/detail/range.hpp>
#include <asyncio/detail/unstarted.hpp>
#include <asyncio/task_group.hpp>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

namespace detail {

/// What `co_await a` gives, as a value.
template <class A>
using AwaitedValue = std::remove_cvref_t<await_result_t<A>>;

/// A coroutine of whatever can be awaited.
template <class A>
Unstarted<AwaitedValue<A>> own_coro(A&& awaitable) {
  if constexpr (is_coro<std::remove_cvref_t<A>>) {
    return Unstarted(std::forward<A>(awaitable));
  } else {
    return Unstarted(await_as_coro<std::decay_t<A>>(std::forward<A>(awaitable)));
  }
}

/// Throws: the cancellation that it has ended with, which is no error to a group.
template <class T>
NoneIfVoid<T> value_of_ended(Task<T>& task) {
  FutureState& state = FutureAccess::state(task);
  if (!state.has_value()) raise(state.take_failure());
  return take_value<T>(state);
}

template <class R>
auto own_coros(R&& range) {
  using A = RangeElement<R>;
  std::vector<Unstarted<AwaitedValue<A>>> coros;
  try {
    for (auto&& element : range) coros.push_back(own_coro(static_cast<A>(element)));
  } catch (...) {
    if constexpr (is_coro<std::remove_cvref_t<A>>) {
      for (auto&& element : range) element.close();
    }
    throw;
  }
  return coros;
}

template <class... Ts>
Coro<std::tuple<NoneIfVoid<Ts>...>> group_all_of(Unstarted<Ts>... coros) {
  std::tuple<std::optional<Task<Ts>>...> tasks;
  auto start = [&](TaskGroup& group) {
    std::apply([&](auto&... task) { (task.emplace(group.create_task(coros.take())), ...); }, tasks);
  };
  co_await with(TaskGroup(), start);
  co_return std::apply(
      [](auto&... task) { return std::tuple<NoneIfVoid<Ts>...>{value_of_ended(*task)...}; }, tasks);
}

template <class T>
Coro<std::vector<NoneIfVoid<T>>> group_all_in(std::vector<Unstarted<T>> coros) {
  std::vector<Task<T>> tasks;
  auto start = [&](TaskGroup& group) {
    tasks.reserve(coros.size());
    for (Unstarted<T>& coro : coros) tasks.push_back(group.create_task(coro.take()));
  };
  co_await with(TaskGroup(), start);
  std::vector<NoneIfVoid<T>> values;
  values.reserve(tasks.size());
  for (Task<T>& task : tasks) values.push_back(value_of_ended(task));
  co_return values;
}

}  // namespace detail

/// Runs awaitables concurrently in a TaskGroup and gives their values: gather() where the first
/// error cancels the others, and no error is lost.
///
///     auto [page, size] = co_await asyncio::group_all(fetch(url), measure(file));
///
/// Not in Python: ours, for `async with TaskGroup()` and reading results from the tasks.
/// Returns: the values as a tuple, in the order of the arguments; None where there is no value.
/// Throws: as TaskGroup, ExceptionGroup of everything that failed; CancelledError if one was
/// cancelled, which has no value to give.
/// Cancellation: cancels all of them and waits until they have ended.
template <detail::AwaitableOrCoro... As>
[[nodiscard]] auto group_all(As&&... awaitables) {
  if constexpr ((detail::is_lvalue_coro<As> || ...)) {
    static_assert(!(detail::is_lvalue_coro<As> || ...),
                  "group_all(): a coroutine runs once; pass std::move(coro)");
    return detail::Refused();
  } else {
    return detail::group_all_of(detail::own_coro(std::forward<As>(awaitables))...);
  }
}

/// The same for a range; gives a vector. A range of coroutines is passed by move.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto group_all(R&& range) {
  if constexpr (detail::is_lvalue_coro<detail::RangeElement<R>>) {
    static_assert(!detail::is_lvalue_coro<detail::RangeElement<R>>,
                  "group_all(): a coroutine runs once; pass std::move(coros)");
    return detail::Refused();
  } else {
    return detail::group_all_in(detail::own_coros(std::forward<R>(range)));
  }
}

}  // namespace asyncio
