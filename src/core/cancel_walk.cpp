#include <asyncio/detail/task_state.hpp>

#include <cstddef>
#include <utility>

namespace asyncio::detail {

/// cancel(), from any future down to the leaves that are really waited for: a task passes the
/// request on to what it awaits, a composite to each of its parts. A loop, not a recursion, since
/// chains of 100,000 tasks exist; where it stands inside composites is kept in these themselves.
class CancelWalk {
 public:
  explicit CancelWalk(const Ref<SharedText>& message) noexcept : message_(message) {}

  bool run(FutureState& root) noexcept {
    bool accepted = descend(&root);
    for (;;) {
      // Who awaits something that refuses gets the request itself, at its next step.
      if (asker_ != nullptr) {
        if (!accepted) asker_->request_cancel(message_);
        asker_ = nullptr;
        accepted = true;
      }
      if (composite_ == nullptr) return accepted;
      CompositeState& c = *composite_;
      c.walk_accepted_ |= accepted;
      if (c.walk_next_ < c.parts()) {
        accepted = descend(c.part(c.walk_next_++));
        continue;
      }
      accepted = c.walk_accepted_;
      if (accepted) c.cancel_requested_ = true;
      c.walk_active_ = false;
      asker_ = std::exchange(c.walk_asker_, nullptr);
      composite_ = std::exchange(c.walk_outer_, nullptr);
    }
  }

 private:
  // From `f` down to a leaf, a composite's first part, or something that refuses.
  bool descend(FutureState* f) noexcept {
    FutureState* tortoise = f;  // Brent: finds the end of a cycle of tasks that await each other
    std::size_t steps = 0;
    std::size_t power = 1;
    for (;;) {
      if (f->done()) return false;
      if (f->kind() == FutureState::Kind::task) {
        auto& task = static_cast<TaskState&>(*f);
        ++task.cancelling_;
        STAP_PROBE1(asyncio, task__cancel, &task);
        if (task.scheduler_->watched) [[unlikely]]
          task.scheduler_->tell(task, TaskEvent::cancel_asked);
        FutureState* awaited = task.waiting_ == nullptr ? nullptr : task.waiting_->future();
        if (awaited == nullptr) {
          if (!task.cancel_waiting(message_)) task.request_cancel(message_);
          asker_ = nullptr;
          return true;
        }
        asker_ = &task;
        f = awaited;
        if (f == tortoise) return break_cycle(task);
        if (++steps == power) {
          tortoise = f;
          power *= 2;
          steps = 0;
        }
        continue;
      }
      if (passes_on(*f)) {
        auto& c = static_cast<CompositeState&>(*f);
        if (c.walk_active_) return asker_ != nullptr && break_cycle(*asker_);
        c.walk_active_ = true;
        c.walk_accepted_ = false;
        c.walk_next_ = 0;
        c.walk_asker_ = std::exchange(asker_, nullptr);
        c.walk_outer_ = std::exchange(composite_, &c);
        if (c.parts() == 0) return false;
        f = c.part(c.walk_next_++);
        tortoise = f;
        steps = 0;
        power = 1;
        continue;
      }
      f->become_cancelled({}, message_);
      return true;
    }
  }

  [[nodiscard]] static bool passes_on(const FutureState& f) noexcept {
    return f.kind() == FutureState::Kind::composite &&
           static_cast<const CompositeState&>(f).cancels_ == CompositeState::Cancels::parts;
  }

  // Tasks that await each other for ever: nothing below could take the request, so this one stops
  // waiting and takes it.
  bool break_cycle(TaskState& task) noexcept {
    task.waiting_->ops().abandon(*task.waiting_);
    task.request_cancel(message_);
    task.schedule();
    asker_ = nullptr;
    return true;
  }

  const Ref<SharedText>& message_;
  TaskState* asker_ = nullptr;
  CompositeState* composite_ = nullptr;
};

bool FutureState::cancel(Ref<SharedText> message) noexcept {
  unretrieved_ = false;  // whoever cancels has shown an interest, as in CPython
  return CancelWalk(message).run(*this);
}

}  // namespace asyncio::detail
