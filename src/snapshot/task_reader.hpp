#pragma once

#include "base/layout.hpp"
#include "snapshot/edge_reader.hpp"
#include "snapshot/memory.hpp"
#include "snapshot/places.hpp"
#include "snapshot/view.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace asyncio::snapshot {

/// What the state of a task says by itself.
struct TaskHead {
  std::uint64_t address = 0;
  std::uint64_t top = 0;      ///< the promise of its innermost coroutine; 0: none is left
  std::uint64_t waiting = 0;  ///< its Waiter; 0: its step runs
  std::uint64_t extra = 0;
  std::uint64_t number = 0;  ///< of "Task-N"; 0: it has a name of its own
  std::uint32_t order = 0;   ///< of its creation
  bool started = false;
  std::uint64_t callback = 0;  ///< the first that is to be told of its end; 0: none

  /// It has done nothing in between.
  [[nodiscard]] bool same_step(const TaskHead& other) const noexcept {
    return address == other.address && top == other.top && waiting == other.waiting &&
           order == other.order && started == other.started && extra == other.extra;
  }
};

/// Reads tasks, many at a time: all that is of one kind in a few calls. Whatever it reads may be
/// garbage, since the program goes on: it believes nothing that does not point back, and takes a
/// task only if its state is the same afterwards.
class TaskReader {
 public:
  TaskReader(Memory& memory, const detail::Layout& layout, Places& places)
      : memory_(memory), layout_(layout), places_(places), edges_(memory, layout) {}

  /// Of those that are pending tasks of that loop.
  [[nodiscard]] std::vector<TaskHead> heads(std::span<const std::uint64_t> tasks,
                                            std::uint64_t loop);
  /// Name, frames and what it waits for, of those that are still there; in their order. They are
  /// `running` while a step is going on, else `waiting`.
  /// Returns: how many were seen without their frames, since they change too fast.
  std::uint64_t read(std::span<const TaskHead> heads, std::uint64_t loop,
                     std::vector<TaskView>& views);

 private:
  struct Seen {
    TaskHead head;
    TaskView view;
    bool torn = false;
    bool gone = false;
    bool nameless = false;  ///< what was read as its name may be none

    /// One that is being made right now, where another one was: it has a name before it starts.
    [[nodiscard]] bool unmade() const noexcept {
      return !head.started && head.number == 0 && view.name.empty();
    }
  };
  struct Wait;
  static const Wait no_wait;
  struct Wait {
    std::uint64_t what = 0;
    std::optional<detail::WaitRoute> route;
  };

  void look(std::vector<Seen*>& tasks, std::uint64_t loop);
  void read_frames(const std::vector<Seen*>& tasks);
  void read_names(const std::vector<Seen*>& tasks);
  void read_waits(const std::vector<Seen*>& tasks);
  void add_frame(Seen& seen, std::uint64_t function, std::uint64_t location);
  [[nodiscard]] const Wait& wait_of(std::uint64_t ops);

  Memory& memory_;
  const detail::Layout& layout_;
  Places& places_;
  EdgeReader edges_;
  std::unordered_map<std::uint64_t, Wait> waits_;  // by their Ops
};

}  // namespace asyncio::snapshot
