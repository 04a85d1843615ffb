#include "core/deadlock.hpp"

#include <asyncio/detail/promise.hpp>

#include "base/printable.hpp"
#include "base/text.hpp"
#include "core/awaited.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace asyncio::detail {
namespace {

using Index = std::uint32_t;

constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_task = 1000;
constexpr std::size_t most_tasks = 20;
constexpr std::size_t most_frames = 20;
constexpr std::size_t most_links = 20;

/// Who waits for whom, of all tasks of a loop.
class WaitGraph {
 public:
  explicit WaitGraph(const Scheduler& scheduler) : tasks_(scheduler.registry.all()) {
    for (Index i = 0; i < tasks_.size(); ++i) by_number_[owner_number(*tasks_[i])] = i;
    nodes_.resize(tasks_.size());
    Awaited awaited;
    for (Index i = 0; i < tasks_.size(); ++i) {
      read_awaited(*tasks_[i], awaited);
      add(i, awaited);
    }
  }

  [[nodiscard]] Cycle cycle() {
    free_all_that_can_go_on();
    const auto stuck =
        std::find_if(nodes_.begin(), nodes_.end(), [](const Node& n) { return n.missing > 0; });
    if (stuck == nodes_.end()) return {};
    return cycle_from(static_cast<Index>(stuck - nodes_.begin()));
  }

 private:
  struct Node {
    std::size_t missing = 0;     // how many of those below must go on before this one can
    std::vector<Index> awaits;   // tasks
    std::vector<Index> waiters;  // who awaits it
  };

  void add(Index waiter, const Awaited& awaited) {
    Node& node = nodes_[waiter];
    bool others = awaited.ends_by_itself;
    for (const FutureState* future : awaited.futures) {
      if (future->kind() == FutureState::Kind::task && &future->scheduler() == &scheduler()) {
        add_edge(waiter, owner_number(static_cast<const TaskState&>(*future)));
      } else {
        others = true;
      }
    }
    if (awaited.owner != 0) add_edge(waiter, awaited.owner);
    if (awaited.ends_by_itself || (!awaited.needs_all && others)) return;
    node.missing =
        awaited.needs_all ? node.awaits.size() : std::min<std::size_t>(node.awaits.size(), 1);
  }

  void add_edge(Index waiter, std::uint64_t number) {
    const auto at = by_number_.find(number);
    if (at == by_number_.end()) return;  // it has ended; whoever it was, another one may help
    nodes_[waiter].awaits.push_back(at->second);
    nodes_[at->second].waiters.push_back(waiter);
  }

  void free_all_that_can_go_on() {
    std::vector<Index> free;
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].missing == 0) free.push_back(i);
    }
    while (!free.empty()) {
      const Index i = free.back();
      free.pop_back();
      for (const Index waiter : nodes_[i].waiters) {
        std::size_t& missing = nodes_[waiter].missing;
        if (missing == 0) continue;
        --missing;
        if (missing == 0) free.push_back(waiter);
      }
    }
  }

  // Each that is stuck waits for another one that is.
  Cycle cycle_from(Index start) const {
    std::unordered_map<Index, std::size_t> places;
    std::vector<Index> way;
    for (Index at = start; places.try_emplace(at, way.size()).second;) {
      way.push_back(at);
      const std::vector<Index>& awaits = nodes_[at].awaits;
      at = *std::find_if(awaits.begin(), awaits.end(),
                         [this](Index i) { return nodes_[i].missing > 0; });
      if (!places.contains(at)) continue;
      way.erase(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(places[at]));
      break;
    }
    std::rotate(way.begin(), std::min_element(way.begin(), way.end()), way.end());
    Cycle cycle;
    for (const Index i : way) cycle.push_back(tasks_[i]);
    return cycle;
  }

  [[nodiscard]] const Scheduler& scheduler() const noexcept { return tasks_.front()->scheduler(); }

  std::vector<TaskState*> tasks_;
  std::unordered_map<std::uint64_t, Index> by_number_;
  std::vector<Node> nodes_;
};

/// A walk from a task to whatever must be done before it can go on.
class CycleWalk {
 public:
  explicit CycleWalk(TaskState& start) : start_(start) {}

  // Most tasks wait for a timer or a descriptor: then nothing is allocated.
  Cycle run() {
    for (TaskState* task = &start_;; task = open_.back(), open_.pop_back()) {
      if (look_at(*task)) return way_to(*task);
      if (open_.empty()) return {};
    }
  }

 private:
  // Returns: whether it waits for the start.
  bool look_at(TaskState& task) {
    read_awaited(task, awaited_, WhichWaits::for_all);
    if (awaited_.ends_by_itself) return false;
    for (FutureState* future : awaited_.futures) {
      if (future->kind() != FutureState::Kind::task) continue;
      if (reach(task, static_cast<TaskState&>(*future))) return true;
    }
    TaskState* owner = find_owner(task.scheduler(), awaited_.owner);
    return owner != nullptr && reach(task, *owner);
  }

  bool reach(TaskState& from, TaskState& task) {
    if (&task == &start_) return true;
    if (came_from_.emplace(&task, &from).second) open_.push_back(&task);
    return false;
  }

  Cycle way_to(TaskState& last) const {
    Cycle cycle;
    for (TaskState* task = &last; task != &start_; task = came_from_.at(task)) {
      cycle.push_back(task);
    }
    cycle.push_back(&start_);
    std::reverse(cycle.begin(), cycle.end());
    return cycle;
  }

  TaskState& start_;
  Awaited awaited_;
  std::vector<TaskState*> open_;
  std::unordered_map<TaskState*, TaskState*> came_from_;
};

std::string quoted_name(const TaskState& task) {
  return fmt::format("Task '{}'", printable(task.name(), longest_name));
}

// " at x.cpp:12"
std::string place_of(const TaskState& task) {
  const PromiseBase* frame = own_frame(task);
  if (frame == nullptr) frame = task.top();
  if (frame == nullptr || frame->location.line() == 0) return {};
  return fmt::format(" at {}:{}", file_name(frame->location.file_name()), frame->location.line());
}

std::string frames_of(const TaskState& task) {
  std::string text;
  std::size_t shown = 0;
  for (const PromiseBase* p = task.top(); p != nullptr;
       p = p->owner == nullptr ? nullptr : p->owner->parent) {
    if (shown++ == most_frames) return text + "\n      ...";
    const std::source_location at = p->location.line() != 0 ? p->location : p->function;
    text += fmt::format("\n      {}() at {}:{}", function_name(p->function),
                        file_name(at.file_name()), at.line());
  }
  return text;
}

}  // namespace

Cycle find_cycle(const Scheduler& scheduler) {
  return scheduler.registry.size() == 0 ? Cycle() : WaitGraph(scheduler).cycle();
}

Cycle cycle_through(TaskState& task) { return CycleWalk(task).run(); }

bool waits_for_lock_of(const TaskState& task, const TaskState& owner) {
  Awaited awaited;
  read_awaited(task, awaited);
  return awaited.owner == owner_number(owner);
}

const PromiseBase* own_frame(const TaskState& task) {
  const PromiseBase* p = task.top();
  while (p != nullptr && function_name(p->function).starts_with("asyncio::")) {
    p = p->owner == nullptr ? nullptr : p->owner->parent;
  }
  return p;
}

std::string describe_cycle(const Cycle& cycle) {
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == most_links && cycle.size() > most_links + 1) {
      const std::size_t more = cycle.size() - 1 - most_links;
      text +=
          fmt::format(", and so on through {} more, until {}", more, quoted_name(*cycle.back()));
      i = cycle.size() - 1;
    }
    const TaskState& next = *cycle[(i + 1) % cycle.size()];
    if (i == 0) text += quoted_name(*cycle[i]);
    text += fmt::format("{} waits{} for {}{}", i == 0 ? "" : ", which", place_of(*cycle[i]),
                        waits_for_lock_of(*cycle[i], next) ? "a lock held by " : "",
                        cycle.size() == 1 ? "itself" : quoted_name(next));
  }
  return text;
}

std::string describe_waiting(const Scheduler& scheduler) {
  std::string text;
  std::size_t shown = 0;
  for (const TaskState* task : scheduler.registry.all()) {
    if (shown++ == most_tasks) {
      return text + fmt::format("\n  and {} more", scheduler.registry.size() - most_tasks);
    }
    text += "\n  " + printable(task->repr_task(), longest_task) + frames_of(*task);
  }
  return text;
}

}  // namespace asyncio::detail
