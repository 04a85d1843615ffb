#pragma once

#include <asyncio/detail/as_completed_core.hpp>
#include <asyncio/detail/range.hpp>
#include <asyncio/detail/unique_handles.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/task.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

namespace detail {
template <class T, bool copied>
Coro<T> next_completed_value(Hold<CompletedCore> core) {
  while (core->empty()) co_await NextCompleted(*core);
  const Hold<FutureState> future = core->take();
  future->throw_unless_value();
  if constexpr (!std::is_void_v<T>) {
    co_return gathered_value<T, copied>(*future, false);
  }
}

[[noreturn]] void throw_element_awaited();
[[noreturn]] void throw_completed_moved();
}  // namespace detail

/// One element of as_completed(): awaiting it, as an lvalue and once, gives the value of the next
/// one to end, or throws its error.
template <class T, bool copied = false>
class Completion {
 public:
  explicit Completion(detail::CompletedCore* core) noexcept : core_(core) {}
  /// Throws: RuntimeError the second time.
  detail::CoroAwaiter<T> operator co_await() & {
    if (!core_) detail::throw_element_awaited();
    auto coro =
        detail::next_completed_value<T, copied>(detail::Hold<detail::CompletedCore>(core_.get()));
    core_ = {};  // not if there was no memory for it
    return std::move(coro).operator co_await();
  }

 private:
  detail::Hold<detail::CompletedCore> core_;
};

/// What as_completed() returns: a range for `for`, and next() for `while`. One pass, whichever is
/// used.
template <class H, bool copied>
class AsCompleted {
 public:
  using T = typename H::value_type;
  class Iterator {
   public:
    explicit Iterator(AsCompleted* range) noexcept : range_(range) { ++*this; }
    Completion<T, copied>& operator*() noexcept { return *element_; }
    Iterator& operator++() noexcept {
      element_.reset();
      if (range_ != nullptr && range_->left_ > 0) {
        --range_->left_;
        element_.emplace(range_->core_.get());
      } else {
        range_ = nullptr;
      }
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return range_ == other.range_; }

   private:
    AsCompleted* range_;
    std::optional<Completion<T, copied>> element_;
  };

  AsCompleted(std::vector<H> futures, std::optional<Duration> timeout)
      : core_(detail::CompletedCore::make()),
        futures_(detail::without_repeated(std::move(futures))) {
    for (const H& f : futures_) core_->add(detail::FutureAccess::state(f));
    left_ = core_->begin(timeout);
    if constexpr (!copied) futures_.clear();
  }
  AsCompleted(AsCompleted&&) = default;

  Iterator begin() noexcept { return Iterator(this); }
  Iterator end() noexcept { return Iterator(nullptr); }

  /// The next task or future that is done, itself; nothing after the last one.
  ///
  /// Python: `async for task in asyncio.as_completed(tasks)`
  /// Throws: TimeoutError.
  [[nodiscard]] Coro<std::optional<H>> next() {
    if (!core_) detail::throw_completed_moved();
    if (left_ == 0) return none();
    auto coro = next_of(detail::Hold<detail::CompletedCore>(core_.get()));
    --left_;  // not if there was no memory for it
    return coro;
  }

 private:
  static Coro<std::optional<H>> none() { co_return std::nullopt; }
  static Coro<std::optional<H>> next_of(detail::Hold<detail::CompletedCore> core) {
    while (core->empty()) co_await detail::NextCompleted(*core);
    const detail::Hold<detail::FutureState> future = core->take();
    co_return H(detail::Ref<detail::FutureState>(future.get()));
  }

  detail::Hold<detail::CompletedCore> core_;
  std::vector<H> futures_;
  std::size_t left_ = 0;
};

/// The results of awaitables in the order in which they end. Coroutines become tasks at the call.
///
///     for (auto& next : asyncio::as_completed(tasks)) std::cout << co_await next;
///     auto completed = asyncio::as_completed(tasks);
///     while (auto task = co_await completed.next()) ...;
///
/// Python: asyncio.as_completed
/// Throws: (each await) the error of the one that ended; TimeoutError for each that did not end in
/// time.
/// Cancellation: leaving early, or a timeout, cancels nothing.
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto as_completed(R&& awaitables, std::optional<Duration> timeout = std::nullopt) {
  using A = detail::RangeElement<R>;
  detail::check_gatherable<A>();
  using H = decltype(ensure_future(std::declval<A>()));
  std::vector<H> futures;
  for (auto&& a : awaitables) futures.push_back(ensure_future(static_cast<A>(a)));
  return AsCompleted<H, detail::keeps_value<A>>(std::move(futures), timeout);
}

}  // namespace asyncio
