#include "dashboard/flame.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace asyncio::dashboard {
namespace {

/// The tree that the boxes are listed from.
class Flame {
 public:
  explicit Flame(const Stacks& stacks) : nodes_(1) {
    for (const Stacks::Stack& stack : stacks.stacks()) {
      if (stack.tasks > 0 || stack.waited > 0) add(stack);
    }
  }

  [[nodiscard]] std::vector<FlameNode> list(std::size_t most) const {
    std::vector<FlameNode> boxes;
    std::vector<std::pair<std::size_t, std::uint32_t>> left = {{0, 0}};
    while (!left.empty() && boxes.size() < most) {
      const auto [index, depth] = left.back();
      left.pop_back();
      if (index != 0) {
        boxes.push_back(nodes_[index].box);
        boxes.back().depth = depth - 1;
      }
      for (const std::size_t child : visible_children(nodes_[index])) {
        left.emplace_back(child, depth + 1);
      }
    }
    return boxes;
  }

 private:
  using Key = std::pair<std::uint32_t, std::string>;
  struct Node {
    FlameNode box;
    std::map<Key, std::size_t> children;
  };

  void add(const Stacks::Stack& stack) {
    std::size_t node = weigh(0, stack);
    for (auto place = stack.places.rbegin(); place != stack.places.rend(); ++place) {
      node = weigh(child(node, {*place, ""}), stack);
    }
    if (!stack.waits_for.empty()) weigh(child(node, {FlameNode::none, stack.waits_for}), stack);
  }
  std::size_t weigh(std::size_t node, const Stacks::Stack& stack) {
    nodes_[node].box.tasks += stack.tasks;
    nodes_[node].box.waited += stack.waited;
    return node;
  }
  std::size_t child(std::size_t parent, const Key& key) {
    const auto [at, is_new] = nodes_[parent].children.try_emplace(key, nodes_.size());
    const std::size_t index = at->second;
    if (is_new) {
      nodes_.emplace_back();
      nodes_.back().box.place = key.first;
      nodes_.back().box.what = key.second;
    }
    return index;
  }
  // The greatest one last, which is taken first.
  [[nodiscard]] std::vector<std::size_t> visible_children(const Node& node) const {
    constexpr double smallest = 1.0 / 2000;  // of the whole: half a pixel
    const FlameNode& whole = nodes_[0].box;
    std::vector<std::size_t> visible;
    for (const auto& [key, index] : node.children) {
      const FlameNode& box = nodes_[index].box;
      if (box.waited >= whole.waited * smallest ||
          static_cast<double>(box.tasks) >= static_cast<double>(whole.tasks) * smallest) {
        visible.push_back(index);
      }
    }
    std::sort(visible.begin(), visible.end(), [this](std::size_t a, std::size_t b) {
      return nodes_[a].box.waited < nodes_[b].box.waited;
    });
    return visible;
  }

  std::vector<Node> nodes_;
};

}  // namespace

std::vector<FlameNode> list_flame(const Stacks& stacks, std::size_t most) {
  return Flame(stacks).list(most);
}

}  // namespace asyncio::dashboard
