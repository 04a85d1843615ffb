#include <asyncio/detail/task_state.hpp>
#include <asyncio/exception_context.hpp>

#include "base/log.hpp"
#include "core/context_scope.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::detail {
namespace {

std::uint64_t next_number() noexcept {
  static std::uint64_t last = 0;  // of the process
  return atomic_add(last, std::uint64_t{1}) + 1;
}

constexpr Waiter::Ops yield_ops{nullptr, nullptr, nullptr, "its next turn"};

}  // namespace

constinit Waiter TaskState::yield_mark{yield_ops};

TaskExtra::~TaskExtra() {
  delete keeper;
  if (context != nullptr) context->drop_ref();
}

TaskExtra& TaskState::extra() {
  if (extra_ == nullptr) extra_ = new TaskExtra;
  return *extra_;
}

std::string TaskState::name() const {
  return number() == 0 && extra_ != nullptr ? extra_->name : fmt::format("Task-{}", number());
}

void TaskState::set_name(std::string_view name) {
  extra().name = name;
  set_number(0);
}

// What few tasks need. Consumes the keeper.
TaskOptions TaskState::prepare(TaskOptions options, Keeper* keeper) {
  KeeperOwner owner{keeper};
  if (keeper != nullptr) {
    TaskExtra& place = extra();  // first: it may throw
    place.keeper = owner.release();
  }
  if (scheduler_->task_factory != nullptr) {
    scheduler_->task_factory->adjust(*scheduler_->loop, options);
  }
  if (!options.name.empty()) set_name(options.name);
  if (options.context != nullptr) {
    options.context->cell()->add_ref();
    extra().context = options.context->cell();
  } else if (ContextCell* captured = capture_context()) {
    const auto ref = Ref<ContextCell>::adopt(captured);
    ContextCell*& place = extra().context;
    captured->add_ref();
    place = captured;
  }
  return options;
}

void TaskState::start(PromiseBase& root, const TaskOptions& options, Keeper* keeper) {
  top_ = &root;
  bool eager = options.eager_start;
  try {
    const bool plain = keeper == nullptr && scheduler_->task_factory == nullptr &&
                       options.name.empty() && options.context == nullptr && !context_is_set();
    if (!plain) [[unlikely]]
      eager = prepare(options, keeper).eager_start;
    if (extra_ == nullptr || extra_->name.empty()) set_number(next_number());
    scheduler_->ready.reserve();
    try {
      slot_ = scheduler_->registry.add(this);
    } catch (...) {
      scheduler_->ready.unreserve();
      throw;
    }
  } catch (...) {
    unwind();
    throw;
  }
  hold();  // the registry's, until it is done
  STAP_PROBE2(asyncio, task__create, this, &root);
  if (scheduler_->watched) [[unlikely]]
    scheduler_->tell(*this, TaskEvent::created);
  if (eager && thread_state.scheduler == scheduler_) {
    step_inside();
  } else {
    schedule();
  }
}

// Its first step runs while another task's does.
void TaskState::step_inside() {
  const Hold<TaskState> held(this);  // it may be its last step, and somebody may be told of it
  if (scheduler_->watched) scheduler_->tell(*this, TaskEvent::enters_eagerly);
  TaskState* outer = running_task();
  Failure kept = outer == nullptr ? Failure() : outer->take_root_failure();
  {
    const CallbackScope scope(nullptr);
    step();
  }
  if (kept) outer->fail_root(std::move(kept));
  if (scheduler_->watched) scheduler_->tell(*this, TaskEvent::left_eagerly);
}

// Returns: false if it waits again.
bool TaskState::begin_step() noexcept {
  if (must_cancel_) {
    must_cancel_ = false;
    if (!started_) {
      // Cancelled before its first step: the body never runs.
      root_ended_ = true;
    } else {
      deliver_cancel_ = true;
    }
  }
  if (!rechecks_) return true;
  if (!waiting_->ops().recheck(*waiting_, *this)) return false;
  rechecks_ = false;
  return true;
}

void TaskState::step() {
  if ((must_cancel_ || rechecks_) && !begin_step()) [[unlikely]]
    return;
  thread_state.task = this;
  waiting_ = nullptr;
  STAP_PROBE2(asyncio, task__step, this, top_);
  if (!root_ended_) [[likely]] {
    started_ = true;
    do {
      top_->handle().resume();
    } while (waiting_ == nullptr);
  }
  if (root_ended_) {
    complete();
    return;
  }
  if (must_cancel_) [[unlikely]] {
    // Asked to stop while it ran: what it waits for now takes the request, unless it is a mere
    // yield, which its next step turns into the cancellation.
    FutureState* awaited = waiting_->future();
    const Ref<SharedText> message = cancel_message_;
    if (awaited != nullptr ? awaited->cancel(message) : cancel_waiting(message)) {
      must_cancel_ = false;
    }
  }
  STAP_PROBE3(asyncio, task__suspend, this, top_, waiting_);
  thread_state.task = nullptr;
}

// Where the error of a root is between its frame's end and complete(), which follow each other in
// one step.
namespace {
alignas(Failure) constinit thread_local unsigned char root_failure[sizeof(Failure)] = {};
Failure& kept_root_failure() noexcept { return *reinterpret_cast<Failure*>(root_failure); }
}  // namespace

void TaskState::fail_root(Failure failure) noexcept {
  if (root_value_) {
    // It was returned before a destructor threw.
    root_value_ = false;
    destroy_value();
  }
  ::new (static_cast<void*>(root_failure)) Failure(std::move(failure));
  root_failed_ = true;
}

Failure TaskState::take_root_failure() noexcept {
  if (!root_failed_) return {};
  root_failed_ = false;
  Failure failure = std::move(kept_root_failure());
  kept_root_failure().~Failure();
  return failure;
}

void TaskState::complete() {
  STAP_PROBE1(asyncio, task__done, this);
  if (!frames_gone()) [[unlikely]] {
    const std::source_location defined_at = top_->function;
    unwind();
    defined_at_ = defined_at;
  }
  if (extra_ != nullptr) [[unlikely]]
    delete std::exchange(extra_->keeper, nullptr);
  thread_state.task = nullptr;
  scheduler_->registry.remove(slot_);
  scheduler_->ready.unreserve();
  if (root_value_ && !must_cancel_) [[likely]] {
    finish_with_value();
    unhold();  // `this` may be gone
    return;
  }
  if (root_value_) destroy_value();
  complete_without_value(take_root_failure());
}

void TaskState::complete_without_value(Failure failure) {
  bool interrupt = false;
  if (!started_) {
    failure = Failure(std::make_exception_ptr(CancelledError(cancel_message_)));
  }
  if (!failure) {
    // It cancelled itself and then returned: the request wins, the value is lost.
    must_cancel_ = false;
    become_cancelled({}, cancel_message_);
  } else if (is_cancelled_error(failure.error)) {
    must_cancel_ = false;
    become_cancelled(std::move(failure), {});
  } else {
    interrupt = is_keyboard_interrupt(failure.error);
    fail(failure);
  }
  unhold();  // `this` may be gone
  if (interrupt) raise(std::move(failure));
}

void TaskState::unwind() noexcept {
  // Leaf first: each frame is gone before its owner is told, so that a chain of a million frames
  // unwinds without recursion.
  while (PromiseBase* p = top_) {
    ChildLink* owner = p->owner;
    top_ = owner == nullptr ? nullptr : owner->parent;
    p->handle().destroy();
    if (owner != nullptr) owner->child = nullptr;
  }
  if (extra_ != nullptr) delete std::exchange(extra_->keeper, nullptr);
}

void TaskState::tear_down() noexcept {
  count_report(&ReportCounts::destroyed_pending);
  if (scheduler_->watched) scheduler_->tell(*this, TaskEvent::torn_down);
  try {
    ExceptionContext context;
    context.message = "Task was destroyed but it is pending!";
    context.task = AnyTask(Ref<FutureState>(this));
    context.source = created_at();
    scheduler_->report(context);
  } catch (...) {
    // Out of memory while reporting.
  }
  scheduler_->registry.remove(slot_);
  scheduler_->ready.unreserve();
  unwind();
  waiting_ = nullptr;
  abandon_callbacks();
  unhold();
}

CancelledError TaskState::delivery() noexcept {
  deliver_cancel_ = false;
  return CancelledError(std::move(cancel_message_));
}

Failure TaskState::take_delivery() { return Failure(std::make_exception_ptr(delivery())); }

std::exception_ptr TaskState::raised_here(Failure failure) const noexcept {
  return raised_at(top_->function, top_->location, std::move(failure));
}

bool TaskState::cancel_waiting(Ref<SharedText> message) noexcept {
  if (waiting_ == nullptr || waiting_->ops().cancel == nullptr) return false;
  if (!waiting_->ops().cancel(*waiting_, *this)) return false;
  deliver_cancel_ = true;
  cancel_message_ = std::move(message);
  return true;
}

void TaskState::request_cancel(Ref<SharedText> message) noexcept {
  must_cancel_ = true;
  if (!deliver_cancel_) cancel_message_ = std::move(message);
}

std::uint32_t TaskState::uncancel() noexcept {
  if (cancelling_ > 0) --cancelling_;
  if (cancelling_ == 0) must_cancel_ = false;
  return cancelling_;
}

}  // namespace asyncio::detail
