#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/future_wait.hpp>
#include <asyncio/exception_context.hpp>

#include "core/context_scope.hpp"
#include "core/repr.hpp"

#include <fmt/format.h>

namespace asyncio {

EventLoop& FutureBase::get_loop() const {
  EventLoop* loop = state().scheduler().loop;
  if (loop == nullptr) {
    detail::throw_runtime_error("get_loop(): the future's event loop was destroyed");
  }
  return *loop;
}

namespace detail {

FutureState::FutureState(Scheduler& scheduler, Kind kind, std::source_location) noexcept
    : scheduler_(&scheduler), kind_(kind) {
  ++scheduler.live_states;
}

FutureState::~FutureState() {
  ++holds_;  // what the callbacks let go of must not destroy it again
  abandon_callbacks();
  --scheduler_->live_states;
}

void FutureState::dispose() noexcept {
  if (unretrieved_) {
    // The handler gets a handle, so the state lives on while it runs, and longer if it keeps one.
    unretrieved_ = false;
    ExceptionContext context;
    const FutureBase self{Ref<FutureState>(this)};
    try {
      context.message = kind_ == Kind::task ? "Task exception was never retrieved"
                                            : "Future exception was never retrieved";
      context.exception = failure_.error;
      remember(failure_);
      context.future = self;
      if (kind_ == Kind::task) {
        auto& task = static_cast<TaskState&>(*this);
        context.task = AnyTask(Ref<FutureState>(this));
        if (const TaskExtra* extra = task.extra_or_null()) context.source = extra->created_at;
      }
      scheduler_->report(context);
    } catch (...) {
      // Out of memory while reporting: the error is lost, the program is not.
    }
    return;  // dropping `self` comes back here
  }
  // In a loop, not by recursion: gathers of gathers may hold each other a hundred thousand deep.
  Scheduler& scheduler = *scheduler_;
  next_handed_over_ = std::exchange(scheduler.doomed, this);
  if (std::exchange(scheduler.disposing, true)) return;
  while (FutureState* state = scheduler.doomed) {
    scheduler.doomed = state->next_handed_over_;
    // A destructor that ran meanwhile may have made one of its children done, which then holds it.
    if (state->holds_ == 0) delete state;
  }
  scheduler.disposing = false;
}

Failure FutureState::make_cancelled_error() {
  if (failure_) return std::move(failure_);
  return Failure(std::make_exception_ptr(CancelledError(cancel_message_)));
}

std::exception_ptr FutureState::exception() {
  if (phase_ == Phase::cancelled) raise(make_cancelled_error());
  if (phase_ == Phase::pending) {
    throw_invalid_state(
        fmt::format("exception(): {} has no exception yet: it is not done", repr()));
  }
  unretrieved_ = false;
  remember(failure_);
  return failure_.error;
}

void FutureState::throw_unless_value() {
  if (has_value_) return;
  if (phase_ == Phase::pending) {
    throw_invalid_state(
        fmt::format("result(): {} has no result yet: it is not done; co_await it", repr()));
  }
  raise(take_failure());
}

Failure FutureState::take_failure() {
  if (phase_ == Phase::cancelled) return make_cancelled_error();
  unretrieved_ = false;
  return failure_;
}

void FutureState::check_pending(const char* what) const {
  if (kind_ == Kind::task) {
    throw_runtime_error(
        fmt::format("Task does not support {} operation: only its coroutine ends it", what));
  }
  if (done()) {
    throw_invalid_state(fmt::format("{}(): invalid state: {} is done already", what, repr()));
  }
}

void FutureState::fail(Failure failure) noexcept {
  failure_ = std::move(failure);
  unretrieved_ = true;
  become(Phase::finished);
}

void FutureState::become(Phase phase) noexcept {
  phase_ = phase;
  while (WaitNode* node = callbacks_.pop_front()) make_ready(*node);
}

void FutureState::make_ready(WaitNode& node) noexcept {
  // A waiting task needs no telling: the registry holds it, and its frame stays until its step.
  if (node.fn() != &TaskState::step) node.fn()(node.object(), ReadyAction::queued);
  scheduler_->ready.push(node.fn(), node.object());
}

void FutureState::become_cancelled(Failure original, Ref<SharedText> message) noexcept {
  failure_ = std::move(original);
  cancel_message_ = std::move(message);
  become(Phase::cancelled);
}

void FutureState::abandon_callbacks() noexcept {
  while (WaitNode* node = callbacks_.pop_front()) {
    if (node->fn() != &TaskState::step) node->fn()(node->object(), ReadyAction::discard);
  }
}

// --- user callbacks -----------------------------------------------------------------------------

CallbackNode::~CallbackNode() {
  if (context_ != nullptr) context_->drop_ref();
}

std::uint64_t FutureState::add_callback(CallbackNode* callback) {
  try {
    scheduler_->check_open("add_done_callback()");
    callback->context_ = capture_context();
    scheduler_->ready.reserve();
  } catch (...) {
    delete callback;
    throw;
  }
  static std::uint64_t last_id = 0;  // accessed atomically
  callback->id_ = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
  callback->future_ = this;
  notify(callback->node_);
  return callback->id_;
}

bool FutureState::remove_callback(std::uint64_t id) noexcept {
  for (WaitNode* node = callbacks_.front(); node != nullptr; node = callbacks_.after(*node)) {
    if (node->fn() != &CallbackNode::run) continue;
    auto* callback = static_cast<CallbackNode*>(node->object());
    if (callback->id_ != id) continue;
    node->unlink();  // before the callable's destructor can look at the list
    scheduler_->ready.unreserve();
    delete callback;
    return true;
  }
  return false;
}

void CallbackNode::run(void* self, ReadyAction action) {
  auto* callback = static_cast<CallbackNode*>(self);
  if (action == ReadyAction::queued) {
    // Counts as a handle of a user's, which it will be: nobody moves the value out before its turn.
    callback->future_->add_ref();
    callback->queued_ = true;
    return;
  }
  struct Owner {
    CallbackNode* callback;
    ~Owner() {
      FutureState& future = *callback->future_;
      const bool queued = callback->queued_;
      future.scheduler().ready.unreserve();
      delete callback;
      if (queued) future.drop_ref();
    }
  };
  const Owner owner{callback};
  if (action == ReadyAction::discard) return;

  FutureState& future = *callback->future_;
  const CallbackScope scope(&callback->context_);
  try {
    callback->call(future);
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (...) {
    ExceptionContext context;
    context.message = fmt::format("Exception in callback {}", callable_name(callback->function()));
    context.exception = std::current_exception();
    context.future = FutureBase(Ref<FutureState>(&future));
    future.scheduler().report(context);
  }
}

// --- waiting ------------------------------------------------------------------------------------

const Waiter::Ops FutureWait::future_ops{
    .cancel = nullptr,  // a walk of cancel() goes on to the future instead
    .future = [](Waiter& self) noexcept -> FutureState* {
      auto& wait = static_cast<FutureWait&>(self);
      return wait.node_.linked() ? wait.state_ : nullptr;
    },
    .abandon = [](Waiter& self) noexcept { static_cast<FutureWait&>(self).node_.unlink(); },
    .what = "a future",
};

void FutureWait::throw_uninitialized() {
  throw_runtime_error("Future object is not initialized: the handle was moved from");
}

void FutureWait::begin() {
  TaskState& task = *running_task();
  if (state_ == &task) {
    throw_runtime_error(fmt::format("Task cannot await on itself: {}", task.repr_task()));
  }
  if (&state_->scheduler() != &task.scheduler()) {
    throw_runtime_error(fmt::format(
        "Task {} got Future {} attached to a different loop; use run_coroutine_threadsafe() to "
        "reach another loop",
        task.repr_task(), state_->repr()));
  }
  node_.set(&TaskState::step, &task);
  task.park(*this);
  state_->notify(node_);
}

Failure FutureWait::end_without_value() {
  TaskState& task = *running_task();
  Failure failure = state_->has_value() ? Failure() : state_->take_failure();
  if (!task.has_delivery()) return failure;
  if (failure && is_cancelled_error(failure.error)) {
    task.drop_delivery();  // the same cancellation, seen twice: the first message stands
    return failure;
  }
  return task.take_delivery();
}

void throw_value_shared() {
  throw_runtime_error(
      "co_await: the value cannot be copied and cannot be moved out, since another handle to the "
      "same future exists; drop that one, or await an lvalue and use the reference");
}

}  // namespace detail
}  // namespace asyncio
