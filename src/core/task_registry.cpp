#include <asyncio/detail/task_registry.hpp>
#include <asyncio/detail/task_state.hpp>

#include <algorithm>

namespace asyncio::detail {

TaskRegistry::~TaskRegistry() {
  for (Chunk* chunk : chunks_) delete chunk;
}

void TaskRegistry::grow() {
  if (chunks_.size() == chunks_.capacity()) chunks_.reserve(chunks_.size() * 2 + 1);
  auto* chunk = new Chunk;
  const auto first = static_cast<std::uint32_t>(chunks_.size()) * chunk_size;
  for (std::uint32_t i = 0; i < chunk_size; ++i) {
    chunk->entries[i] = hole_before(i + 1 < chunk_size ? first + i + 1 : none);
  }
  chunks_.push_back(chunk);
  first_hole_ = first;
}

TaskState* TaskRegistry::next(std::uint32_t& slot) const noexcept {
  while (slot < chunks_.size() * chunk_size) {
    const std::uintptr_t entry = at(slot++);
    if ((entry & 1) == 0) return reinterpret_cast<TaskState*>(entry);
  }
  return nullptr;
}

std::vector<TaskState*> TaskRegistry::all() const {
  std::vector<TaskState*> tasks;
  tasks.reserve(size_);
  for (std::uint32_t slot = 0; TaskState* task = next(slot);) tasks.push_back(task);
  // By difference: the counter may wrap, but not within the tasks of one moment.
  std::sort(tasks.begin(), tasks.end(), [](const TaskState* a, const TaskState* b) {
    return static_cast<std::int32_t>(a->order() - b->order()) < 0;
  });
  return tasks;
}

}  // namespace asyncio::detail
