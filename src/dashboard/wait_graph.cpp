#include "dashboard/wait_graph.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

namespace asyncio::dashboard {

WaitGraph::WaitGraph(const Sample& sample) {
  const auto n = static_cast<std::uint32_t>(sample.tasks.size());
  awaited_.resize(n);
  circle_of_.resize(n);
  first_.reserve(n + 1);
  std::unordered_map<std::uint64_t, std::uint32_t> place_of;
  place_of.reserve(n);
  for (std::uint32_t i = 0; i < n; ++i) place_of.emplace(sample.tasks[i].task->id, i);
  const auto add = [&](std::uint64_t id, bool by_lock) {
    const auto found = place_of.find(id);
    if (found == place_of.end()) return;
    edges_.push_back({found->second, by_lock});
    awaited_[found->second] = true;
  };
  for (const TaskRow& row : sample.tasks) {
    first_.push_back(edges_.size());
    for (const std::uint64_t id : row.task->awaits) add(id, false);
    if (row.task->owner != 0) add(row.task->owner, true);
  }
  first_.push_back(edges_.size());
  find_circles();
}

// Tarjan's strongly connected components, with a stack of its own: a chain may be a million long.
void WaitGraph::find_circles() {
  constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();
  const auto n = static_cast<std::uint32_t>(size());
  std::vector<std::uint32_t> index(n, never);
  std::vector<std::uint32_t> low(n);
  std::vector<bool> open(n);
  std::vector<std::uint32_t> component;
  struct Visit {
    std::uint32_t task;
    std::size_t edge;
  };
  std::vector<Visit> path;
  std::uint32_t next = 0;
  const auto enter = [&](std::uint32_t task) {
    index[task] = low[task] = next++;
    open[task] = true;
    component.push_back(task);
    path.push_back({task, 0});
  };
  const auto leave = [&](std::uint32_t task) {
    path.pop_back();
    if (!path.empty()) low[path.back().task] = std::min(low[path.back().task], low[task]);
    if (low[task] != index[task]) return;
    std::vector<std::uint32_t> members;
    do {
      members.push_back(component.back());
      component.pop_back();
      open[members.back()] = false;
    } while (members.back() != task);
    add_circle(members);
  };
  for (std::uint32_t root = 0; root < n; ++root) {
    if (index[root] != never || edges(root).empty()) continue;
    enter(root);
    while (!path.empty()) {
      const std::uint32_t task = path.back().task;
      if (path.back().edge == edges(task).size()) {
        leave(task);
        continue;
      }
      const std::uint32_t to = edges(task)[path.back().edge++].to;
      if (index[to] == never) {
        enter(to);
      } else if (open[to]) {
        low[task] = std::min(low[task], index[to]);
      }
    }
  }
}

// Of a component: from its first member along edges that stay inside, to where that has been.
void WaitGraph::add_circle(const std::vector<std::uint32_t>& members) {
  const auto waits_for_itself = [this](std::uint32_t task) {
    return std::any_of(edges(task).begin(), edges(task).end(),
                       [task](const Edge& edge) { return edge.to == task; });
  };
  if (members.size() == 1 && !waits_for_itself(members[0])) return;
  const auto number = static_cast<std::uint32_t>(circles_.size() + 1);
  for (const std::uint32_t member : members) circle_of_[member] = number;
  std::vector<std::uint32_t> way;
  std::unordered_map<std::uint32_t, std::size_t> place;
  std::uint32_t task = members[0];
  while (place.emplace(task, way.size()).second) {
    way.push_back(task);
    const std::span<const Edge> all = edges(task);
    task = std::find_if(all.begin(), all.end(), [&](const Edge& edge) {
             return circle_of_[edge.to] == number;
           })->to;
  }
  way.erase(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(place[task]));
  std::rotate(way.begin(), std::min_element(way.begin(), way.end()), way.end());  // the oldest one
  circles_.push_back(std::move(way));
}

std::vector<std::uint32_t> roots_of(const WaitGraph& graph, std::span<const std::uint32_t> rows) {
  std::vector<std::uint32_t> roots;
  for (const std::vector<std::uint32_t>& circle : graph.circles()) roots.push_back(circle.front());
  for (const std::uint32_t task : rows) {
    if (!graph.edges(task).empty() && !graph.awaited(task)) roots.push_back(task);
  }
  return roots;
}

std::vector<TreeNode> list_trees(const WaitGraph& graph, std::span<const std::uint32_t> roots,
                                 std::size_t most) {
  constexpr std::size_t most_children = 100;
  constexpr std::uint16_t deepest = 200;
  std::vector<TreeNode> lines;
  std::unordered_set<std::uint32_t> shown;
  struct Visit {
    std::size_t line;
    std::size_t edge;
  };
  std::vector<Visit> path;
  const auto enter = [&](std::uint32_t task, bool by_lock) {
    TreeNode node;
    node.task = task;
    node.by_lock = by_lock;
    node.depth = static_cast<std::uint16_t>(path.size());
    const bool above = std::any_of(path.begin(), path.end(), [&](const Visit& visit) {
      return lines[visit.line].task == task;
    });
    const bool again = !shown.insert(task).second;
    if (above) {
      node.kind = TreeNode::Kind::circle;
    } else if (again && !graph.edges(task).empty()) {
      node.kind = TreeNode::Kind::seen;
    }
    lines.push_back(node);
    if (node.kind == TreeNode::Kind::plain) path.push_back({lines.size() - 1, 0});
  };
  for (const std::uint32_t root : roots) {
    if (lines.size() >= most) break;
    if (shown.contains(root)) continue;
    enter(root, false);
    while (!path.empty()) {
      const std::size_t line = path.back().line;
      const std::span<const WaitGraph::Edge> edges = graph.edges(lines[line].task);
      const std::size_t edge = path.back().edge++;
      if (edge == edges.size()) {
        path.pop_back();
      } else if (edge == most_children || lines.size() >= most || path.size() >= deepest) {
        lines[line].hidden = static_cast<std::uint32_t>(edges.size() - edge);
        path.pop_back();
      } else {
        enter(edges[edge].to, edges[edge].by_lock);
      }
    }
  }
  return lines;
}

}  // namespace asyncio::dashboard
