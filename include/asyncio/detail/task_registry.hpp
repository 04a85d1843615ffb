#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio::detail {

class TaskState;

/// All live tasks of a loop, in chunks at stable addresses with holes allowed, so that a reader
/// outside the process gets them in few reads. It owns them: a task that nobody holds never
/// vanishes.
///
/// An entry is a task, or, marked by its lowest bit, a hole: the slot of the next hole.
class TaskRegistry {
 public:
  static constexpr std::uint32_t chunk_size = 1024;

  TaskRegistry() = default;
  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;
  ~TaskRegistry();

  /// Returns: the slot, to be given to remove(). Throws: std::bad_alloc.
  std::uint32_t add(TaskState* task) {
    if (first_hole_ == none) [[unlikely]]
      grow();
    const std::uint32_t slot = first_hole_;
    std::uintptr_t& entry = at(slot);
    first_hole_ = static_cast<std::uint32_t>(entry >> 1);
    entry = reinterpret_cast<std::uintptr_t>(task);
    ++size_;
    return slot;
  }
  void remove(std::uint32_t slot) noexcept {
    at(slot) = hole_before(first_hole_);
    first_hole_ = slot;
    --size_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The first task at or after `slot`, which is moved behind it; or null.
  [[nodiscard]] TaskState* next(std::uint32_t& slot) const noexcept;
  /// In order of creation.
  [[nodiscard]] std::vector<TaskState*> all() const;

 private:
  friend struct MemberOffsets;
  struct Chunk {
    std::uintptr_t entries[chunk_size];
  };
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  [[nodiscard]] std::uintptr_t& at(std::uint32_t slot) const noexcept {
    return chunks_[slot / chunk_size]->entries[slot % chunk_size];
  }
  [[nodiscard]] static std::uintptr_t hole_before(std::uint32_t next) noexcept {
    return std::uintptr_t{next} << 1 | 1;
  }
  void grow();

  std::vector<Chunk*> chunks_;
  std::uint32_t first_hole_ = none;
  std::size_t size_ = 0;
};

}  // namespace asyncio::detail
