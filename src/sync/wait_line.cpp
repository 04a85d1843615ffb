#include <asyncio/detail/wait_line.hpp>

#include "sync/line_route.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::detail {

constexpr WaitRoute LineWait::to_line = Routes::to_any_line();

// --- a task's place -----------------------------------------------------------------------------

bool LineWait::cancel(Waiter& self, TaskState& task) noexcept {
  auto& wait = static_cast<LineWait&>(self);
  if (wait.phase_ != Phase::waiting) return false;
  wait.phase_ = Phase::cancelled;
  WaitLine& line = *wait.line_;
  ++line.cancelled_;
  if (line.next_ == &wait) line.next_ = line.waiting_after(wait);
  task.schedule();
  return true;
}

void LineWait::leave() noexcept {
  if (line_ == nullptr) return;
  WaitLine& line = *std::exchange(line_, nullptr);
  if (line.next_ == this) line.next_ = line.waiting_after(*this);  // destroyed with its task
  if (phase_ == Phase::cancelled) --line.cancelled_;
  --line.size_;
  unlink();
}

void LineWait::throw_bereft() {
  running_task()->throw_delivery_if_any();
  throw_runtime_error(
      fmt::format("{}: what the task '{}' waited for was destroyed; keep it alive as long as tasks "
                  "use it, or cancel them first",
                  ops().what, running_task()->name()));
}

// --- the line -----------------------------------------------------------------------------------

WaitLine::~WaitLine() {
  nodes_.drain([](WaitNode& node) {
    LineWait& wait = *LineWait::from(&node);
    wait.line_ = nullptr;
    if (wait.phase_ != LineWait::Phase::waiting) return;  // it is scheduled already
    wait.phase_ = LineWait::Phase::bereft;
    node.entry().task()->schedule();
  });
}

[[gnu::noinline]] void WaitLine::bind_first(Scheduler& scheduler, const char* what) {
  if (loop_ == 0) loop_ = scheduler.number;
  if (loop_ == scheduler.number) return;
  throw_runtime_error(fmt::format(
      "{}: it is bound to a different event loop than \"{}\", the one of the task '{}'; "
      "make one for each loop",
      what, scheduler.name, running_task()->name()));
}

void WaitLine::join(LineWait& wait) {
  TaskState& task = *running_task();
  bind(task.scheduler(), wait.ops().what);
  enter(wait, task);
  if (wait.ops().recheck != nullptr) {
    task.park_to_recheck(wait);
  } else {
    task.park(wait);
  }
}

void WaitLine::join_again(LineWait& wait, TaskState& task) noexcept { enter(wait, task); }

void WaitLine::enter(LineWait& wait, TaskState& task) noexcept {
  wait.line_ = this;
  wait.phase_ = LineWait::Phase::waiting;
  wait.set(ReadyEntry(&task));
  nodes_.push_back(wait);
  if (next_ == nullptr) next_ = &wait;
  ++size_;
}

LineWait* WaitLine::waiting_after(const LineWait& wait) const noexcept {
  LineWait* next = LineWait::from(nodes_.after(wait));
  while (next != nullptr && next->phase_ != LineWait::Phase::waiting) {
    next = LineWait::from(nodes_.after(*next));
  }
  return next;
}

std::size_t WaitLine::waiting() const noexcept {
  std::size_t count = 0;
  for (LineWait* wait = next_; wait != nullptr; wait = waiting_after(*wait)) ++count;
  return count;
}

void WaitLine::choose_next() noexcept {
  LineWait& wait = *next_;
  wait.phase_ = LineWait::Phase::chosen;
  next_ = waiting_after(wait);
  wait.entry().task()->schedule();
}

}  // namespace asyncio::detail
