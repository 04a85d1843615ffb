#pragma once

#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/probe.hpp>
#include <asyncio/detail/wait_route.hpp>

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <string>
#include <type_traits>
#include <vector>

namespace asyncio {
struct TaskOptions;
}  // namespace asyncio

namespace asyncio::detail {

class ContextCell;
struct PromiseBase;
class TaskState;

/// What a task waits for. One lives in the innermost suspended frame of every suspended task.
class Waiter {
 public:
  struct Ops {
    /// Stops waiting and schedules the task; false if it is scheduled already. Null: cannot.
    bool (*cancel)(Waiter& self, TaskState& task) noexcept;
    /// The future that is awaited and not done, if that is what this waits for.
    FutureState* (*future)(Waiter& self) noexcept;
    /// Stops waiting for that future without touching it.
    void (*abandon)(Waiter& self) noexcept;
    const char* what;
    /// For park_to_recheck(): whether the task goes on now that its turn has come, or has begun to
    /// wait for something else.
    bool (*recheck)(Waiter& self, TaskState& task) noexcept = nullptr;
    /// How to find what is awaited, for readers; null: nothing of this program is.
    const WaitRoute* route = nullptr;
  };

  constexpr explicit Waiter(const Ops& ops) noexcept : ops_(&ops) {}
  /// Without ops until a task is parked with it, for awaiters that mostly do not wait.
  Waiter() noexcept = default;
  [[nodiscard]] const Ops& ops() const noexcept { return *ops_; }
  [[nodiscard]] FutureState* future() noexcept {
    return ops_->future == nullptr ? nullptr : ops_->future(*this);
  }

 private:
  friend struct MemberOffsets;
  template <class Awaiter>
  friend struct WaiterIn;  // core/route_offset.hpp
  const Ops* ops_;
};

/// The callable of create_task(fn, args...), kept while its coroutine runs.
struct Keeper : Pooled {
  virtual ~Keeper() = default;
};

/// What few tasks have.
struct TaskExtra : Pooled {
  ~TaskExtra();
  std::string name;
  ContextCell* context = nullptr;
  Keeper* keeper = nullptr;
};

/// A task: a stack of suspended coroutines with one pointer to its top, and a future for its end.
///
/// Who may resume: step() alone. A coroutine that awaits another one pushes it (enter) and returns
/// to step(); one that ends pops itself (leave); one that waits for a leaf operation parks. So the
/// native stack stays bounded whatever awaits whatever.
///
/// `waiting_` while the step runs: null while there is something to resume; the Waiter once parked;
/// a mark once the root has ended (root_ended_). Between steps: the Waiter, also after it has
/// woken, until the next step begins.
class TaskState : public FutureState {
 public:
  /// The running task pushes `child`, whose owner is set.
  void enter(PromiseBase& child) noexcept { top_ = &child; }
  void leave(PromiseBase& ended) noexcept;
  void park(Waiter& waiter) noexcept { waiting_ = &waiter; }
  /// For waits that may have to go on when they are woken, without a turn in between.
  void park_to_recheck(Waiter& waiter) noexcept {
    park(waiter);
    rechecks_ = true;
  }
  /// The wait was not needed after all; before the step ends.
  void unpark() noexcept { waiting_ = nullptr; }
  /// The task becomes ready at the end of the queue. Once per suspension.
  void schedule() noexcept {
    probe::task_wake(this);
    scheduler_->ready.push(ReadyEntry(this));
  }
  /// Its turn: runs until the task waits for something or has ended.
  void step();

  /// For sleep(0) and the like: lets everything else that is ready run first.
  void yield_now() noexcept {
    park(yield_mark);
    schedule();
  }

  /// A cancellation to be thrown by the await that is being resumed.
  [[nodiscard]] bool has_delivery() const noexcept { return deliver_cancel_; }
  void drop_delivery() noexcept {
    deliver_cancel_ = false;
    cancel_message_ = {};
  }
  [[nodiscard]] Failure take_delivery();
  /// The same for a wait that must do something else first, and then delivers it again.
  [[nodiscard]] Ref<SharedText> postpone_delivery() noexcept {
    deliver_cancel_ = false;
    return std::move(cancel_message_);
  }
  void deliver_again(Ref<SharedText> message) noexcept {
    deliver_cancel_ = true;
    cancel_message_ = std::move(message);
  }
  /// At the end of a leaf's wait. Throws: CancelledError if that is what woke the task.
  void throw_delivery_if_any() {
    // Here and not in a function of its own: each frame on the way costs a fifth of the throw.
    if (deliver_cancel_) [[unlikely]]
      throw delivery();
  }

  [[nodiscard]] std::uint32_t cancelling() const noexcept { return cancelling_; }
  std::uint32_t uncancel() noexcept;

  [[nodiscard]] std::string name() const;
  void set_name(std::string_view name);
  [[nodiscard]] TaskExtra& extra();
  [[nodiscard]] const TaskExtra* extra_or_null() const noexcept { return extra_; }
  [[nodiscard]] ContextCell** context_place() { return &extra().context; }

  /// The innermost coroutine; null once it is done.
  [[nodiscard]] PromiseBase* top() const noexcept {
    return done() || frames_gone() ? nullptr : top_;
  }
  /// raised_at() the current co_await of the task, whose step runs.
  [[nodiscard]] std::exception_ptr raised_here(Failure failure) const noexcept;
  /// Where the coroutine of a task that is done was defined.
  [[nodiscard]] std::source_location defined_at() const noexcept { return defined_at_; }
  [[nodiscard]] Waiter* waiting() const noexcept { return waiting_; }
  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] std::uint32_t order() const noexcept { return order_; }
  /// Its place in the registry, until it is done.
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  /// Of "Task-N"; 0 when a name was given.
  [[nodiscard]] std::uint64_t number() const noexcept {
    return std::uint64_t{number_high_} << 32 | number_low_;
  }
  [[nodiscard]] std::string repr_task() const;

  /// The loop is closed while the task is pending: reports it and destroys its coroutines.
  void tear_down() noexcept;

 protected:
  TaskState(Scheduler& scheduler, std::source_location created_at) noexcept
      : FutureState(scheduler, Kind::task, created_at), order_(scheduler.created_tasks++) {}
  ~TaskState() override { delete extra_; }

  /// Registers and schedules it, or runs its first step. `root` is the promise of a coroutine that
  /// has not run; it and the keeper belong to the task from here on, also if this throws.
  void start(PromiseBase& root, const TaskOptions& options, Keeper* keeper);
  virtual void destroy_value() noexcept = 0;
  void set_root_value() noexcept { root_value_ = true; }
  /// The root ends with an error, also after it has given a value.
  void fail_root(Failure failure) noexcept;

 private:
  friend class CancelWalk;
  friend struct MemberOffsets;
  static Waiter yield_mark;

  TaskOptions prepare(TaskOptions options, Keeper* keeper);
  bool begin_step() noexcept;
  void set_number(std::uint64_t number) noexcept {
    number_low_ = static_cast<std::uint32_t>(number);
    number_high_ = (number >> 32) & 0x7f;
  }
  /// The root has run to its end: nothing is left to be destroyed.
  [[nodiscard]] bool frames_gone() const noexcept { return root_ended_ && started_; }
  void complete();
  void complete_without_value(Failure failure);
  [[nodiscard]] Failure take_root_failure() noexcept;
  void step_inside();
  void unwind() noexcept;
  [[nodiscard]] CancelledError delivery() noexcept;
  bool cancel_waiting(Ref<SharedText> message) noexcept;
  void request_cancel(Ref<SharedText> message) noexcept;

  union {
    PromiseBase* top_ = nullptr;
    std::source_location defined_at_;  // once it is done
  };
  Waiter* waiting_ = nullptr;
  TaskExtra* extra_ = nullptr;
  std::uint32_t slot_ = 0;
  std::uint32_t order_ = 0;
};

/// Task<T>'s state.
template <class T>
class TaskStateOf final : public TaskState {
 public:
  using Value = NoneIfVoid<T>;
  TaskStateOf(Scheduler& scheduler, std::source_location where) : TaskState(scheduler, where) {}
  ~TaskStateOf() override {
    if (has_value()) slot.value.~Value();
  }
  using TaskState::start;

  using TaskState::fail_root;
  /// What the root returns.
  template <class... U>
  void emplace(U&&... value) {
    ::new (static_cast<void*>(&slot.value)) Value(std::forward<U>(value)...);
    set_root_value();
  }

  [[no_unique_address]] Slot<Value> slot;

 private:
  void destroy_value() noexcept override { slot.value.~Value(); }
};

/// Where a future's value is: three layouts, one type of handle.
template <class T>
[[nodiscard]] NoneIfVoid<T>& value_of(FutureState& state) noexcept {
  if constexpr (std::is_same_v<NoneIfVoid<T>, None>) {
    // Also asked of futures of other types, whose handles forgot them: there is nothing to see.
    static None nothing;
    return nothing;
  }
  switch (state.kind()) {
    case FutureState::Kind::task: return static_cast<TaskStateOf<T>&>(state).slot.value;
    case FutureState::Kind::composite:
      return static_cast<CompositeStateOf<NoneIfVoid<T>>&>(state).slot.value;
    case FutureState::Kind::future: break;
  }
  return static_cast<FutureStateOf<T>&>(state).slot.value;
}

/// The task whose step runs on this thread; null in a callback.
[[nodiscard]] inline TaskState* running_task() noexcept { return thread_state.task; }

}  // namespace asyncio::detail
