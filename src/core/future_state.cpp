#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/future_wait.hpp>
#include <asyncio/detail/promise.hpp>
#include <asyncio/exception_context.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/context_scope.hpp"
#include "core/repr.hpp"
#include "core/route_offset.hpp"

#include <fmt/format.h>

namespace asyncio {

EventLoop& FutureBase::get_loop() const {
  EventLoop* loop = state().scheduler().loop;
  if (loop == nullptr) {
    detail::throw_runtime_error(
        "get_loop(): the future's event loop was destroyed; keep the loop as long as its futures "
        "are used");
  }
  return *loop;
}

namespace detail {

// It is destroyed while pending.
void FutureState::give_up() noexcept {
  ++holds_;  // what the callbacks let go of must not destroy it again
  abandon_callbacks();
  callbacks_.~WaitList();
}

// The handler gets a handle, so the state lives on while it runs, and longer if it keeps one.
void FutureState::report_unretrieved() noexcept {
  unretrieved_ = false;
  count_report(&ReportCounts::never_retrieved);
  ExceptionContext context;
  const FutureBase self{Ref<FutureState>(this)};
  try {
    context.message = kind_ == Kind::task ? "Task exception was never retrieved"
                                          : "Future exception was never retrieved";
    context.exception = failure_.error;
    remember(failure_);
    context.future = self;
    if (kind_ == Kind::task) context.task = AnyTask(Ref<FutureState>(this));
    context.source = created_at_;
    scheduler_->report(context);
  } catch (...) {
    // Out of memory while reporting: the error is lost, the program is not.
  }
  // Dropping `self` comes back to dispose().
}

void FutureState::dispose_doomed(Scheduler& scheduler) noexcept {
  while (FutureState* state = scheduler.doomed) {
    scheduler.doomed = state->next_handed_over_;
    // A destructor that ran meanwhile may have made one of its children done, which then holds it.
    if (state->holds_ == 0) delete state;
  }
}

Failure FutureState::make_cancelled_error() {
  if (failure_) return std::move(failure_);
  return new_cancelled_error();
}

Failure FutureState::new_cancelled_error() const {
  return Failure(std::make_exception_ptr(CancelledError(cancel_message_)));
}

std::exception_ptr FutureState::exception() {
  if (phase_ == Phase::cancelled) raise(make_cancelled_error());
  if (phase_ == Phase::pending) {
    throw_invalid_state(fmt::format(
        "exception(): {} has no exception yet: it is not done; co_await it first", repr()));
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
  if (scheduler_->in_debug_mode()) [[unlikely]]
    scheduler_->check_thread((std::string(what) + "()").c_str());
  if (kind_ == Kind::task) {
    throw_runtime_error(
        fmt::format("Task does not support {} operation: only its coroutine ends {}; co_return the "
                    "value, or throw",
                    what, repr()));
  }
  if (done()) {
    throw_invalid_state(
        fmt::format("{}(): invalid state: {} is done already; ask done() first, or let one "
                    "place only complete it",
                    what, repr()));
  }
}

void FutureState::fail(Failure failure) noexcept {
  unretrieved_ = !is_cancelled_error(failure.error);  // a cancellation is no error to report
  become(Phase::finished, std::move(failure));
}

// No queue runs any more.
void FutureState::become_after_close(Failure failure) noexcept {
  WaitList callbacks(std::move(callbacks_));
  ::new (static_cast<void*>(&failure_)) Failure(std::move(failure));
  abandon(callbacks);  // last: destructors of users look at this
}

void FutureState::become_cancelled(Failure original, Ref<SharedText> message) noexcept {
  cancel_message_ = std::move(message);
  become(Phase::cancelled, std::move(original));
}

void FutureState::abandon(WaitList& callbacks) noexcept {
  while (WaitNode* node = callbacks.pop_front()) {
    node->entry().tell(ReadyAction::discard);
  }
}

// --- user callbacks -----------------------------------------------------------------------------

CallbackNode::~CallbackNode() {
  if (future_ != nullptr) {
    (previous_ == nullptr ? future_->scheduler().callbacks : previous_->next_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  if (context_ != nullptr) context_->drop_ref();
}

std::uint64_t FutureState::add_callback(CallbackNode* callback) {
  try {
    scheduler_->check_open("add_done_callback()");
    check_thread("add_done_callback()");
    if (context_is_set()) callback->context_ = capture_context();
    scheduler_->ready.reserve();
  } catch (...) {
    delete callback;
    throw;
  }
  static std::uint64_t last_id = 0;  // accessed atomically
  callback->id_ = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
  callback->future_ = this;
  callback->next_ = std::exchange(scheduler_->callbacks, callback);
  if (callback->next_ != nullptr) callback->next_->previous_ = callback;
  notify(*callback);
  return callback->id_;
}

bool FutureState::remove_callback(std::uint64_t id) noexcept {
  if (done()) return false;
  for (WaitNode* node = callbacks_.front(); node != nullptr; node = callbacks_.after(*node)) {
    if (!node->entry().calls(&CallbackNode::run)) continue;
    auto* callback = &CallbackNode::of(node->entry().call());
    if (callback->id_ != id) continue;
    node->unlink();  // before the callable's destructor can look at the list
    scheduler_->ready.unreserve();
    delete callback;
    return true;
  }
  return false;
}

void CallbackNode::discard_all(Scheduler& scheduler) noexcept {
  for (CallbackNode* callback = scheduler.callbacks; callback != nullptr;) {
    if (callback->queued_) {  // its turn in the queue comes
      callback = callback->next_;
      continue;
    }
    const Ref<FutureState> future(callback->future_);  // the callback may hold it alone
    callback->unlink();
    run(*callback, ReadyAction::discard);
    callback = scheduler.callbacks;  // its destructor may have changed all
  }
}

const char* CallbackNode::function_of(const ReadyEntry& entry) noexcept {
  return entry.calls(&CallbackNode::run) ? of(entry.call()).function() : nullptr;
}

void CallbackNode::run(ReadyCall& self, ReadyAction action) {
  auto* callback = &of(self);
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
    callback->report_error(future);
  }
}

void CallbackNode::report_error(FutureState& future) const noexcept {
  count_report(&ReportCounts::callback_errors);
  try {
    ExceptionContext context;
    context.message = fmt::format("Exception in callback {}", callable_name(function()));
    context.exception = std::current_exception();
    context.future = FutureBase(Ref<FutureState>(&future));
    future.scheduler().report(context);
  } catch (...) {
    log(LogLevel::error, "Exception in callback, and there is no memory to say which");
  }
}

// --- waiting ------------------------------------------------------------------------------------

constexpr FutureRoute FutureRoute::of_futures{.kind = offsetof(FutureState, kind_),
                                              .phase = offsetof(FutureState, phase_),
                                              .parts = offsetof(CompositeState, parts_)};

constexpr WaitRoute FutureWait::to_future{
    .kind = WaitRoute::Kind::future,
    .place = ASYNCIO_FROM_WAITER(FutureWait, state_),
    .waits = {.offset = ASYNCIO_FROM_WAITER(FutureWait, node_), .size = 8, .other = true}};

const Waiter::Ops FutureWait::future_ops{
    .cancel = nullptr,  // a walk of cancel() goes on to the future instead
    .future = [](Waiter& self) noexcept -> FutureState* {
      auto& wait = static_cast<FutureWait&>(self);
      return wait.node_.linked() ? wait.state_ : nullptr;
    },
    .abandon = [](Waiter& self) noexcept { static_cast<FutureWait&>(self).node_.unlink(); },
    .what = "a future",
    .route = &to_future,
};

void FutureWait::throw_uninitialized() {
  throw_runtime_error(
      "Future object is not initialized: the handle was moved from; use the handle that it was "
      "moved to, or copy it");
}

namespace {

// The task that `task` awaits, if that is what it waits for.
TaskState* awaited_by(const TaskState& task) noexcept {
  Waiter* waiter = task.done() ? nullptr : task.waiting();
  FutureState* future = waiter == nullptr ? nullptr : waiter->future();
  const bool is_task = future != nullptr && future->kind() == FutureState::Kind::task;
  return is_task ? static_cast<TaskState*>(future) : nullptr;
}

std::string name_and_place(const TaskState& task) {
  const PromiseBase* top = task.top();
  if (top == nullptr || top->location.line() == 0) return fmt::format("'{}'", task.name());
  return fmt::format("'{}' at {}:{}", task.name(), file_name(top->location.file_name()),
                     top->location.line());
}

// An error of the co_await itself.
[[noreturn, gnu::noinline]] void refuse(const TaskState& task, const std::string& why) {
  std::rethrow_exception(
      task.raised_here(Failure(std::make_exception_ptr(RuntimeError("co_await: " + why)))));
}

[[noreturn, gnu::noinline]] void throw_cycle(const TaskState& task, const TaskState& awaited) {
  std::string way = name_and_place(task);
  for (const TaskState* t = &awaited; t != &task; t = awaited_by(*t)) {
    way += " -> " + name_and_place(*t);
  }
  refuse(task,
         fmt::format("these tasks would wait for each other for ever: {} -> '{}'; one of them "
                     "must wait for something else, such as a Future that the other sets",
                     way, task.name()));
}

// A cycle of tasks could never end. A short walk finds those that people write, and costs nothing
// where the awaited task has not begun to wait; debug mode walks to the end.
void check_for_cycle(const TaskState& task, const TaskState& awaited) {
  constexpr std::size_t usual_length = 64;
  std::size_t left = task.scheduler().debug ? task.scheduler().registry.size() : usual_length;
  for (const TaskState* t = &awaited; t != nullptr && left > 0; t = awaited_by(*t), --left) {
    if (t == &task) throw_cycle(task, awaited);
  }
}

}  // namespace

void FutureWait::begin() {
  TaskState& task = *running_task();
  if (state_ == &task) [[unlikely]] {
    refuse(task, fmt::format("Task cannot await on itself: {}; await what it does, or return",
                             task.repr_task()));
  }
  if (&state_->scheduler() != &task.scheduler()) [[unlikely]] {
    // Not its repr: that loop's thread may be changing it.
    refuse(task, fmt::format(
                     "Task '{}' of loop \"{}\" got a {} attached to a different loop, \"{}\"; use "
                     "run_coroutine_threadsafe() to reach another loop",
                     task.name(), task.scheduler().name,
                     state_->kind() == FutureState::Kind::task ? "Task" : "Future",
                     state_->scheduler().name));
  }
  if (state_->kind() == FutureState::Kind::task) {
    auto& awaited = static_cast<TaskState&>(*state_);
    if (awaited.waiting() != nullptr) check_for_cycle(task, awaited);
  }
  node_.set(ReadyEntry(&task));
  task.park(*this);
  state_->notify(node_);
}

Failure FutureWait::end_without_value() {
  TaskState& task = *running_task();
  // Not done: a cycle was broken.
  const bool failed = state_->done() && !state_->has_value();
  Failure failure = failed ? state_->take_failure() : Failure();
  if (!task.has_delivery()) return failure;
  if (failure && is_cancelled_error(failure.error)) {
    task.drop_delivery();  // the same cancellation, seen twice: the first message stands
    return failure;
  }
  return task.take_delivery();
}

std::exception_ptr FutureWait::raised_error() {
  return running_task()->raised_here(end_without_value());
}

void throw_value_shared() {
  throw_runtime_error(
      "co_await: the value cannot be copied and cannot be moved out, since another handle to the "
      "same future exists; drop that one, or await an lvalue and use the reference");
}

}  // namespace detail
}  // namespace asyncio
