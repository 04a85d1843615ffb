#include "top_rows.hpp"

#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace asyncio::command {
namespace {

using snapshot::LoopView;
using snapshot::TaskView;

struct Entry {
  const TaskView* task;
  double waited;
  std::size_t order;  // in which they were made
  std::size_t count = 1;
};

std::string state_text(TaskView::State state) {
  switch (state) {
    case TaskView::State::running: return "running";
    case TaskView::State::ready: return "ready";
    case TaskView::State::waiting: break;
  }
  return "waiting";
}

// Frames by themselves, so that nothing is made of a million of them.
bool before_by_place(const TaskView& a, const TaskView& b) {
  const auto less = [](const snapshot::FrameView& x, const snapshot::FrameView& y) {
    return std::tie(x.file, x.line, x.function) < std::tie(y.file, y.line, y.function);
  };
  if (std::lexicographical_compare(a.frames.begin(), a.frames.end(), b.frames.begin(),
                                   b.frames.end(), less)) {
    return true;
  }
  if (std::lexicographical_compare(b.frames.begin(), b.frames.end(), a.frames.begin(),
                                   a.frames.end(), less)) {
    return false;
  }
  return a.waits_for < b.waits_for;
}

void sort(std::vector<Entry>& entries, const TopView& view) {
  using Sort = TopView::Sort;
  const auto before = [&view](const Entry& a, const Entry& b) {
    switch (view.sort) {
      case Sort::waited: break;
      case Sort::name: return a.task->name < b.task->name;
      case Sort::state: return a.task->state < b.task->state;
      case Sort::place: return before_by_place(*a.task, *b.task);
    }
    return std::tie(a.waited, a.count) > std::tie(b.waited, b.count);
  };
  const auto stable = [&before](const Entry& a, const Entry& b) {
    if (before(a, b)) return true;
    return !before(b, a) && a.order < b.order;
  };
  std::sort(entries.begin(), entries.end(), stable);
  if (view.reverse) std::reverse(entries.begin(), entries.end());
}

template <class F>
void for_each_task(const Samples& samples, F f) {
  for (const LoopView& loop : samples.process().loops) {
    for (const TaskView& task : loop.tasks) f(task);
  }
}

std::vector<Entry> all_tasks(const Samples& samples) {
  std::vector<Entry> entries;
  entries.reserve(count_tasks(samples));
  for_each_task(samples, [&](const TaskView& task) {
    entries.push_back({&task, samples.waited(task), entries.size()});
  });
  return entries;
}

std::vector<Entry> all_places(const Samples& samples) {
  const auto less = [](const TaskView* a, const TaskView* b) {
    if (a->state != b->state) return a->state < b->state;
    return before_by_place(*a, *b);
  };
  std::map<const TaskView*, Entry, decltype(less)> places(less);
  std::size_t order = 0;
  for_each_task(samples, [&](const TaskView& task) {
    const double waited = samples.waited(task);
    const auto [at, is_new] = places.try_emplace(&task, Entry{&task, waited, order++});
    if (is_new) return;
    at->second.waited = std::max(at->second.waited, waited);
    ++at->second.count;
  });
  std::vector<Entry> entries;
  entries.reserve(places.size());
  for (const auto& [task, entry] : places) entries.push_back(entry);
  return entries;
}

TopRow row_of(const Entry& entry) {
  const bool waits = entry.task->state == TaskView::State::waiting;
  return {entry.count > 1 ? fmt::format("{} tasks", entry.count) : shown(entry.task->name),
          waits ? span_text(entry.waited) : "-", state_text(entry.task->state),
          shown(entry.task->waits_for), chain(*entry.task, Path::last)};
}

}  // namespace

std::size_t count_tasks(const Samples& samples) noexcept {
  std::size_t count = 0;
  for (const LoopView& loop : samples.process().loops) count += loop.tasks.size();
  return count;
}

std::vector<TopRow> top_rows(const Samples& samples, TopView& view, std::size_t most) {
  std::vector<Entry> entries = by_places(samples, view) ? all_places(samples) : all_tasks(samples);
  sort(entries, view);
  view.first = std::min(view.first, entries.size() > most ? entries.size() - most : 0);
  std::vector<TopRow> rows;
  for (std::size_t i = view.first; i < entries.size() && rows.size() < most; ++i) {
    rows.push_back(row_of(entries[i]));
  }
  return rows;
}

std::string span_text(double seconds) {
  constexpr double minute = 60;
  constexpr double hour = 3600;
  if (seconds <= 0) return "0 s";
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < minute) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  if (seconds < hour) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace asyncio::command
