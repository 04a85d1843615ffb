#include <asyncio/queue.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

// --- waiting ------------------------------------------------------------------------------------

const Waiter::Ops QueueCore::GetWait::ops = ops_of("Queue.get()", &Wait::recheck);

const Waiter::Ops QueueCore::PutWait::ops = ops_of("Queue.put()", &Wait::recheck);

const Waiter::Ops QueueJoin::ops = ops_of("Queue.join()");

void QueueCore::Wait::begin() {
  // One binding for both ends, as in CPython.
  Scheduler& scheduler = running_task()->scheduler();
  (gets_ ? core_->putters_ : core_->getters_).bind(scheduler, ops().what);
  line().join(*this);
}

bool QueueCore::Wait::recheck(Waiter& self, TaskState& task) noexcept {
  auto& wait = static_cast<Wait&>(self);
  if (wait.bereft() || task.has_delivery()) return true;
  if (wait.must_wait()) {
    wait.wait_again(task);
    return false;
  }
  if (wait.chosen()) wait.go_on();
  return true;
}

[[gnu::noinline]] void QueueCore::Wait::wait_again(TaskState& task) noexcept {
  leave();
  line().join_again(*this, task);
}

void QueueCore::Wait::end() {
  if (bereft()) throw_bereft();
  leave();
  TaskState& task = *running_task();
  if (!task.has_delivery()) return;
  pass_on();
  task.throw_delivery_if_any();
}

// --- the queue ----------------------------------------------------------------------------------

void QueueCore::refuse_put() const {
  if (shut_down_) throw QueueShutDown();
  throw QueueFull();
}

void QueueCore::refuse_get() const {
  if (shut_down_) throw QueueShutDown();
  throw QueueEmpty();
}

void QueueCore::task_done() {
  if (unfinished_ == 0) {
    throw_invalid_argument(
        "Queue.task_done(): task_done() called too many times: call it once for each item that "
        "get() gave");
  }
  if (--unfinished_ == 0) finished_.set();
}

void QueueCore::discarded() noexcept {
  unfinished_ -= size_ < unfinished_ ? size_ : unfinished_;
  size_ = 0;
  if (unfinished_ == 0) finished_.set();
}

void QueueCore::wake_everybody() noexcept {
  getters_.wake_all();
  putters_.wake_all();
}

std::string QueueCore::repr(const char* type) const {
  std::string text = fmt::format("<{} maxsize={}", type, maxsize_);
  if (size_ > 0) text += fmt::format(" _queue[{}]", size_);
  if (const auto n = getters_.waiting(); n > 0) text += fmt::format(" _getters[{}]", n);
  if (const auto n = putters_.waiting(); n > 0) text += fmt::format(" _putters[{}]", n);
  if (unfinished_ > 0) text += fmt::format(" tasks={}", unfinished_);
  if (shut_down_) text += " shutdown";
  return text + ">";
}

}  // namespace asyncio::detail
