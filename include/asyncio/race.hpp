#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/group_all.hpp>
#include <asyncio/task_group.hpp>

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

namespace detail {

/// A race while it runs, without the winner's value.
class RaceCore {
 public:
  explicit RaceCore(std::size_t runners);
  RaceCore(const RaceCore&) = delete;
  RaceCore& operator=(const RaceCore&) = delete;

  [[nodiscard]] bool won() const noexcept { return won_; }
  /// Returns: false if another one was faster.
  bool win() {
    if (won_) return false;
    won_ = true;
    group.cancel();
    return true;
  }
  /// Throws: CancelledError on.
  void lose(Failure failure);
  /// When all have ended without a winner. Throws: ExceptionGroup, CancelledError.
  [[noreturn]] void throw_lost();

  TaskGroup group;

 private:
  std::vector<Failure> errors_;  // has room for all
  bool won_ = false;
};

/// What a race of these gives: their type, if it is one, else optionals.
template <class... Ts>
struct RaceValue {
  using type = std::tuple<std::optional<NoneIfVoid<Ts>>...>;
};
template <class T, class... Ts>
  requires(std::is_same_v<T, Ts> && ...)
struct RaceValue<T, Ts...> {
  using type = T;
};

template <class T>
NoneIfVoid<T> value_or_none(Result<T> result) {
  if constexpr (std::is_void_v<T>) {
    return None();
  } else {
    return std::move(result).value();
  }
}

template <class R, std::size_t index, class T>
Coro<> run_in_race(RaceCore& race, std::optional<NoneIfVoid<R>>& winner, Coro<T> coro) {
  auto result = co_await as_result(std::move(coro));
  if (!result) {
    race.lose(failure_of(result));
  } else if (race.win()) {
    if constexpr (std::is_same_v<R, T>) {
      winner.emplace(value_or_none(std::move(result)));
    } else {
      std::get<index>(winner.emplace()).emplace(value_or_none(std::move(result)));
    }
  }
}

template <class R, std::size_t... I, class... Ts>
Coro<R> race_all(std::index_sequence<I...>, Coro<Ts>... coros) {
  RaceCore race(sizeof...(Ts));
  std::optional<NoneIfVoid<R>> winner;
  auto start = [&](TaskGroup& group) {
    (group.create_task(run_in_race<R, I>(race, winner, std::move(coros))), ...);
  };
  try {
    co_await with(race.group, start);
  } catch (...) {
    (coros.close(), ...);  // those that could not be started
    throw;
  }
  if (!race.won()) race.throw_lost();
  if constexpr (!std::is_void_v<R>) co_return std::move(*winner);
}

template <class T>
Coro<T> race_in(std::vector<Coro<T>> coros) {
  RaceCore race(coros.size());
  std::optional<NoneIfVoid<T>> winner;
  auto start = [&](TaskGroup& group) {
    for (Coro<T>& coro : coros) {
      group.create_task(run_in_race<T, 0>(race, winner, std::move(coro)));
    }
  };
  try {
    co_await with(race.group, start);
  } catch (...) {
    for (Coro<T>& coro : coros) coro.close();
    throw;
  }
  if (!race.won()) race.throw_lost();
  if constexpr (!std::is_void_v<T>) co_return std::move(*winner);
}

}  // namespace detail

/// Runs awaitables concurrently until the first one gives a value; the others are cancelled, and
/// have ended when this returns.
///
///     std::string page = co_await asyncio::race(fetch(mirror_1), fetch(mirror_2));
///
/// Not in Python: ours.
/// Returns: the winner's value. If the types differ, a tuple of optionals, of which the winner's
/// has a value: `auto [page, stopped] = co_await asyncio::race(fetch(url), stop.wait());`. Throws:
/// if none gives a value, ExceptionGroup of what they failed with, in that order, or CancelledError
/// if all were cancelled. What one fails with after another has won is logged. Cancellation:
/// cancels all of them and waits until they have ended.
template <detail::AwaitableOrCoro... As>
  requires(sizeof...(As) > 0)
[[nodiscard]] auto race(As&&... awaitables) {
  using R = typename detail::RaceValue<detail::AwaitedValue<As>...>::type;
  return detail::race_all<R>(std::index_sequence_for<As...>(),
                             detail::own_coro(std::forward<As>(awaitables))...);
}

/// The same for a range. A range of coroutines is passed by move.
///
/// Throws: std::invalid_argument if it is empty.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto race(R&& range) {
  using A = detail::RangeElement<R>;
  std::vector<Coro<detail::AwaitedValue<A>>> coros;
  for (auto&& element : range) coros.push_back(detail::own_coro(static_cast<A>(element)));
  return detail::race_in(std::move(coros));
}

}  // namespace asyncio
