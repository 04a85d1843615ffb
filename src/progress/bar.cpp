#include "progress/bar.hpp"

#include "progress/display_width.hpp"
#include "progress/numbers.hpp"
#include "progress/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace asyncio::detail {
namespace {

double seconds(std::int64_t nanoseconds) noexcept { return static_cast<double>(nanoseconds) / 1e9; }

std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) return std::numeric_limits<std::int64_t>::max();
  return result;
}

}  // namespace

ProgressBar::ProgressBar(ProgressState& owner, std::string_view description,
                         const ProgressTaskOptions& options, std::int64_t now)
    : owner_(&owner),
      completed_(std::max<std::int64_t>(options.completed, 0)),
      total_(options.total),
      description_(harmless(description)),
      began_at_(now),
      began_with_(completed_),
      sampled_at_(now),
      sampled_(completed_) {}

void ProgressBar::advance(std::int64_t n) noexcept {
  if (owner_ == nullptr || state_ == State::stopped) return;
  completed_ = std::max<std::int64_t>(sum(completed_, n), 0);
  look_for_end();
  news_ = true;
  owner_->changed();
}

void ProgressBar::update(const ProgressUpdate& changes) {
  if (owner_ == nullptr || state_ == State::stopped) return;
  if (changes.description) description_ = harmless(*changes.description);
  if (changes.completed) completed_ = std::max<std::int64_t>(*changes.completed, 0);
  if (changes.total) total_ = changes.total;
  if (state_ == State::finished && total_ && completed_ < *total_) state_ = State::running;
  look_for_end();
  news_ = true;
  owner_->changed();
}

void ProgressBar::child_ended(const FutureState& child) noexcept {
  if (child.failed()) ++errors_;
  if (child.cancelled()) ++cancelled_;
  advance(child.cancelled() ? 0 : 1);
}

void ProgressBar::look_for_end() noexcept {
  if (state_ == State::running && total_ && completed_ >= *total_) end(State::finished);
}

void ProgressBar::finish() noexcept {
  if (owner_ == nullptr || state_ == State::stopped) return;
  if (!total_) total_ = completed_;
  completed_ = std::max(completed_, *total_);
  advance(0);
}

void ProgressBar::stop() noexcept {
  if (owner_ == nullptr || state_ != State::running) return;
  end(State::stopped);
  owner_->changed();
}

void ProgressBar::leave() noexcept {
  if (state_ == State::running) end(State::stopped);
  owner_ = nullptr;
}

void ProgressBar::end(State as) noexcept {
  state_ = as;
  ended_at_ = owner_->now();
  owner_->ended(*this);
}

bool ProgressBar::take_news() noexcept { return std::exchange(news_, false); }

double ProgressBar::elapsed(std::int64_t now) const noexcept {
  return seconds((state_ == State::running ? now : ended_at_) - began_at_);
}

void ProgressBar::sample(std::int64_t now) noexcept {
  if (now <= sampled_at_) return;
  const std::int64_t done = std::max<std::int64_t>(completed_ - sampled_, 0);
  rate_.add(static_cast<double>(done), seconds(now - sampled_at_));
  sampled_at_ = now;
  sampled_ = completed_;
}

// Of what has ended: all in all.
std::optional<double> ProgressBar::rate(std::int64_t now) const noexcept {
  if (state_ == State::running) return rate_.per_second();
  Rate all;
  const double time = elapsed(now);
  if (time > 0) all.add(static_cast<double>(completed_ - began_with_), time);
  return all.per_second();
}

std::optional<double> ProgressBar::fraction() const noexcept {
  if (!total_) return std::nullopt;
  if (*total_ <= 0 || completed_ >= *total_) return 1;
  return static_cast<double>(completed_) / static_cast<double>(*total_);
}

std::string ProgressBar::left(std::optional<double> rate) const {
  if (state_ != State::running || !total_) return {};
  if (!rate) return std::string(unknown_time);
  return clock_text(static_cast<double>(*total_ - completed_) / *rate);
}

std::string ProgressBar::errors() const {
  std::string text;
  if (errors_ > 0) text = fmt::format("{} error{}", errors_, errors_ == 1 ? "" : "s");
  if (cancelled_ > 0) {
    text += fmt::format("{}{} cancelled", text.empty() ? "" : ", ", cancelled_);
  }
  return text;
}

BarView ProgressBar::view(std::int64_t now) {
  if (state_ == State::running) sample(now);
  const std::optional<double> per_second = rate(now);
  BarView view;
  view.state = state_;
  view.fraction = fraction();
  view.description = description_;
  if (view.fraction) view.percent = fmt::format("{}%", static_cast<int>(*view.fraction * 100));
  view.count = total_ ? fmt::format("{}/{}", completed_, *total_) : fmt::format("{}", completed_);
  if (per_second) view.rate = rate_text(*per_second);
  view.elapsed = clock_text(elapsed(now));
  view.left = left(per_second);
  view.errors = errors();
  return view;
}

}  // namespace asyncio::detail
