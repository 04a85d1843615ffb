#include "progress/state.hpp"

#include "progress/display_width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace asyncio::detail {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t between_lines = 5 * second;
constexpr std::int64_t least_interval = second / 100;

std::string as_lines(std::string_view text) {
  std::string lines(text);
  if (lines.empty() || lines.back() != '\n') lines += '\n';
  return lines;
}

bool runs(const ProgressBar& bar) noexcept { return bar.state() == ProgressBar::State::running; }

std::string line_of_hidden(std::size_t bars, const Style& style) {
  return fitted(fmt::format("and {} more", bars), style.columns, {});
}

}  // namespace

ProgressState::ProgressState(const ProgressOptions& options)
    : Timer(&ProgressState::wake),
      transient_(options.transient),
      output_(options.fd),
      screen_(options),
      interval_(screen_.is_terminal() ? std::max(options.refresh.nanoseconds(), least_interval)
                                      : between_lines),
      began_(clock_.now()),
      next_draw_(screen_.is_terminal() ? began_ : began_ + interval_) {}

Ref<ProgressBar> ProgressState::add(std::string_view description,
                                    const ProgressTaskOptions& options) {
  Ref<ProgressBar> bar(new ProgressBar(*this, description, options, clock_.now()));
  if (stopped_) {
    bar->leave();
    return bar;
  }
  bars_.push_back(bar);
  bar->advance(0);
  return bar;
}

void ProgressState::print(std::string_view text) {
  const std::string lines = as_lines(text);
  output_.write(screen_.is_terminal() ? screen_.above(lines) : lines);
}

void ProgressState::stop() noexcept {
  if (stopped_) return;
  for (const Ref<ProgressBar>& bar : bars_) bar->leave();
  stopped_ = true;
  wait_no_more();
  try {
    if (screen_.is_terminal()) show_last();
  } catch (...) {
    // Without memory the last state is not shown.
  }
}

void ProgressState::ended(ProgressBar& bar) noexcept {
  if (screen_.is_terminal() || transient_ || stopped_) return;
  try {
    write_line(bar, clock_.now());
  } catch (...) {
    // Without memory it is not told.
  }
}

// --- showing ------------------------------------------------------------------------------------

void ProgressState::draw() noexcept {
  const std::int64_t now = clock_.now();
  next_draw_ = now + interval_;
  try {
    if (screen_.is_terminal()) {
      draw_screen(now);
    } else {
      write_lines(now);
    }
  } catch (...) {
    // Without memory the next time shows it.
  }
  if (output_.broken()) next_draw_ = never;
  wait();
}

void ProgressState::draw_screen(std::int64_t now) {
  if (!output_.ready()) return;  // the next time shows it all
  constexpr std::int64_t turn = second / 10;
  const Style style = screen_.style();
  const auto most = static_cast<std::size_t>(screen_.rows());
  std::vector<BarView> shown = views(now, most);
  std::vector<std::string> lines = lines_of(shown, style, (now - began_) / turn);
  const std::size_t hidden = bars_.size() - shown.size();
  if (hidden > 0 && most > 1) lines.push_back(line_of_hidden(hidden, style));
  output_.post(screen_.replace(std::move(lines)));
  changed_ = false;
}

void ProgressState::show_last() {
  if (!transient_ && !bars_.empty()) draw_screen(clock_.now());
  output_.post(screen_.leave(transient_));
}

// Where there is no room for all, those go first that have ended.
std::vector<BarView> ProgressState::views(std::int64_t now, std::size_t most) {
  std::size_t to_hide = 0;
  if (bars_.size() > most) to_hide = bars_.size() - std::max<std::size_t>(most - 1, 1);
  const std::size_t wanted = bars_.size() - to_hide;
  std::vector<BarView> shown;
  for (const Ref<ProgressBar>& bar : bars_) {
    if (shown.size() == wanted) break;
    if (to_hide > 0 && !runs(*bar)) {
      --to_hide;
    } else {
      shown.push_back(bar->view(now));
    }
  }
  return shown;
}

void ProgressState::write_lines(std::int64_t now) {
  changed_ = false;
  for (const Ref<ProgressBar>& bar : bars_) {
    if (runs(*bar) && bar->take_news()) write_line(*bar, now);
  }
}

void ProgressState::write_line(ProgressBar& bar, std::int64_t now) {
  output_.post(plain_line(bar.view(now)) + "\n");
}

// --- the timer ----------------------------------------------------------------------------------

// When something is to be shown that advance() will not show: what has changed, and in a terminal
// the time and what turns.
std::int64_t ProgressState::next_need() const noexcept {
  if (output_.broken() || stopped_) return never;
  if (changed_) return next_draw_;
  if (!screen_.is_terminal()) return never;
  bool some_run = false;
  for (const Ref<ProgressBar>& bar : bars_) {
    if (!runs(*bar)) continue;
    if (!bar->total()) return next_draw_;
    some_run = true;
  }
  if (!some_run) return never;
  const std::int64_t seconds_drawn = (next_draw_ - interval_ - began_) / second;
  return std::max(next_draw_, began_ + (seconds_drawn + 1) * second);
}

void ProgressState::wait() noexcept {
  if (wakes_at_ != never && !armed()) return;  // it is in the queue, and will look itself
  Scheduler* loop = thread_state.scheduler;
  const std::int64_t need = next_need();
  if (armed() && loop_ == loop && wakes_at_ <= need && need != never) return;
  wait_no_more();
  if (loop == nullptr || need == never) return;
  try {
    loop->arm(*this, clock_.on_loop(need));
  } catch (...) {
    return;  // without memory only advance() shows it
  }
  loop_ = loop;
  wakes_at_ = need;
  add_ref();
}

void ProgressState::wait_no_more() noexcept {
  if (!armed()) return;
  loop_->disarm(*this);
  wakes_at_ = never;
  drop_ref();  // not the last one: the caller's is another
}

void ProgressState::wake(ReadyCall& call, ReadyAction action) {
  auto& self = static_cast<ProgressState&>(static_cast<Timer&>(call));
  self.loop_->ready.unreserve();
  self.wakes_at_ = never;
  if (action == ReadyAction::run && !self.stopped_) {
    if (self.clock_.has_come(self.next_draw_)) {
      self.draw();
    } else {
      self.wait();
    }
  }
  self.drop_ref();
}

}  // namespace asyncio::detail
