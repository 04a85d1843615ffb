#pragma once

#include <asyncio/detail/range.hpp>
#include <asyncio/detail/unique_handles.hpp>
#include <asyncio/detail/wait_core.hpp>
#include <asyncio/task.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

/// What wait() gives: the handles it was given, once each, in the order given.
template <class H>
struct WaitResult {
  std::vector<H> done;
  std::vector<H> pending;
};

struct WaitOptions {
  std::optional<Duration> timeout = std::nullopt;
  ReturnWhen return_when = ALL_COMPLETED;
};
static_assert(std::is_trivially_destructible_v<WaitOptions>);

namespace detail {

/// Throws: std::invalid_argument for an empty set.
void check_wait_set(std::size_t size);

template <class H>
class [[nodiscard]] Wait : public SetWait, public ConvertsToCoro<Wait<H>, WaitResult<H>> {
 public:
  Wait(std::vector<H> futures, WaitOptions options)
      : SetWait(options.timeout, options.return_when), futures_(std::move(futures)) {
    check_wait_set(futures_.size());
    reserve(futures_.size());
    for (const H& f : futures_) add(FutureAccess::state(f));
  }
  Wait(Wait&&) = default;

  WaitResult<H> await_resume() {
    SetWait::await_resume();
    WaitResult<H> result;
    for (H& f : futures_) (f.done() ? result.done : result.pending).push_back(std::move(f));
    return result;
  }

 private:
  std::vector<H> futures_;
};

}  // namespace detail

/// Waits for futures and tasks, without touching them: no error is thrown, nothing is cancelled.
///
///     auto [done, pending] = co_await asyncio::wait(tasks, {.timeout = 1s});
///
/// Python: asyncio.wait; suspends at least once, as there
/// Returns: the handles in two vectors, in the order given; the same one given twice comes once.
/// Throws: std::invalid_argument for an empty range or futures of different loops.
/// Cancellation: the futures go on.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto wait(R&& futures, WaitOptions options = {}) {
  using H = std::remove_cvref_t<detail::RangeElement<R>>;
  static_assert(detail::is_future<H>,
                "wait(): passing coroutines is forbidden, use tasks explicitly: create_task()");
  std::vector<H> handles;
  for (auto&& f : futures) handles.push_back(f);
  return detail::Wait<H>(detail::without_repeated(std::move(handles)), options);
}

}  // namespace asyncio
