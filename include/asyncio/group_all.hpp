#pragma once

#include <asyncio/detail/range.hpp>
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
Coro<AwaitedValue<A>> own_coro(A&& awaitable) {
  static_assert(!is_lvalue_coro<A>, "a coroutine runs once; pass std::move(coro)");
  if constexpr (is_coro<std::remove_cvref_t<A>>) {
    return std::move(awaitable);
  } else {
    return await_as_coro<std::decay_t<A>>(std::forward<A>(awaitable));
  }
}

template <class T>
NoneIfVoid<T> value_of_ended(Task<T>& task) {
  return take_value<T>(FutureAccess::state(task));
}

template <class... Ts>
Coro<std::tuple<NoneIfVoid<Ts>...>> group_all_of(Coro<Ts>... coros) {
  std::tuple<std::optional<Task<Ts>>...> tasks;
  auto start = [&](TaskGroup& group) {
    std::apply([&](auto&... task) { (task.emplace(group.create_task(std::move(coros))), ...); },
               tasks);
  };
  try {
    co_await with(TaskGroup(), start);
  } catch (...) {
    (coros.close(), ...);  // those that could not be started
    throw;
  }
  co_return std::apply(
      [](auto&... task) { return std::tuple<NoneIfVoid<Ts>...>{value_of_ended(*task)...}; }, tasks);
}

template <class T>
Coro<std::vector<NoneIfVoid<T>>> group_all_in(std::vector<Coro<T>> coros) {
  std::vector<Task<T>> tasks;
  auto start = [&](TaskGroup& group) {
    tasks.reserve(coros.size());
    for (Coro<T>& coro : coros) tasks.push_back(group.create_task(std::move(coro)));
  };
  try {
    co_await with(TaskGroup(), start);
  } catch (...) {
    for (Coro<T>& coro : coros) coro.close();
    throw;
  }
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
/// Throws: as TaskGroup, ExceptionGroup of everything that failed.
/// Cancellation: cancels all of them and waits until they have ended.
template <detail::AwaitableOrCoro... As>
[[nodiscard]] auto group_all(As&&... awaitables) {
  return detail::group_all_of(detail::own_coro(std::forward<As>(awaitables))...);
}

/// The same for a range; gives a vector. A range of coroutines is passed by move.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto group_all(R&& range) {
  using A = detail::RangeElement<R>;
  std::vector<Coro<detail::AwaitedValue<A>>> coros;
  for (auto&& element : range) coros.push_back(detail::own_coro(static_cast<A>(element)));
  return detail::group_all_in(std::move(coros));
}

}  // namespace asyncio
