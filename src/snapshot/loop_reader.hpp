#pragma once

#include "snapshot/find_layout.hpp"
#include "snapshot/memory.hpp"
#include "snapshot/places.hpp"
#include "snapshot/task_reader.hpp"
#include "snapshot/view.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace asyncio::snapshot {

/// Reads the loops that one library of a program has, and their tasks.
class LoopReader {
 public:
  LoopReader(Memory& memory, const Library& library)
      : memory_(memory),
        library_(library),
        places_(memory, library_.layout),
        tasks_(memory, library_.layout, places_) {}
  LoopReader(const LoopReader&) = delete;
  LoopReader& operator=(const LoopReader&) = delete;

  [[nodiscard]] const Library& library() const noexcept { return library_; }
  void read(std::vector<LoopView>& loops);

 private:
  class Head;

  void read_loop(std::uint64_t address, const Head& head, LoopView& view);
  [[nodiscard]] std::vector<std::uint64_t> registered(const Head& head);
  [[nodiscard]] std::vector<TaskHead> pending(std::uint64_t address, Head head, LoopView& view);
  [[nodiscard]] std::vector<std::uint64_t> ready_tasks(const Head& head);
  void tell_states(const Head& head, LoopView& view);

  Memory& memory_;
  Library library_;
  Places places_;
  TaskReader tasks_;
};

}  // namespace asyncio::snapshot
