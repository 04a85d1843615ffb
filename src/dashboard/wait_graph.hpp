#pragma once

#include "dashboard/sampler.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace asyncio::dashboard {

/// Who waits for whom at one look: for a task, through futures and gathers, or for the task that
/// has the lock. Tasks are known by their place in Sample::tasks.
class WaitGraph {
 public:
  struct Edge {
    std::uint32_t to = 0;
    bool by_lock = false;
  };

  WaitGraph() = default;
  explicit WaitGraph(const Sample& sample);

  [[nodiscard]] std::size_t size() const noexcept { return awaited_.size(); }
  [[nodiscard]] std::span<const Edge> edges(std::uint32_t task) const {
    return {edges_.data() + first_[task], first_[task + 1] - first_[task]};
  }
  /// Somebody waits for it.
  [[nodiscard]] bool awaited(std::uint32_t task) const { return awaited_[task]; }
  /// Of the circles that it waits in: its number, from 1; 0: it is in none.
  [[nodiscard]] std::uint32_t circle_of(std::uint32_t task) const { return circle_of_[task]; }
  /// Tasks that wait for each other in a circle, so that none of them will ever go on: each waits
  /// for the next one, the last one for the first.
  [[nodiscard]] const std::vector<std::vector<std::uint32_t>>& circles() const noexcept {
    return circles_;
  }

 private:
  void find_circles();
  void add_circle(const std::vector<std::uint32_t>& members);

  std::vector<Edge> edges_;
  std::vector<std::size_t> first_;  // of each task, and one behind the last
  std::vector<bool> awaited_;
  std::vector<std::uint32_t> circle_of_;
  std::vector<std::vector<std::uint32_t>> circles_;
};

/// A line of a tree of waits.
struct TreeNode {
  enum class Kind : std::uint8_t {
    plain,
    seen,   ///< its own waits are shown further up
    circle  ///< it stands above itself
  };
  std::uint32_t task = 0;
  std::uint16_t depth = 0;
  Kind kind = Kind::plain;
  bool by_lock = false;      ///< the line above waits for a lock that it has
  std::uint32_t hidden = 0;  ///< children that are left out
};

/// The trees below `roots`, each task with those that it waits for below it.
[[nodiscard]] std::vector<TreeNode> list_trees(const WaitGraph& graph,
                                               std::span<const std::uint32_t> roots,
                                               std::size_t most);

/// One of each circle, then those who wait for others and for whom nobody waits, in the order in
/// which `rows` has them.
[[nodiscard]] std::vector<std::uint32_t> roots_of(const WaitGraph& graph,
                                                  std::span<const std::uint32_t> rows);

}  // namespace asyncio::dashboard
