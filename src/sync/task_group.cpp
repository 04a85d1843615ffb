#include <asyncio/task_group.hpp>

#include "base/log.hpp"
#include "core/route_offset.hpp"

#include <asyncio/exception_context.hpp>

#include <fmt/format.h>

#include <utility>

namespace asyncio {

using detail::ReadyAction;
using detail::TaskState;

/// A child's place in the group. On its own, since it may be in the queue when the group is gone.
struct TaskGroup::Child : detail::Pooled, detail::WaitCall {
  explicit Child(TaskGroup& g) noexcept : WaitCall(&Child::done), group(&g) {}

  static void done(detail::ReadyCall& self, ReadyAction action) {
    auto* child = static_cast<Child*>(static_cast<WaitCall*>(&self));
    if (action == ReadyAction::queued) return;  // owns itself until its turn
    child->task->scheduler().ready.unreserve();
    const detail::Hold<TaskState> task = std::move(child->task);
    TaskGroup* group = child->group;
    if (group != nullptr) child->leave();
    delete child;
    if (group != nullptr && action == ReadyAction::run) group->on_task_done(*task);
  }

  void leave() noexcept {
    (previous == nullptr ? group->first_ : previous->next) = next;
    (next == nullptr ? group->last_ : next->previous) = previous;
    --group->running_;
    group = nullptr;
  }

  TaskGroup* group;  // null once the group is gone
  detail::Hold<TaskState> task;
  Child* previous = nullptr;
  Child* next = nullptr;
};

/// The parent's wait for the last child.
class TaskGroup::ChildrenEnd : public detail::OwnAwaiter, public detail::Waiter {
 public:
  explicit ChildrenEnd(TaskGroup& group) noexcept : Waiter(ops), group_(&group) {}

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) {
    group_->waiting_ = detail::running_task();
    group_->waiting_->park(*this);
  }
  void await_resume() {
    group_->waiting_ = nullptr;
    detail::running_task()->throw_delivery_if_any();
  }
  [[nodiscard]] Result<void> await_result() {
    group_->waiting_ = nullptr;
    TaskState& task = *detail::running_task();
    if (task.has_delivery()) return Result<void>(task.take_delivery());
    return Result<void>(None{});
  }

 private:
  static const Ops ops;
  static const detail::WaitRoute to_children;
  TaskGroup* group_;
};

constexpr detail::WaitRoute TaskGroup::ChildrenEnd::to_children{
    .kind = detail::WaitRoute::Kind::list,
    .place = ASYNCIO_FROM_WAITER(ChildrenEnd, group_),
    .waits = {.offset = offsetof(TaskGroup, waiting_), .size = 8, .in_holder = true, .other = true},
    .first = offsetof(TaskGroup, first_),
    .next = offsetof(Child, next),
    .future = offsetof(Child, task)};

constexpr detail::GroupRoute detail::GroupRoute::of_task_groups{
    .done = &TaskGroup::Child::done,
    .callbacks = offsetof(FutureState, callbacks_),
    .entry = offsetof(WaitNode, entry_),
    .function = offsetof(WaitCall, fn),
    .group = Offset{offsetof(TaskGroup::Child, group)} - Offset{offsetof(TaskGroup::Child, fn)} +
             Offset{offsetof(WaitCall, fn)},
    .parent = offsetof(TaskGroup, parent_)};

const detail::Waiter::Ops TaskGroup::ChildrenEnd::ops{
    .cancel = [](Waiter& self, TaskState& task) noexcept -> bool {
      TaskGroup& group = *static_cast<ChildrenEnd&>(self).group_;
      if (group.waiting_ == nullptr) return false;  // the last child has ended: scheduled
      group.waiting_ = nullptr;
      task.schedule();
      return true;
    },
    .future = nullptr,
    .abandon = nullptr,
    .what = "the children of a TaskGroup",
    .route = &to_children,
};

TaskGroup::TaskGroup(TaskGroup&& other) noexcept : cancelled_(other.cancelled_) {
  if (other.entered_) {
    detail::log(LogLevel::error, "TaskGroup: moved while it is entered; the new one is empty");
  }
}

TaskGroup::~TaskGroup() {
  if (first_ != nullptr && !first_->task->scheduler().closed() && parent_ != nullptr &&
      !parent_->done()) {
    detail::log(LogLevel::warning,
                fmt::format("{} was destroyed while its tasks run; they are cancelled. Leave a "
                            "group by co_await with(TaskGroup(), ...)",
                            repr()));
    abort();
  }
  while (Child* child = first_) {
    const bool queued = !child->linked();
    child->unlink();
    child->leave();
    if (queued) continue;  // its turn comes: it deletes itself
    child->task->scheduler().ready.unreserve();
    delete child;
  }
  if (leaving_) leaving_->close();
  forget_parent();
}

void TaskGroup::forget_parent() noexcept {
  if (TaskState* parent = std::exchange(parent_, nullptr)) parent->unhold();
}

TaskGroup::Place TaskGroup::spawn_place() {
  if (!entered_) {
    detail::throw_runtime_error(fmt::format(
        "create_task(): {} has not been entered; use co_await with(TaskGroup(), ...)", repr()));
  }
  if (parent_ != nullptr) parent_->check_thread("create_task()");
  if (left_ || (exiting_ && running_ == 0)) {
    detail::throw_runtime_error(
        fmt::format("create_task(): {} is finished; make a new group", repr()));
  }
  if (aborting_) {
    detail::throw_runtime_error(
        fmt::format("create_task(): {} is shutting down after an error or a cancellation; what it "
                    "is to run must start before that",
                    repr()));
  }
  // Whatever can fail for want of memory comes before the task is made.
  const std::size_t room = errors_.size() + running_ + places_ + 2;
  if (errors_.capacity() < room) errors_.reserve(2 * room);
  detail::Scheduler& loop = parent_->scheduler();
  auto* child = new Child(*this);
  try {
    loop.ready.reserve();
  } catch (...) {
    delete child;
    throw;
  }
  ++places_;
  return Place(*this, loop, child);
}

TaskGroup::Place::~Place() {
  if (child == nullptr) return;
  scheduler.ready.unreserve();
  --group.places_;
  delete child;
}

void TaskGroup::spawned(Place& place, detail::FutureState& state) noexcept {
  auto& task = static_cast<TaskState&>(state);
  Child* child = std::exchange(place.child, nullptr);
  --places_;
  child->task = detail::Hold<TaskState>(&task);
  child->previous = std::exchange(last_, child);
  (child->previous == nullptr ? first_ : child->previous->next) = child;
  ++running_;
  task.notify(*child);
}

detail::Immediate TaskGroup::aenter() {
  if (entered_) {
    detail::throw_runtime_error(
        fmt::format("{} has already been entered; make a new group", repr()));
  }
  TaskState* parent = detail::running_task();
  if (parent == nullptr) {
    detail::throw_runtime_error(
        fmt::format("{} cannot determine the parent task: enter it in a coroutine", repr()));
  }
  errors_.reserve(1);
  leaving_.emplace(leave());
  parent->hold();
  parent_ = parent;
  entered_ = true;
  if (cancelled_) {
    aborting_ = true;
    stop_body();
  }
  return {};
}

Coro<bool> TaskGroup::aexit(std::exception_ptr error) {
  if (!leaving_) {
    detail::throw_runtime_error(
        fmt::format("aexit(): {} is not entered; use with(TaskGroup(), body), which enters and "
                    "leaves it once",
                    repr()));
  }
  exiting_ = true;
  body_failure_ = detail::failure_of(std::move(error));
  Coro<bool> leaving = std::move(*leaving_);
  leaving_.reset();
  return leaving;
}

Coro<bool> TaskGroup::leave() {
  struct Left {
    TaskGroup& group;
    ~Left() { group.forget_parent(); }
  };
  const Left left{*this};  // the group may outlive its task's loop
  const detail::Failure failure = std::exchange(body_failure_, {});
  const bool body_cancelled = detail::is_cancelled_error(failure.error);
  detail::Failure cancellation = body_cancelled ? failure : detail::Failure();
  if (detail::is_keyboard_interrupt(failure.error) && !base_error_) base_error_ = failure;

  if (failure && !aborting_) abort();

  // A loop: the parent may be cancelled while it waits, more than once. Only the first time is
  // passed on to the children.
  while (running_ > 0) {
    Result<void> end = co_await as_result(ChildrenEnd(*this));
    if (end) continue;
    if (!aborting_ || (cancelled_ && !cancellation)) cancellation = detail::failure_of(end);
    if (!aborting_) abort();
  }
  left_ = true;

  // What this group has cancelled it must uncancel; what is left then came from outside.
  if (parent_cancel_requested_ && parent_->uncancel() == 0) cancellation = {};

  if (base_error_) {
    for (const detail::Failure& e : errors_) {
      if (e.error == base_error_.error) continue;
      ExceptionContext context;
      detail::count_report(&ReportCounts::lost_errors);
      context.message = "TaskGroup: this error is hidden by a KeyboardInterrupt";
      context.exception = e.error;
      detail::remember(e);
      parent_->scheduler().report(context);
    }
    detail::raise(base_error_);
  }
  if (cancellation && errors_.empty()) detail::raise(cancellation);

  if (failure && !body_cancelled) errors_.push_back(failure);
  if (errors_.empty()) co_return body_cancelled;

  // The group's error goes first; a cancellation from outside stays pending behind it.
  if (parent_->cancelling() > 0) {
    parent_->uncancel();
    parent_->cancel({});
  }
  const detail::Failure group(detail::make_group("unhandled errors in a TaskGroup",
                                                 detail::Members(std::exchange(errors_, {}))));
  // Not "while handling" the body's error: that is a member.
  detail::raise(detail::instead_of(group, {}, detail::Traceback::Kind::replaced));
}

void TaskGroup::abort() {
  aborting_ = true;
  for (Child* child = first_; child != nullptr; child = child->next) {
    if (!child->task->done()) child->task->cancel({});
  }
}

void TaskGroup::on_task_done(TaskState& task) noexcept {
  if (running_ == 0 && waiting_ != nullptr) std::exchange(waiting_, nullptr)->schedule();
  if (!task.failed()) return;
  const detail::Failure failure = task.take_failure();
  errors_.push_back(failure);
  if (detail::is_keyboard_interrupt(failure.error) && !base_error_) base_error_ = failure;

  if (parent_ == nullptr || parent_->done()) {
    tell_lost(task, failure);
    return;
  }
  if (!aborting_ && !parent_cancel_requested_) {
    abort();
    stop_body();
  }
}

void TaskGroup::cancel() {
  if (left_ || (exiting_ && running_ == 0)) return;
  cancelled_ = true;
  if (!entered_) return;
  if (!aborting_) abort();
  if (!exiting_ && !parent_cancel_requested_) stop_body();
}

// The parent, wherever it is in the body or in leave(), which takes it back.
void TaskGroup::stop_body() {
  parent_cancel_requested_ = true;
  parent_->cancel({});
}

void TaskGroup::tell_lost(TaskState& task, const detail::Failure& failure) const noexcept {
  detail::count_report(&ReportCounts::lost_errors);
  try {
    ExceptionContext context;
    context.message = fmt::format("{} has errored out but its parent task {} is already completed",
                                  task.repr_task(), parent_ == nullptr ? "" : parent_->repr_task());
    context.exception = failure.error;
    detail::remember(failure);
    context.task = AnyTask(detail::Ref<detail::FutureState>(&task));
    task.scheduler().report(context);
  } catch (...) {
    detail::log(LogLevel::error,
                "TaskGroup: an error is lost, and there is no memory to say which");
  }
}

std::string TaskGroup::repr() const {
  std::string text = "<TaskGroup";
  if (running_ > 0) text += fmt::format(" tasks={}", running_);
  if (!errors_.empty()) text += fmt::format(" errors={}", errors_.size());
  if (aborting_) {
    text += " cancelling";
  } else if (entered_) {
    text += " entered";
  }
  return text + ">";
}

}  // namespace asyncio
