#include <asyncio/event_loop.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/context_scope.hpp"
#include "loop/loop_life.hpp"
#include "loop/loop_state.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace asyncio {
namespace {

constinit thread_local EventLoop* current_loop = nullptr;

// Has a name, which the reprs of tasks show.
struct run_until_complete_callback {  // NOLINT(readability-identifier-naming)
  EventLoop& loop;
  detail::FutureState& state;
  void operator()() const {
    // A KeyboardInterrupt leaves the loop by itself; stopping as well would end the next run.
    if (!(state.failed() && detail::is_keyboard_interrupt(state.error()))) loop.stop();
  }
};

bool debug_wanted() noexcept {
  const char* set = std::getenv("ASYNCIODEBUG");  // NOLINT(concurrency-mt-unsafe)
  return set != nullptr && *set != '\0';
}

}  // namespace

namespace detail {
Scheduler& scheduler_of(EventLoop& loop) { return LoopAccess::state(loop); }
void forget_current_loop() noexcept { current_loop = nullptr; }
}  // namespace detail

EventLoop::EventLoop(detail::Backend* backend)
    : state_(new detail::LoopState(*this, std::unique_ptr<detail::Backend>(backend))) {
  state_->set_debug(debug_wanted());
  detail::trace_loop_made(*state_);
}

EventLoop::~EventLoop() {
  if (!is_closed()) {
    detail::count_report(&ReportCounts::unclosed);
    detail::log(LogLevel::warning, "unclosed event loop " + repr() + "; call close()");
    if (!is_running()) close();
  }
  if (current_loop == this) current_loop = nullptr;
  state_->abandon();
}

void EventLoop::run_forever() { state_->run_forever(); }
void EventLoop::stop() noexcept { state_->stop(); }
bool EventLoop::is_running() const noexcept { return state_->running(); }
void EventLoop::close() { state_->close(); }
bool EventLoop::is_closed() const noexcept { return state_->closed(); }
void EventLoop::poll_once(Duration at_most) { state_->poll_once(at_most); }
std::optional<TimePoint> EventLoop::next_deadline() const { return state_->next_deadline(); }
int EventLoop::fd() const { return state_->backend().fd(); }

TimePoint EventLoop::time() const { return TimePoint(Duration::nanoseconds(state_->now())); }
TimePoint EventLoop::deadline_after(Duration delay) const { return time() + delay; }

void EventLoop::check_can_run() const { state_->check_can_run("run_until_complete()"); }

void EventLoop::run_until_done(const FutureBase& future) {
  if (&detail::FutureAccess::state(future).scheduler() != state_) {
    detail::throw_invalid_argument(
        fmt::format("run_until_complete(): the future belongs to loop \"{}\", this is loop \"{}\"; "
                    "run the future's own loop",
                    detail::FutureAccess::state(future).scheduler().name, state_->name));
  }
  state_->check_can_run("run_until_complete()");
  detail::FutureState& state = detail::FutureAccess::state(future);
  const CallbackId stopper = future.add_done_callback(run_until_complete_callback{*this, state});
  try {
    run_forever();
  } catch (...) {
    future.remove_done_callback(stopper);
    if (future.done()) state.mark_retrieved();
    throw;
  }
  future.remove_done_callback(stopper);
  if (!future.done()) {
    detail::throw_runtime_error(
        fmt::format("run_until_complete(): event loop stopped before Future completed: {}; do not "
                    "call stop() meanwhile, cancel the future instead",
                    future.repr()));
  }
  state.throw_unless_value();
}

EventLoop::Place EventLoop::spawn_place() {
  if (state_->in_debug_mode()) state_->check_thread("create_task()");
  deliver_own_posts();
  return Place{*state_};
}

// While the loop does not run, a call_soon_threadsafe() of its own thread waits in the inbox; what
// this thread schedules after it must not overtake it.
void EventLoop::deliver_own_posts() {
  if (!state_->running() && !state_->closed() && state_->on_own_thread()) {
    state_->deliver_inbox();
  }
}

detail::Scheduler& EventLoop::check_call(const char* what) const {
  state_->check_open(what);
  if (state_->in_debug_mode()) state_->check_thread(what);
  return *state_;
}

void EventLoop::soon(detail::HandleState& handle, const Context* context) {
  try {
    handle.attach(check_call("call_soon()"), context);
    if (detail::thread_state.scheduler != state_) deliver_own_posts();
    handle.schedule_soon();
  } catch (...) {
    handle.drop_ref();
    throw;
  }
}

void EventLoop::at(const char* what, detail::HandleState& handle, TimePoint when,
                   const Context* context) {
  try {
    handle.attach(check_call(what), context);
    handle.schedule_at(when.since_epoch().nanoseconds());
  } catch (...) {
    handle.drop_ref();
    throw;
  }
}

void EventLoop::soon_threadsafe(detail::HandleState& handle) {
  if (state_->running() && state_->on_own_thread()) {
    soon(handle, nullptr);  // keeps its place among the call_soon() calls of this thread
    return;
  }
  try {
    handle.attach(*state_, nullptr);
  } catch (...) {
    handle.drop_ref();
    throw;
  }
  if (handle.schedule_from_any_thread()) return;
  handle.cancel();
  handle.drop_ref();
  if (!state_->closed()) state_->check_not_inherited("call_soon_threadsafe()");
  detail::throw_runtime_error(
      "call_soon_threadsafe(): event loop is closed; end the threads that call it before the loop");
}

void EventLoop::watch(int fd, bool writing, detail::HandleState* handle) {
  try {
    const char* what = writing ? "add_writer()" : "add_reader()";
    handle->attach(check_call(what), nullptr);
    state_->check_not_inherited(what);
  } catch (...) {
    handle->drop_ref();
    throw;
  }
  state_->watchers().add(state_->backend(), fd, writing, handle);
}
bool EventLoop::remove_reader(int fd) noexcept {
  return state_->watchers().remove(state_->backend(), fd, false);
}
bool EventLoop::remove_writer(int fd) noexcept {
  return state_->watchers().remove(state_->backend(), fd, true);
}

void EventLoop::replace_exception_handler(ExceptionHandler handler) {
  // The old one may be what has called this: it stays until it has returned.
  if (handling_ > 0) replaced_handlers_.push_back(std::move(exception_handler_));
  exception_handler_ = std::move(handler);
}

void EventLoop::replace_task_factory(detail::TaskFactory factory) {
  // The old one may be what has called this: it stays.
  if (task_factory_.adjust) replaced_factories_.push_back(std::move(task_factory_));
  task_factory_ = std::move(factory);
  state_->task_factory = &task_factory_;
}
void EventLoop::set_task_factory(std::nullptr_t) noexcept { state_->task_factory = nullptr; }
bool EventLoop::has_task_factory() const noexcept { return state_->task_factory != nullptr; }

void EventLoop::default_exception_handler(const ExceptionContext& context) {
  detail::log(LogLevel::error, detail::format_context(context));
}

void EventLoop::call_exception_handler(const ExceptionContext& context) noexcept {
  try {
    if (!exception_handler_) {
      default_exception_handler(context);
      return;
    }
    try {
      // In the context of what failed, as its own code ran.
      detail::ContextCell* place = nullptr;
      if (context.task) {
        auto& task = static_cast<detail::TaskState&>(detail::FutureAccess::state(*context.task));
        place = *task.context_place();
      }
      const detail::CallbackScope scope(place == nullptr ? detail::thread_state.callback_context
                                                         : &place);
      struct Handling {
        EventLoop& loop;
        explicit Handling(EventLoop& l) noexcept : loop(l) { ++loop.handling_; }
        ~Handling() {
          if (--loop.handling_ == 0) loop.replaced_handlers_.clear();
        }
      };
      const Handling handling(*this);
      exception_handler_(*this, context);
    } catch (...) {
      ExceptionContext broken;
      broken.message = "Unhandled error in exception handler, while handling: " + context.message;
      broken.exception = std::current_exception();
      broken.task = context.task;
      broken.future = context.future;
      broken.handle = context.handle;
      default_exception_handler(broken);
    }
  } catch (...) {
    detail::log(LogLevel::error, "Exception in default exception handler");
  }
}

bool EventLoop::get_debug() const noexcept { return state_->debug; }
void EventLoop::set_debug(bool debug) noexcept { state_->set_debug(debug); }

void EventLoop::set_watchdog(std::optional<Duration> threshold) noexcept {
  state_->set_watchdog(threshold);
}
std::optional<Duration> EventLoop::get_watchdog() const noexcept { return state_->watchdog(); }

std::string EventLoop::repr() const {
  return fmt::format("<EventLoop running={} closed={} debug={}>", is_running(), is_closed(),
                     get_debug());
}

EventLoop& get_running_loop() { return *detail::running_scheduler("get_running_loop()").loop; }

EventLoop& get_event_loop() {
  if (detail::thread_state.scheduler != nullptr) return *detail::thread_state.scheduler->loop;
  if (current_loop == nullptr) {
    detail::throw_runtime_error(
        "get_event_loop(): there is no current event loop in this thread; use asyncio::run(), or "
        "new_event_loop() and set_event_loop()");
  }
  return *current_loop;
}

void set_event_loop(EventLoop* loop) noexcept { current_loop = loop; }

}  // namespace asyncio
