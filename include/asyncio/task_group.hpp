#pragma once

#include <asyncio/task.hpp>
#include <asyncio/with.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace asyncio {

/// Tasks that end together: leaving the group waits for all of them, and the first error cancels
/// the others.
///
///     co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) ->
///     asyncio::Coro<> {
///       group.create_task(fetch(a));
///       group.create_task(fetch(b));
///       co_return;
///     });
///
/// Python: asyncio.TaskGroup
/// Lifetime: stays in place while it is entered; movable before that.
/// Threads: the loop's.
class TaskGroup : public detail::CreatesTasks<TaskGroup> {
 public:
  TaskGroup() noexcept = default;
  TaskGroup(TaskGroup&& other) noexcept;
  TaskGroup& operator=(TaskGroup&&) = delete;
  /// An entered group must be left by aexit(), as with() does: otherwise its tasks are cancelled
  /// and go on without it, and that is reported.
  ~TaskGroup();

  /// A task of this group, in every form of asyncio::create_task(). Children may add more.
  ///
  /// Throws: RuntimeError before the group is entered, while it shuts down after an error, and when
  /// it has ended; the coroutine is closed then.
  using CreatesTasks::create_task;

  /// For with(). Throws: RuntimeError if it was entered already, or outside a task.
  detail::Immediate aenter();

  /// Waits for the children; they are cancelled first if the body has ended with `error`.
  ///
  /// Throws: ExceptionGroup("unhandled errors in a TaskGroup") of what the children ended with, in
  /// that order, and of `error` last; a cancellation counts as none. CancelledError if the task was
  /// cancelled from outside and nothing failed. KeyboardInterrupt bare.
  ///
  /// Returns: true if the body was stopped by cancel(), which is no error.
  Coro<bool> aexit(std::exception_ptr error);

  /// Ends the group early, without an error: its tasks and the body are cancelled. Before the group
  /// is entered it takes effect then; when it has ended it does nothing.
  ///
  /// Python: TaskGroup.cancel(), since 3.15
  void cancel();

  /// "<TaskGroup tasks=2 errors=0 entered>"
  [[nodiscard]] std::string repr() const;

 private:
  friend detail::CreatesTasks<TaskGroup>;
  friend struct detail::GroupRoute;
  struct Child;
  class ChildrenEnd;

  /// A child's place, taken before there is the task, which may run at once and make others.
  struct Place {
    Place(TaskGroup& g, detail::Scheduler& s, Child* c) noexcept
        : group(g), scheduler(s), child(c) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();
    TaskGroup& group;
    detail::Scheduler& scheduler;
    Child* child;  // null once it is the group's
  };
  Place spawn_place();
  void spawned(Place& place, detail::FutureState& task) noexcept;
  void on_task_done(detail::TaskState& task) noexcept;
  void tell_lost(detail::TaskState& task, const detail::Failure& failure) const noexcept;
  void abort();
  void stop_body();
  void forget_parent() noexcept;
  Coro<bool> leave();

  Child* first_ = nullptr;
  Child* last_ = nullptr;
  std::size_t places_ = 0;  // of tasks that are being made
  std::size_t running_ = 0;
  detail::TaskState* parent_ = nullptr;
  detail::TaskState* waiting_ = nullptr;  // the parent, while it waits for the children to end
  std::optional<Coro<bool>>
      leaving_;  // made when it is entered: leaving must not fail for want of memory
  detail::Failure body_failure_;
  std::vector<detail::Failure> errors_;  // has room for one of each child and of the body
  detail::Failure base_error_;           // a KeyboardInterrupt
  bool entered_ = false;
  bool exiting_ = false;
  bool left_ = false;
  bool aborting_ = false;
  bool parent_cancel_requested_ = false;
  bool cancelled_ = false;  // by cancel()
};

}  // namespace asyncio
