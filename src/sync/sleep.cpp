#include <asyncio/sleep.hpp>

#include <utility>

namespace asyncio::detail {

const Waiter::Ops Sleep::sleep_ops{
    .cancel = [](Waiter& self, TaskState& task) noexcept -> bool {
      auto& sleep = static_cast<Sleep&>(self);
      if (!sleep.waiting_) return false;  // fired: the task is scheduled
      sleep.waiting_ = false;
      // Not armed any more: fire() is in the queue, ahead of the task's step, and finds it so.
      if (sleep.armed()) task.scheduler().disarm(sleep);
      task.schedule();
      return true;
    },
    .future = nullptr,
    .abandon = nullptr,
    .what = "sleep()",
};

void Sleep::begin() {
  TaskState* task = running_task();
  Scheduler& loop = task->scheduler();
  const TimePoint deadline = TimePoint(Duration::nanoseconds(loop.now())) + delay_;
  fn = &Sleep::fire;
  loop.arm(*this, deadline.since_epoch().nanoseconds());
  static_cast<Waiter&>(*this) = Waiter(sleep_ops);
  task_ = task;
  waiting_ = true;
  task_->park(*this);
}

// The timer makes the sleep's future done; the task goes on one pass later, as every awaiter does.
void Sleep::fire(ReadyCall& self, ReadyAction action) {
  auto& sleep = static_cast<Sleep&>(static_cast<Timer&>(self));
  if (action == ReadyAction::discard) {
    sleep.task_->scheduler().ready.unreserve();
    return;
  }
  // Its loop, without a look at the task, which is not in the cache if there are many.
  ReadyQueue& ready = thread_state.scheduler->ready;
  ready.unreserve();
  if (std::exchange(sleep.waiting_, false)) ready.push(ReadyEntry(sleep.task_));
}

}  // namespace asyncio::detail
