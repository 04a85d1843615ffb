#include "top_screen.hpp"

#include "progress/display_width.hpp"
#include "text.hpp"
#include "top_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace asyncio::command {
namespace {

using detail::columns_of;
using snapshot::LoopView;
using snapshot::TaskView;

constexpr double long_lag = 0.1;  // seconds

std::string left(std::string_view text, int columns) {
  std::string cell = detail::fitted(text, columns, "~");
  cell.append(static_cast<std::size_t>(std::max(0, columns - columns_of(cell))), ' ');
  return cell;
}

std::string right(std::string_view text, int columns) {
  std::string cell = detail::fitted(text, columns, "~");
  cell.insert(0, static_cast<std::size_t>(std::max(0, columns - columns_of(cell))), ' ');
  return cell;
}

std::string or_dash(double value, const char* format, double factor = 1) {
  return value < 0 ? "-" : fmt::format(fmt::runtime(format), value * factor);
}

const char* state_of(const LoopView& loop) {
  if (!loop.running) return "stopped";
  return loop.asleep ? "waiting" : "running";
}

std::string loop_line(const std::string& name, const std::array<std::string, 9>& cells) {
  constexpr std::array<int, 9> widths{9, 9, 10, 10, 6, 8, 8, 8, 8};
  std::string line = left(name, 16);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += ' ';
    line += i == 1 ? left(cells[i], widths[i]) : right(cells[i], widths[i]);
  }
  return line;
}

TopLine line_of(const LoopView& loop, const LoopRates& rates) {
  const bool late = rates.lag >= long_lag;
  return {loop_line(shown(loop.name),
                    {std::to_string(loop.thread), state_of(loop),
                     or_dash(rates.steps_per_second, "{:.0f}"),
                     rates.seconds_per_step < 0 ? "-" : span_text(rates.seconds_per_step),
                     or_dash(rates.processor, "{:.0f}%", 100),
                     rates.lag > 0 ? span_text(rates.lag) : "-", std::to_string(loop.ready),
                     std::to_string(loop.timers), std::to_string(loop.descriptors)}),
          late ? TopLine::Style::alarm : TopLine::Style::plain};
}

std::string tasks_by_state(const Samples& samples) {
  std::array<std::size_t, 3> count{};
  std::size_t torn = 0;
  for (const LoopView& loop : samples.process().loops) {
    for (const TaskView& task : loop.tasks) ++count[static_cast<std::size_t>(task.state)];
    torn += loop.torn;
  }
  std::string text = fmt::format("{} tasks: {} running, {} ready, {} waiting",
                                 count[0] + count[1] + count[2], count[0], count[1], count[2]);
  if (torn > 0) text += fmt::format("; {} changed too fast to be seen", torn);
  return text;
}

std::string row_line(const TopRow& row) {
  return left(row.name, 24) + ' ' + right(row.waited, 8) + "  " + left(row.state, 8) + ' ' +
         left(row.waits_for, 20) + ' ' + row.place;
}

constexpr const char* names_of_sorts[] = {"wait", "name", "state", "place"};

std::string keys(const TopView& view) {
  return fmt::format(
      "q quit  p {}  g group  sort: w wait, n name, s state, l place ({}{})  r reverse  arrows",
      view.paused ? "go on" : "pause", names_of_sorts[static_cast<int>(view.sort)],
      view.reverse ? ", reversed" : "");
}

void add_head(std::vector<TopLine>& lines, const Samples& samples, const TopView& view) {
  const snapshot::ProcessView& process = samples.process();
  lines.push_back({fmt::format("asyncio top: process {}, every {:g} s{}", process.pid,
                               view.interval, view.paused ? ", PAUSED" : "")});
  lines.push_back({tasks_by_state(samples)});
  lines.push_back({});
  lines.push_back({loop_line("LOOP", {"THREAD", "STATE", "STEPS/S", "CPU/STEP", "CPU", "LAG",
                                      "READY", "TIMERS", "FDS"}),
                   TopLine::Style::title});
  for (const LoopView& loop : process.loops) lines.push_back(line_of(loop, samples.rates(loop)));
  lines.push_back({});
}

void add_rows(std::vector<TopLine>& lines, const Samples& samples, TopView& view,
              std::size_t most) {
  const bool places = by_places(samples, view);
  lines.push_back({row_line({places ? "TASKS" : "TASK", "WAITED", "STATE", "WAITS FOR", "WHERE"}),
                   TopLine::Style::title});
  for (const TopRow& row : top_rows(samples, view, most)) lines.push_back({row_line(row)});
}

}  // namespace

bool by_places(const Samples& samples, const TopView& view) noexcept {
  constexpr std::size_t many = 100;
  if (view.group != TopView::Group::automatic) return view.group == TopView::Group::places;
  return count_tasks(samples) > many;
}

std::vector<TopLine> top_screen(const Samples& samples, TopView& view, int width, int height) {
  std::vector<TopLine> lines;
  add_head(lines, samples, view);
  const std::size_t taken = lines.size() + 2;  // the table's title, and the keys
  const bool whole = height <= 0;
  const auto most = static_cast<std::size_t>(std::max(0, height));
  add_rows(lines, samples, view, whole ? count_tasks(samples) : most > taken ? most - taken : 0);
  if (!whole) {
    lines.resize(std::min(lines.size(), most > 0 ? most - 1 : 0));
    lines.push_back({keys(view), TopLine::Style::title});
  }
  for (TopLine& line : lines) line.text = detail::fitted(line.text, width, "~");
  return lines;
}

}  // namespace asyncio::command
