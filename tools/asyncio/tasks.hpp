#pragma once

#include "snapshot/view.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::command {

/// The tasks of all loops of a process, and who waits for whom: by awaiting, or for a lock that the
/// other one has.
class Tasks {
 public:
  struct Entry {
    const snapshot::TaskView* task = nullptr;
    const snapshot::LoopView* loop = nullptr;
    std::vector<std::size_t> awaited_by;  ///< as indices
    std::vector<std::uint64_t> awaits;    ///< ids, each once; also of tasks that were not seen
  };

  /// `process` must outlive it.
  explicit Tasks(const snapshot::ProcessView& process);

  [[nodiscard]] const std::vector<Entry>& all() const noexcept { return all_; }
  /// Null: it was not seen.
  [[nodiscard]] const Entry* find(std::uint64_t id) const noexcept;
  /// Each from a task over those for which it waits back to itself, as ids.
  [[nodiscard]] std::vector<std::vector<std::uint64_t>> cycles() const;

 private:
  std::vector<Entry> all_;
  std::unordered_map<std::uint64_t, std::size_t> by_id_;
};

}  // namespace asyncio::command
