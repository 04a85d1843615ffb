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

/// A race while it runs, which gives an R.
template <class R>
class Race : public RaceCore {
 public:
  using RaceCore::RaceCore;

  /// Unless it is won already, by one that was started eagerly.
  template <std::size_t index, class T>
  void start(Unstarted<T> coro) {
    if (!won()) group.create_task(run<index>(std::move(coro)));
  }

  /// When all have ended. Throws: as throw_lost().
  R result() {
    if (!won()) throw_lost();
    if constexpr (!std::is_void_v<R>) return std::move(*winner_);
  }

 private:
  template <std::size_t index, class T>
  Coro<> run(Unstarted<T> coro) {
    auto result = co_await as_result(coro.take());
    if (!result) {
      lose(failure_of(result));
    } else if (win()) {
      if constexpr (std::is_same_v<R, T>) {
        winner_.emplace(value_or_none(std::move(result)));
      } else {
        std::get<index>(winner_.emplace()).emplace(value_or_none(std::move(result)));
      }
    }
  }

  std::optional<NoneIfVoid<R>> winner_;
};

template <class R, std::size_t... I, class... Ts>
Coro<R> race_all(std::index_sequence<I...>, Unstarted<Ts>... coros) {
  Race<R> race(sizeof...(Ts));
  auto start = [&] { (race.template start<I>(std::move(coros)), ...); };
  co_await with(race.group, start);
  co_return race.result();
}

template <class T>
Coro<T> race_in(std::vector<Unstarted<T>> coros) {
  Race<T> race(coros.size());
  auto start = [&] {
    for (Unstarted<T>& coro : coros) race.template start<0>(std::move(coro));
  };
  co_await with(race.group, start);
  co_return race.result();
}

}  // namespace detail

/// Runs awaitables concurrently until the first one gives a value; the others are cancelled, and
/// have ended when this returns.
///
///     std::string page = co_await asyncio::race(fetch(mirror_1), fetch(mirror_2));
///     auto [page, stopped] = co_await asyncio::race(fetch(url), stop.wait());
///
/// Not in Python: ours.
/// Returns: the winner's value. If the types differ, a tuple of optionals: the winner's has one.
///
/// Throws: if none gives a value, ExceptionGroup of what they failed with, in that order, or
/// CancelledError if all were cancelled. What one fails with after another has won is logged.
///
/// Cancellation: cancels all of them and waits until they have ended.
template <detail::AwaitableOrCoro... As>
  requires(sizeof...(As) > 0)
[[nodiscard]] auto race(As&&... awaitables) {
  if constexpr ((detail::is_lvalue_coro<As> || ...)) {
    static_assert(!(detail::is_lvalue_coro<As> || ...),
                  "race(): a coroutine runs once; pass std::move(coro)");
    return detail::Refused();
  } else {
    using R = typename detail::RaceValue<detail::AwaitedValue<As>...>::type;
    return detail::race_all<R>(std::index_sequence_for<As...>(),
                               detail::own_coro(std::forward<As>(awaitables))...);
  }
}

/// The same for a range. A range of coroutines is passed by move.
///
/// Throws: std::invalid_argument if it is empty.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto race(R&& range) {
  if constexpr (detail::is_lvalue_coro<detail::RangeElement<R>>) {
    static_assert(!detail::is_lvalue_coro<detail::RangeElement<R>>,
                  "race(): a coroutine runs once; pass std::move(coros)");
    return detail::Refused();
  } else {
    return detail::race_in(detail::own_coros(std::forward<R>(range)));
  }
}

}  // namespace asyncio
