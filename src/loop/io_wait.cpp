#include <asyncio/detail/io_wait.hpp>
#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <utility>

namespace asyncio::detail {

void IoWait::throw_awaited(Way way) const {
  throw_runtime_error(
      fmt::format("{}: another operation is already waiting to {} here, so the task '{}' cannot; "
                  "let one task do all of the {}, or use a Lock",
                  ops().what, way == Way::read ? "read" : "write", running_task()->name(),
                  way == Way::read ? "reading" : "writing"));
}

void IoWait::park(IoSource& source, Way way) {
  if (source.awaited(way)) throw_awaited(way);
  TaskState& task = *running_task();
  task_ = &task;
  source_ = &source;
  way_ = way;
  source.wait(way, *this);
  task.park_to_recheck(*this);
}

void IoWait::yield() noexcept {
  task_ = running_task();
  task_->park_to_recheck(*this);
  task_->schedule();
}

bool IoWait::wait_again(IoSource& source, Way way) noexcept {
  if (source.awaited(way)) return false;
  source_ = &source;
  way_ = way;
  source.wait(way, *this);
  return true;
}

void IoWait::wake(IoObserver& self) noexcept {
  auto& wait = static_cast<IoWait&>(self);
  wait.source_ = nullptr;
  wait.task_->schedule();
}

bool IoWait::cancel(Waiter& self, TaskState& task) noexcept {
  auto& wait = static_cast<IoWait&>(self);
  if (wait.source_ == nullptr) return false;  // woken: the task is scheduled
  wait.stop();
  wait.source_ = nullptr;
  task.schedule();
  return true;
}

}  // namespace asyncio::detail
