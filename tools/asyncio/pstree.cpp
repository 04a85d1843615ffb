#include "pstree.hpp"

#include "source.hpp"
#include "subcommands.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace asyncio::command {
namespace {

// A task that many await stands below each of them, and so does all that is below it.
constexpr std::size_t most_lines = 10'000'000;

struct Node {
  std::string label;
  std::vector<const Node*> children;
  bool is_child = false;
};

class Trees {
 public:
  explicit Trees(const Tasks& tasks) {
    for (const Tasks::Entry& entry : tasks.all()) {
      by_task_.emplace(entry.task->id, &add("(T) " + shown(entry.task->name)));
    }
    for (const Tasks::Entry& entry : tasks.all()) {
      Node& below = add_frames(*by_task_.at(entry.task->id), *entry.task);
      for (const std::uint64_t id : entry.awaits) {
        const auto awaited = by_task_.find(id);
        if (awaited != by_task_.end()) add_child(below, *awaited->second);
      }
    }
  }

  /// Returns: false if it was cut off.
  [[nodiscard]] bool write_all() {
    for (const Node& node : nodes_) {
      if (!node.is_child && !write_tree(node)) return false;
    }
    return true;
  }

 private:
  Node& add(std::string label) {
    nodes_.push_back({std::move(label), {}, false});
    return nodes_.back();
  }
  static void add_child(Node& parent, Node& child) {
    parent.children.push_back(&child);
    child.is_child = true;
  }
  // Outermost first. Returns: the innermost.
  Node& add_frames(Node& task, const snapshot::TaskView& view) {
    Node* at = &task;
    for (auto frame = view.frames.rbegin(); frame != view.frames.rend(); ++frame) {
      Node& node = add(' ' + frame_text(*frame, Path::whole));
      add_child(*at, node);
      at = &node;
    }
    return *at;
  }

  bool write_tree(const Node& root) {
    struct Step {
      const Node* node;
      std::size_t next = 0;
    };
    std::vector<Step> path;
    std::string prefix;
    const auto enter = [&](const Node& node, bool last) {
      write(prefix + (last ? "└── " : "├── ") + node.label + '\n');
      prefix += last ? "    " : "│   ";
      path.push_back({&node});
    };
    enter(root, true);
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == step.node->children.size()) {
        path.pop_back();
        // Both kinds of four columns: blanks, or a line, which has three bytes, and three blanks.
        prefix.resize(prefix.size() - (prefix.ends_with("│   ") ? std::string("│   ").size() : 4));
        continue;
      }
      if (++lines_ > most_lines) return false;
      const Node& child = *step.node->children[step.next++];
      enter(child, step.next == step.node->children.size());
    }
    return true;
  }

  std::deque<Node> nodes_;  // stay in place
  std::unordered_map<std::uint64_t, Node*> by_task_;
  std::size_t lines_ = 0;
};

}  // namespace

int write_trees(const Tasks& tasks) {
  const std::vector<std::vector<std::uint64_t>> cycles = tasks.cycles();
  if (!cycles.empty()) {
    fmt::print(stderr, "ERROR: await-graph contains cycles - cannot print a tree!\n\n");
    for (const auto& cycle : cycles) fmt::print(stderr, "{}\n", cycle_text(tasks, cycle));
    return 1;
  }
  if (!Trees(tasks).write_all()) {
    fmt::print(stderr, "asyncio: cut off after {} lines; ps shows each task once\n", most_lines);
  }
  return 0;
}

void add_pstree(CLI::App& app, Status& status) {
  auto* pstree = app.add_subcommand("pstree", "Shows as trees who waits for whom");
  const auto source = std::make_shared<Source>();
  source->add_options(*pstree);
  pstree->final_callback([source, &status] {
    const snapshot::ProcessView process = source->open().take_snapshot();
    status = write_trees(Tasks(process));
  });
}

}  // namespace asyncio::command
