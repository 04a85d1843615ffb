#include "tasks.hpp"

#include <algorithm>

namespace asyncio::command {

Tasks::Tasks(const snapshot::ProcessView& process) {
  for (const snapshot::LoopView& loop : process.loops) {
    for (const snapshot::TaskView& task : loop.tasks) {
      by_id_.emplace(task.id, all_.size());
      all_.push_back({&task, &loop, {}, task.awaits});
      std::vector<std::uint64_t>& awaits = all_.back().awaits;
      if (task.owner != 0 && std::find(awaits.begin(), awaits.end(), task.owner) == awaits.end()) {
        awaits.push_back(task.owner);
      }
    }
  }
  for (std::size_t i = 0; i < all_.size(); ++i) {
    for (const std::uint64_t id : all_[i].awaits) {
      const auto awaited = by_id_.find(id);
      if (awaited != by_id_.end()) all_[awaited->second].awaited_by.push_back(i);
    }
  }
}

const Tasks::Entry* Tasks::find(std::uint64_t id) const noexcept {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &all_[found->second];
}

// Depth first, as Python's; a loop, since chains of tasks may be long.
std::vector<std::vector<std::uint64_t>> Tasks::cycles() const {
  enum class Color : std::uint8_t { unseen, on_path, done };
  struct Step {
    std::size_t task;
    std::size_t next = 0;  // of those that it awaits
  };
  std::vector<Color> colors(all_.size(), Color::unseen);
  std::vector<std::vector<std::uint64_t>> cycles;
  std::vector<Step> path;
  for (std::size_t root = 0; root < all_.size(); ++root) {
    if (colors[root] != Color::unseen) continue;
    colors[root] = Color::on_path;
    path.push_back({root});
    while (!path.empty()) {
      Step& step = path.back();
      const std::vector<std::uint64_t>& awaits = all_[step.task].awaits;
      if (step.next == awaits.size()) {
        colors[step.task] = Color::done;
        path.pop_back();
        continue;
      }
      const auto awaited = by_id_.find(awaits[step.next++]);
      if (awaited == by_id_.end()) continue;
      const std::size_t task = awaited->second;
      if (colors[task] == Color::unseen) {
        colors[task] = Color::on_path;
        path.push_back({task});
      } else if (colors[task] == Color::on_path) {
        auto at = std::find_if(path.begin(), path.end(),
                               [task](const Step& s) { return s.task == task; });
        std::vector<std::uint64_t> cycle;
        for (; at != path.end(); ++at) cycle.push_back(all_[at->task].task->id);
        cycle.push_back(all_[task].task->id);
        cycles.push_back(std::move(cycle));
      }
    }
  }
  return cycles;
}

}  // namespace asyncio::command
