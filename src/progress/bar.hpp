#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/progress.hpp>

#include "progress/rate.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// What is shown of a bar at one moment, as text without colours.
struct BarView {
  enum class State : unsigned char { running, stopped, finished };
  State state = State::running;
  std::optional<double> fraction;  // of the total, if that is known
  std::string description;
  std::string percent;
  std::string count;
  std::string rate;
  std::string elapsed;
  std::string left;
  std::string errors;
};

/// One task of a Progress: what its handles share with it.
///
/// States: running → finished, when the total is reached or by finish(); finished → running, by a
/// higher total; running → stopped, by stop() or by the end of the Progress. `owner_` is null once
/// that has ended.
class ProgressBar {
 public:
  using State = BarView::State;

  ProgressBar(ProgressState& owner, std::string_view description,
              const ProgressTaskOptions& options, std::int64_t now);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void add_ref() noexcept { refs_.add(); }
  void drop_ref() noexcept {
    if (refs_.drop()) delete this;
  }

  [[nodiscard]] std::int64_t completed() const noexcept { return completed_; }
  [[nodiscard]] std::optional<std::int64_t> total() const noexcept { return total_; }
  [[nodiscard]] State state() const noexcept { return state_; }

  void advance(std::int64_t n) noexcept;
  void update(const ProgressUpdate& changes);
  void finish() noexcept;
  void stop() noexcept;
  /// Of a gather(). One that was cancelled is counted, but nothing is done by it.
  void child_ended(const FutureState& child) noexcept;

  /// Takes a sample of the rate first.
  [[nodiscard]] BarView view(std::int64_t now);
  /// For lines: true if something has happened since the last call.
  [[nodiscard]] bool take_news() noexcept;
  /// Its Progress ends, and so does this.
  void leave() noexcept;

 private:
  ~ProgressBar() = default;
  void look_for_end() noexcept;
  void end(State as) noexcept;
  [[nodiscard]] double elapsed(std::int64_t now) const noexcept;
  void sample(std::int64_t now) noexcept;
  [[nodiscard]] std::optional<double> rate(std::int64_t now) const noexcept;
  [[nodiscard]] std::optional<double> fraction() const noexcept;
  [[nodiscard]] std::string errors() const;
  [[nodiscard]] std::string left(std::optional<double> rate) const;

  SharedCount refs_{0};
  ProgressState* owner_;
  State state_ = State::running;
  bool news_ = true;
  std::int64_t completed_;
  std::optional<std::int64_t> total_;
  std::string description_;
  std::uint64_t errors_ = 0;
  std::uint64_t cancelled_ = 0;
  std::int64_t began_at_;
  std::int64_t began_with_;
  std::int64_t ended_at_ = 0;  // unless running
  std::int64_t sampled_at_;
  std::int64_t sampled_;
  Rate rate_;
};

}  // namespace asyncio::detail
