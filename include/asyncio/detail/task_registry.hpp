#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio::detail {

class TaskState;

/// All live tasks of a loop, in chunks at stable addresses with holes allowed, so that a reader
/// outside the process gets them in few reads. It owns them: a task that nobody holds never
/// vanishes.
class TaskRegistry {
 public:
  static constexpr std::uint32_t chunk_size = 1024;

  TaskRegistry() = default;
  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;
  ~TaskRegistry();

  /// Returns: the slot, to be given to remove(). Throws: std::bad_alloc.
  std::uint32_t add(TaskState* task);
  void remove(std::uint32_t slot) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The first task at or after `slot`, which is moved behind it; or null.
  [[nodiscard]] TaskState* next(std::uint32_t& slot) const noexcept;
  /// In order of creation.
  [[nodiscard]] std::vector<TaskState*> all() const;

 private:
  struct Chunk;
  [[nodiscard]] TaskState*& at(std::uint32_t slot) const noexcept;

  std::vector<Chunk*> chunks_;
  std::vector<std::uint32_t> holes_;  // its capacity covers every slot: remove() cannot throw
  std::uint32_t end_ = 0;             // slots at and after it were never used
  std::size_t size_ = 0;
};

}  // namespace asyncio::detail
