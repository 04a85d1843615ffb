#pragma once

#include <asyncio/detail/wait_route.hpp>

#include "base/layout.hpp"
#include "snapshot/memory.hpp"
#include "snapshot/view.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace asyncio::snapshot {

/// A task that waits in a way that a WaitRoute describes.
struct RoutedWait {
  std::uint64_t task = 0;
  std::uint64_t waiter = 0;  ///< the address of its Waiter
  const detail::WaitRoute* route = nullptr;
};

/// Finds who waits for whom. See wait_route.hpp for how; all at once, wherever that can be many.
class EdgeReader {
 public:
  EdgeReader(Memory& memory, const detail::Layout& layout);

  /// Follows the routes of these up to the futures and primitives at their ends.
  void follow(std::span<const RoutedWait> waits);
  /// How many were found, for forget().
  [[nodiscard]] std::size_t found() const noexcept { return edges_.size(); }
  /// What was found of that task, and behind the first `kept`: it was torn.
  void forget(std::span<const std::uint64_t> tasks, std::size_t kept);
  struct Callback {
    std::uint64_t task = 0;
    std::uint64_t node = 0;    ///< in the ring of the task's callbacks
    std::uint64_t before = 0;  ///< the node before, or the ring's head
  };
  /// Looks for the parents of the groups that tasks are in, beginning at their first callbacks.
  void look_for_groups(std::vector<Callback> callbacks);
  /// To be called when all tasks of a loop are known, `orders` by view: fills in what they await,
  /// through gathers and shields, and forgets it.
  void resolve(std::vector<TaskView>& tasks, std::span<const std::uint32_t> orders);

 private:
  struct Edge {
    std::uint64_t task = 0;
    std::uint64_t future = 0;
  };
  struct Line {
    std::uint64_t primitive = 0;
    std::uint64_t owner = 0;  ///< 0: none; else 1 + order of the task that has it
  };
  using Held = std::pair<RoutedWait, std::uint64_t>;  // with the address of the holder

  [[nodiscard]] std::vector<Held> holders(std::span<const RoutedWait> waits);
  [[nodiscard]] std::vector<Held> still_waiting(std::vector<Held> held);
  void add_lines(std::span<const Held> held);
  void add_array(const Held& held);
  void add_list(const Held& held);
  void add_children(std::span<const Edge> children);
  void add_elements(std::uint64_t task, std::uint64_t first, std::uint64_t count,
                    std::uint64_t step, std::uint64_t future);
  [[nodiscard]] bool holds(const Held& held, const detail::MemberTest& test);
  [[nodiscard]] std::vector<Edge> parts_of(std::span<const Edge> composites);
  [[nodiscard]] bool room() const noexcept;

  Memory& memory_;
  const detail::Layout& layout_;
  detail::GroupRoute group_{};
  bool has_groups_ = false;
  std::vector<Edge> edges_;
  std::unordered_map<std::uint64_t, Line> lines_;  // by task
};

}  // namespace asyncio::snapshot
