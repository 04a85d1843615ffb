#include <asyncio/detail/handle_state.hpp>
#include <asyncio/exception_context.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/context_scope.hpp"
#include "core/repr.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

void HandleState::attach(Scheduler& scheduler, const Context* context) {
  scheduler_ = &scheduler;
  debug_ = scheduler.in_debug_mode();
  if (context != nullptr) {
    context_ = context->cell();
    context_->add_ref();
  } else if (context_is_set()) {
    context_ = capture_context();
  }
}

void HandleState::drop_context() noexcept { context_->drop_ref(); }

void HandleState::schedule_at(std::int64_t deadline) {
  is_timer_ = true;
  deadline_ = deadline;
  scheduler_->arm(*this, deadline);
  refs_.add_unshared();
}

bool HandleState::schedule_from_any_thread() noexcept {
  InboxNode::deliver = &HandleState::deliver;
  refs_.add_unshared();
  if (scheduler_->post(*this)) return true;
  drop_ref();
  return false;
}

void HandleState::deliver(InboxNode& node, ReadyAction action) {
  auto& self = static_cast<HandleState&>(node);
  if (action == ReadyAction::run) {
    self.scheduler_->ready.push(self);
  } else {
    self.scheduler_->ready.unreserve();
    self.drop_callable_now();
    self.drop_ref();
  }
}

void HandleState::cancel() noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  const bool was_armed = armed();
  if (was_armed) scheduler_->disarm(*this);
  if (!running_) drop_callable_now();
  if (was_armed) drop_ref();  // the loop's, which the heap has forgotten; the caller holds another
}

void HandleState::run(ReadyCall& call, ReadyAction action) {
  auto* self = &of(call);
  self->scheduler_->ready.unreserve();
  const auto loops_reference = Ref<HandleState>::adopt(self);
  struct AtEnd {
    HandleState* handle;
    ~AtEnd() { handle->drop_callable_now(); }
  };
  const AtEnd at_end{self};  // also when a KeyboardInterrupt leaves
  if (action == ReadyAction::run && !self->cancelled_) self->invoke();
}

void HandleState::invoke() {
  const CallbackScope scope(&context_);
  struct Running {
    HandleState& handle;
    explicit Running(HandleState& h) noexcept : handle(h) { handle.running_ = true; }
    ~Running() {
      handle.running_ = false;
      if (handle.cancelled_) handle.drop_callable_now();
    }
  };
  const Running running(*this);
  try {
    call();
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (...) {
    report_error();
  }
}

void HandleState::report_error() noexcept {
  count_report(&ReportCounts::callback_errors);
  try {
    ExceptionContext context;
    context.message = fmt::format("Exception in callback {}", callable_name(function()));
    context.exception = std::current_exception();
    context.handle = Handle(Ref<HandleState>(this));
    context.source = created_at_;
    scheduler_->report(context);
  } catch (...) {
    log(LogLevel::error, "Exception in callback, and there is no memory to say which");
  }
}

std::string HandleState::repr() const {
  const char* kind = is_timer_ ? "TimerHandle" : "Handle";
  const std::string when =
      is_timer_ ? fmt::format(" when={:.9f}", static_cast<double>(deadline_) / 1e9) : "";
  // Debug mode keeps the printed form of a cancelled one.
  if (cancelled_ && !debug_) return fmt::format("<{} cancelled{}>", kind, when);
  std::string text = fmt::format("<{}{}{} {}", kind, cancelled_ ? " cancelled" : "", when,
                                 callable_name(function()));
  if (debug_ && created_at_.line() != 0) {
    text +=
        fmt::format(" created at {}:{}", file_name(created_at_.file_name()), created_at_.line());
  }
  return text + ">";
}

}  // namespace asyncio::detail
