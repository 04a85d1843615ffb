#pragma once

#include <asyncio/detail/range.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/gather.hpp>

#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {
class GatherProgress;
class ProgressBar;
class ProgressState;
}  // namespace detail

struct ProgressOptions {
  /// Where the bars go: standard error. -1: nowhere.
  int fd = 2;
  /// Leaves nothing behind at the end. In what is no terminal: no line about the end of a task.
  bool transient = false;
  /// The shortest time between two redraws of a terminal; 10 ms at least.
  Duration refresh = Duration::nanoseconds(100'000'000);
  /// nullopt: a terminal is drawn to, unless TERM is "dumb".
  std::optional<bool> force_terminal = std::nullopt;
  /// Columns; 0: as many as the terminal has.
  int width = 0;
};
static_assert(std::is_trivially_destructible_v<ProgressOptions>);

struct ProgressTaskOptions {
  /// nullopt: nobody knows, so that a spinner is shown.
  std::optional<std::int64_t> total = std::nullopt;
  /// What was done before.
  std::int64_t completed = 0;
};
static_assert(std::is_trivially_destructible_v<ProgressTaskOptions>);

/// What ProgressTask::update() changes; the rest stays.
struct ProgressUpdate {
  std::optional<std::int64_t> completed = std::nullopt;
  std::optional<std::int64_t> total = std::nullopt;
  std::optional<std::string_view> description = std::nullopt;
};
static_assert(std::is_trivially_destructible_v<ProgressUpdate>);

/// A handle to one bar of a Progress. Copies are the same bar.
///
/// Threads: those of its Progress.
/// Lifetime: one that outlives its Progress does nothing.
class ProgressTask {
 public:
  // No move: what was moved from would be a bar of nothing.
  ProgressTask(const ProgressTask&) noexcept;
  ProgressTask& operator=(const ProgressTask&) noexcept;
  ~ProgressTask();

  [[nodiscard]] std::int64_t completed() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> total() const noexcept;
  /// True once `completed` has reached the total, or after finish().
  [[nodiscard]] bool finished() const noexcept;

  /// So much more is done. The task has ended when its total is reached.
  ///
  /// Cost: some tens of nanoseconds unless a redraw is due; no allocation then.
  void advance(std::int64_t n = 1) const noexcept;
  /// A task that has ended goes on if its new total is above what is completed.
  void update(const ProgressUpdate& changes) const;
  /// Ends it as complete, whatever is missing.
  void finish() const noexcept;
  /// Ends it where it is: its time stands still.
  void stop() const noexcept;

  explicit ProgressTask(detail::Ref<detail::ProgressBar> bar) noexcept;

 private:
  friend class detail::GatherProgress;
  detail::Ref<detail::ProgressBar> bar_;
};

/// Bars of long work, one below the other, at the bottom of a terminal:
///
///     asyncio::Progress progress;
///     auto pages = progress.add_task("pages", {.total = 600});
///     pages.advance();
///
/// In a terminal they are redrawn by advance(), and by a timer of the running loop, so that time
/// goes on while the program waits. Elsewhere there is a line every five seconds for what has
/// changed, and one at the end of each task. NO_COLOR and the locale's character set are obeyed.
///
/// Not in Python: in the manner of tqdm and rich.progress.
/// Errors of writing are ignored, and nothing waits for a reader that is slow: the next redraw
/// shows it all.
/// Threads: one at a time; that of the loop, if one runs.
/// Lifetime: destroying it ends it.
class Progress {
 public:
  explicit Progress(const ProgressOptions& options = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// Control characters in the description are made harmless.
  [[nodiscard]] ProgressTask add_task(std::string_view description,
                                      const ProgressTaskOptions& options = {}) const;
  /// Writes a line, or several, above the bars. To a descriptor that blocks it waits, as any write
  /// does; the text itself is not looked at.
  void print(std::string_view text) const;
  /// Ends it: unfinished tasks are stopped, the bars stay as they are or are erased. Idempotent.
  void stop() const noexcept;

 private:
  detail::Ref<detail::ProgressState> state_;
};

namespace progress {

/// For gather().
struct GatherOptions {
  std::string_view description = {};
  /// Where the bar is shown; null: by a Progress of its own, with these options.
  const Progress* progress = nullptr;
  ProgressOptions output = {};
};
static_assert(std::is_trivially_destructible_v<GatherOptions>);

/// For track().
struct TrackOptions {
  std::string_view description = {};
  /// nullopt: as the range says, if it knows its size.
  std::optional<std::int64_t> total = std::nullopt;
  const Progress* progress = nullptr;
  ProgressOptions output = {};
};
static_assert(std::is_trivially_destructible_v<TrackOptions>);

}  // namespace progress

namespace detail {

/// A bar in somebody's Progress, or in one of its own that ends with it.
class OwnBar {
 public:
  OwnBar(std::string_view description, std::optional<std::int64_t> total, const Progress* progress,
         const ProgressOptions& output);
  OwnBar(const OwnBar&) = delete;
  OwnBar& operator=(const OwnBar&) = delete;
  ~OwnBar() { task_.stop(); }

  [[nodiscard]] const ProgressTask& task() const noexcept { return task_; }

 private:
  std::optional<Progress> own_;
  ProgressTask task_;
};

/// The bar of a gather(), from before its children are waited for; ends_with() hands it over to the
/// loop.
class GatherBar {
 public:
  GatherBar(const GatherCore& children, const progress::GatherOptions& options);
  GatherBar(const GatherBar&) = delete;
  GatherBar& operator=(const GatherBar&) = delete;
  ~GatherBar();
  void ends_with(FutureState& gathered) noexcept;

 private:
  GatherProgress* shown_;
};

template <bool as_results, class R>
auto gather_with_bar(OnError on_error, R&& range, const progress::GatherOptions& options) {
  using A = RangeElement<R>;
  if constexpr (is_lvalue_coro<A>) {
    static_assert(!is_lvalue_coro<A>, "gather(): a coroutine runs once; pass std::move(coros)");
    return Refused();
  } else {
    using State = GatherVector<as_results, A>;
    GatherParts parts = gather_parts(std::forward<R>(range));
    GatherBar bar(parts.core, options);
    Future<typename State::Vector> gathered(parts.template finish<State>(on_error));
    bar.ends_with(FutureAccess::state(gathered));
    return gathered;
  }
}

template <class R>
std::optional<std::int64_t> size_of_range(R& range) {
  if constexpr (requires { range.size(); }) {
    return static_cast<std::int64_t>(range.size());
  } else if constexpr (std::is_array_v<R>) {
    return static_cast<std::int64_t>(std::extent_v<R>);
  } else {
    return std::nullopt;
  }
}

}  // namespace detail

namespace progress {

/// What track() returns: a range for one `for`.
template <class R>
class Tracked {
 public:
  Tracked(R&& range, const TrackOptions& options)
      : range_(std::forward<R>(range)),
        bar_(options.description, options.total ? options.total : detail::size_of_range(range_),
             options.progress, options.output) {}

  class Iterator {
   public:
    using Of = decltype(std::begin(std::declval<std::remove_reference_t<R>&>()));
    Iterator(Of at, const ProgressTask* task) : at_(std::move(at)), task_(task) {}
    decltype(auto) operator*() { return *at_; }
    Iterator& operator++() {
      ++at_;
      task_->advance();
      return *this;
    }
    /// Asked before each element: what has no known total is complete when there is none.
    template <class End>
    bool operator==(const End& end) const {
      const bool over = at_ == end.at;
      if (over) task_->finish();
      return over;
    }

   private:
    Of at_;
    const ProgressTask* task_;
  };
  template <class Of>
  struct End {
    Of at;
  };

  [[nodiscard]] Iterator begin() { return Iterator(std::begin(range_), &bar_.task()); }
  [[nodiscard]] auto end() { return End<decltype(std::end(range_))>{std::end(range_)}; }

 private:
  R range_;
  detail::OwnBar bar_;
};

/// The elements of a range, with a bar that advances after each:
///
///     for (const auto& file : asyncio::progress::track(files, {.description = "reading"})) ...
///
/// Not in Python: tqdm(range).
/// Lifetime: an lvalue is referred to; an rvalue is kept.
template <class R>
[[nodiscard]] Tracked<R> track(R&& range, const TrackOptions& options = {}) {
  return Tracked<R>(std::forward<R>(range), options);
}

/// asyncio::gather() of a range, with a bar that advances as each child ends, whether well or
/// badly; errors are counted beside it. The bar ends with the result.
///
///     auto pages = co_await asyncio::progress::gather(std::move(coros), {.description = "pages"});
///
/// Returns, Throws, Cancellation, Lifetime: as asyncio::gather().
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto gather(R&& range, const GatherOptions& options = {}) {
  return detail::gather_with_bar<false>(detail::OnError::fail, std::forward<R>(range), options);
}
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto gather(ReturnExceptions, R&& range, const GatherOptions& options = {}) {
  return detail::gather_with_bar<true>(detail::OnError::collect, std::forward<R>(range), options);
}
template <detail::RangeOfAwaitables R>
[[nodiscard]] auto gather(CancelOnError, R&& range, const GatherOptions& options = {}) {
  return detail::gather_with_bar<false>(detail::OnError::cancel_siblings, std::forward<R>(range),
                                        options);
}

}  // namespace progress

}  // namespace asyncio
