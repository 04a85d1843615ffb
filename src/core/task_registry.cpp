#include <asyncio/detail/task_registry.hpp>
#include <asyncio/detail/task_state.hpp>

#include <algorithm>

namespace asyncio::detail {

struct TaskRegistry::Chunk {
  TaskState* tasks[chunk_size] = {};
};

TaskRegistry::~TaskRegistry() {
  for (Chunk* chunk : chunks_) delete chunk;
}

TaskState*& TaskRegistry::at(std::uint32_t slot) const noexcept {
  return chunks_[slot / chunk_size]->tasks[slot % chunk_size];
}

std::uint32_t TaskRegistry::add(TaskState* task) {
  std::uint32_t slot = 0;
  if (!holes_.empty()) {
    slot = holes_.back();
    holes_.pop_back();
  } else {
    if (end_ == chunks_.size() * chunk_size) {
      if (chunks_.size() == chunks_.capacity()) chunks_.reserve(chunks_.size() * 2 + 1);
      holes_.reserve(chunks_.capacity() * chunk_size);
      chunks_.push_back(new Chunk);
    }
    slot = end_++;
  }
  at(slot) = task;
  ++size_;
  return slot;
}

void TaskRegistry::remove(std::uint32_t slot) noexcept {
  at(slot) = nullptr;
  holes_.push_back(slot);
  --size_;
}

TaskState* TaskRegistry::next(std::uint32_t& slot) const noexcept {
  while (slot < end_) {
    if (TaskState* task = at(slot++)) return task;
  }
  return nullptr;
}

std::vector<TaskState*> TaskRegistry::all() const {
  std::vector<TaskState*> tasks;
  tasks.reserve(size_);
  for (std::uint32_t slot = 0; slot < end_; ++slot) {
    if (at(slot) != nullptr) tasks.push_back(at(slot));
  }
  // By difference: the counter may wrap, but not within the tasks of one moment.
  std::sort(tasks.begin(), tasks.end(), [](const TaskState* a, const TaskState* b) {
    return static_cast<std::int32_t>(a->order() - b->order()) < 0;
  });
  return tasks;
}

}  // namespace asyncio::detail
