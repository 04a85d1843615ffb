#include "loop/loop_state.hpp"

#include <asyncio/detail/generator.hpp>
#include <asyncio/traceback.hpp>

#include "base/log.hpp"
#include "core/context_scope.hpp"
#include "loop/deadlock_report.hpp"
#include "loop/loop_life.hpp"
#include "loop/timed_entry.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <utility>

namespace asyncio::detail {
namespace {

constexpr std::int64_t at_once = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

constexpr std::size_t fits_the_cache = 2048;  // tasks

// Asked for once, since the system is slow to tell.
constinit thread_local int known_kernel_thread = 0;
int kernel_thread() noexcept {
  if (known_kernel_thread == 0) known_kernel_thread = ::gettid();
  return known_kernel_thread;
}

// A forked child has none of its parent's loops running.
void watch_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    ++forks_seen;
    known_kernel_thread = 0;
    // What is in its queue is the parent's to run: the child takes the slow way that looks.
    if (thread_state.scheduler != nullptr) thread_state.scheduler->watched = true;
    // The task stays: a step that has forked goes on to its next await.
    thread_state.scheduler = nullptr;
    thread_state.callback_context = nullptr;
    forget_current_loop();
  });
  (void)registered;
}

}  // namespace

LoopState::LoopState(EventLoop& owner, std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)),
      hand_over_(*this),
      watchers_(*this),
      watchdog_(watchdog_of_environment()) {
  watch_forks();
  static std::uint64_t made = 0;  // accessed atomically
  number = __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
  name = fmt::format("loop-{}", number);
  loop = &owner;
  OpenLoops::add(*this);
}

// --- timers -------------------------------------------------------------------------------------

void LoopState::arm(Timer& timer, std::int64_t deadline) {
  ready.reserve();
  try {
    timers_.add(timer, deadline);
  } catch (...) {
    ready.unreserve();
    throw;
  }
}

void LoopState::disarm(Timer& timer) noexcept {
  if (!timer.armed()) return;
  timers_.cancel(timer);
  ready.unreserve();
}

// --- from other threads -------------------------------------------------------------------------

bool LoopState::post(InboxNode& node) noexcept {
  if (inherited()) [[unlikely]]
    return false;  // it would wake the parent
  // Behind others: they wake the loop, and once posted, this may be gone at any time.
  const Inbox::Posted behind = inbox_.post_behind_others(node);
  if (behind != Inbox::Posted::first) return behind != Inbox::Posted::closed;
  __atomic_add_fetch(&posters_, 1, __ATOMIC_SEQ_CST);
  const Inbox::Posted posted = inbox_.post(node);
  // Whoever was first in an empty inbox wakes the loop for all.
  if (posted == Inbox::Posted::first && __atomic_load_n(&asleep_, __ATOMIC_SEQ_CST)) {
    backend_->wake();
  }
  __atomic_sub_fetch(&posters_, 1, __ATOMIC_SEQ_CST);
  return posted != Inbox::Posted::closed;
}

void LoopState::deliver_posted() {
  if (undelivered_ == nullptr) undelivered_ = inbox_.take();
  while (undelivered_ != nullptr) {
    try {
      ready.reserve();
    } catch (...) {
      if (!ready.empty()) return;  // what is queued will give slots back; nothing is lost
      throw;
    }
    InboxNode& node = *std::exchange(undelivered_, undelivered_->next);
    node.deliver(node, ReadyAction::run);
  }
}

// --- receiving ----------------------------------------------------------------------------------

namespace {

// glibc gives the end of its heap back to the system as soon as 128 KiB of it are free, so that who
// has a few large strings at a time gets their pages anew for each message. What it keeps follows
// the largest block that was ever given back: this one, which nobody touches. Who has set a limit
// (M_TRIM_THRESHOLD) is obeyed.
bool let_heap_keep_large_strings() noexcept {
  constexpr std::size_t size = std::size_t{4} << 20;
  // Not to be optimized away.
  void* volatile block = std::malloc(size);  // NOLINT(cppcoreguidelines-no-malloc)
  std::free(block);                          // NOLINT(cppcoreguidelines-no-malloc)
  return true;
}

}  // namespace

void LoopState::allocate_scratch() {
  [[maybe_unused]] static const bool once = let_heap_keep_large_strings();
  scratch_ = std::make_unique_for_overwrite<std::byte[]>(scratch_size);
}

// --- running ------------------------------------------------------------------------------------

void LoopState::throw_inherited(const char* what) const {
  throw_runtime_error(
      fmt::format("{}: event loop \"{}\" was made before fork() and belongs to the parent process; "
                  "in the child use asyncio::run(), or make a new loop",
                  what, name));
}

void LoopState::check_can_run(const char* what) const {
  check_open(what);
  check_not_inherited(what);
  if (running()) {
    throw_runtime_error(fmt::format(
        "{}: this event loop is already running, \"{}\"; co_await in its coroutines, and "
        "use run_coroutine_threadsafe() from other threads",
        what, name));
  }
  if (thread_state.scheduler != nullptr) {
    throw_runtime_error(
        fmt::format("{}: cannot run the event loop while another loop is running: \"{}\" while "
                    "\"{}\" runs on this thread; co_await instead, or use a thread of its own",
                    what, name, thread_state.scheduler->name));
  }
}

class LoopState::RunScope {
 public:
  RunScope(LoopState& loop, const char* what) : loop_(loop) {
    loop.check_can_run(what);
    loop.set_own_thread();
    loop.kernel_thread_ = kernel_thread();
    thread_state.scheduler = &loop;
    task_ = std::exchange(thread_state.task, nullptr);
    if (loop.debug) loop.no_pooling_.emplace();  // for core/origin.hpp
    __atomic_store_n(&loop.running_, true, __ATOMIC_RELEASE);
  }
  RunScope(const RunScope&) = delete;
  RunScope& operator=(const RunScope&) = delete;
  ~RunScope() {
    thread_state.scheduler = nullptr;
    thread_state.task = task_;
    loop_.no_pooling_.reset();
    loop_.stopping_ = false;
    __atomic_store_n(&loop_.running_, false, __ATOMIC_RELEASE);
    loop_.backend_->rest();
    loop_.fall_asleep();
  }

 private:
  LoopState& loop_;
  TaskState* task_ = nullptr;  // of a step that has forked, and runs a loop of the child's
};

// Whoever posts from now on must wake the backend; what was posted just before must not be missed.
void LoopState::fall_asleep() noexcept {
  __atomic_store_n(&asleep_, true, __ATOMIC_SEQ_CST);
  if (!inbox_.empty() && !inherited()) backend_->wake();
}

void LoopState::run_forever() {
  const RunScope scope(*this, "run_forever()");
  do {
    check_not_inherited("run_forever()");  // a callback may have forked
    iterate(never, false);
  } while (!stopping_);
}

void LoopState::poll_once(Duration at_most) {
  const RunScope scope(*this, "poll_once()");
  const TimePoint until = TimePoint(Duration::nanoseconds(now())) + at_most;
  // Always polls: the foreign loop waits for fd(), which must not stay readable.
  iterate(at_most <= Duration() ? at_once : until.since_epoch().nanoseconds(), true);
}

void LoopState::iterate(std::int64_t wait_until, bool always_poll) {
  deliver_inbox();
  if (first_polled_ != nullptr) queue_polled();
  timers_.tidy();
  // With nothing pending in the kernel a poll that may not wait could find nothing.
  if (ready.empty() || backend_->busy() || always_poll) {
    poll(wait_until);
  } else {
    __atomic_store_n(&asleep_, false, __ATOMIC_RELAXED);
  }
  if (!timers_.empty()) {
    const std::int64_t time = now();
    while (Timer* timer = timers_.pop_due(time)) ready.push(*timer);
  }
  run_batch();
}

void LoopState::queue_polled() noexcept {
  for (PolledCall* call = first_polled_; call != nullptr; call = call->next_polled) {
    ready.push(*call);
  }
  first_polled_ = nullptr;
  last_polled_ = &first_polled_;
}

void LoopState::poll(std::int64_t wait_until) {
  std::int64_t deadline = timers_.empty() ? never : timers_.next_deadline();
  if (!ready.empty() || stopping_) deadline = at_once;
  if (wait_until < deadline) deadline = wait_until;
  __atomic_store_n(&asleep_, true, __ATOMIC_SEQ_CST);
  if (!inbox_.empty()) deadline = at_once;
  if (deadline == never && debug) [[unlikely]]
    look_for_endless_sleep();
  const bool possible = backend_->poll(deadline, outside_work > 0);
  __atomic_store_n(&asleep_, false, __ATOMIC_RELAXED);
  if (!possible && ready.empty() && inbox_.empty()) report_deadlock();
  deliver_inbox();
}

namespace {
inline void run_entry(ReadyEntry entry) {
  if (entry.is_task()) [[likely]] {
    entry.task()->step();
  } else {
    entry.call().fn(entry.call(), ReadyAction::run);
  }
}
}  // namespace

void LoopState::run_batch() {
  if (probe_ != nullptr) [[unlikely]]
    probe_->begin_batch(ready);
  // What these add waits for the next iteration. Only KeyboardInterrupt leaves an entry; the rest
  // of the batch stays queued then.
  const bool many = ready.size() > fits_the_cache;
  ++iterations_;
  for (std::size_t n = ready.size(); n > 0; --n) {
    if (many) prefetch_ahead(n);
    const ReadyEntry entry = ready.pop();
    if (watched) [[unlikely]] {
      run_watched(entry);
    } else {
      run_entry(entry);
    }
  }
}

// Where more is ready than the cache holds, what comes soon is fetched: first the object, then the
// frame that a task's step will resume.
void LoopState::prefetch_ahead(std::size_t left) noexcept {
  constexpr std::size_t objects = 8;
  constexpr std::size_t frames = 4;
  if (left <= objects) return;
  ready.at(objects).prefetch();
  if (const TaskState* task = ready.at(frames).task()) __builtin_prefetch(task->top());
}

// Also when a KeyboardInterrupt leaves the entry.
class LoopState::WatchScope {
 public:
  WatchScope(LoopState& loop, const ReadyEntry& entry, TaskState* task) noexcept
      : loop_(loop), task_(task) {
    tell([&entry](StepWatch& watch, std::int64_t now) { watch.begins(entry, now); });
  }
  WatchScope(const WatchScope&) = delete;
  WatchScope& operator=(const WatchScope&) = delete;
  ~WatchScope() {
    tell([this](StepWatch& watch, std::int64_t now) { watch.ended(task_, now); });
  }

 private:
  template <class F>
  void tell(F f) const noexcept {
    std::int64_t now = 0;
    for (StepWatch* watch = loop_.watches_; watch != nullptr; watch = watch->next_watch_) {
      if (watch->wants_time_ && now == 0) now = loop_.now();
      f(*watch, watch->wants_time_ ? now : 0);
    }
  }

  LoopState& loop_;
  TaskState* task_;
};

void LoopState::run_watched(const ReadyEntry& entry) {
  if (inherited()) [[unlikely]] {
    entry.tell(ReadyAction::discard);
    throw_inherited("run_forever()");
  }
  TaskState* task = entry.task();
  const Hold<TaskState> held(task);  // it may be its last step
  std::optional<TimedEntry> timed;
  if (debug) timed.emplace(entry, now());
  {
    const WatchScope watches(*this, entry, task);
    run_entry(entry);
  }
  if (debug && timed) timed->ended(now(), loop->slow_callback_duration.nanoseconds());
  if (debug && task != nullptr && !task->done()) warn_of_cycle(*task);
  if (probe_ != nullptr && task != nullptr && !task->done()) probe_->suspended(*task);
}

void LoopState::tell(TaskState& task, TaskEvent event) noexcept {
  for (StepWatch* watch = watches_; watch != nullptr; watch = watch->next_watch_) {
    watch->happened(task, event);
  }
}

void LoopState::look_who_watches() noexcept {
  watched = debug || probe_ != nullptr || watches_ != nullptr || inherited();
}

void LoopState::set_probe(LoopProbe* probe) noexcept {
  probe_ = probe;
  look_who_watches();
}

void LoopState::add_watch(StepWatch& watch) noexcept {
  StepWatch** last = &watches_;
  while (*last != nullptr) last = &(*last)->next_watch_;
  watch.next_watch_ = nullptr;
  *last = &watch;
  look_who_watches();
}

void LoopState::remove_watch(StepWatch& watch) noexcept {
  StepWatch** at = &watches_;
  while (*at != &watch) at = &(*at)->next_watch_;
  *at = watch.next_watch_;
  look_who_watches();
}

void LoopState::set_debug(bool on) noexcept {
  __atomic_store_n(&debug, on, __ATOMIC_RELAXED);
  look_who_watches();
  look_for_stalls();
  if (thread_state.scheduler != this) return;  // run_forever() will see to it
  no_pooling_.reset();
  if (on) no_pooling_.emplace();
}

void LoopState::set_watchdog(std::optional<Duration> threshold) noexcept {
  watchdog_ = threshold;
  look_for_stalls();
}

std::int64_t LoopState::stall_threshold() const noexcept {
  if (watchdog_) return watchdog_->nanoseconds();
  return debug ? loop->slow_callback_duration.nanoseconds() : 0;
}

namespace {
void report_no_watchdog() noexcept {
  constexpr const char* text =
      "the watchdog cannot be started, so nobody tells what blocks an event loop while it does";
  try {
    log(LogLevel::warning, fmt::format("{}: {}", text, describe(std::current_exception())));
  } catch (...) {
    log(LogLevel::warning, text);
  }
}
}  // namespace

void LoopState::look_for_stalls() noexcept {
  const bool wanted =
      !closed() && backend_->keeps_real_time() && (watchdog_ ? *watchdog_ > Duration() : debug);
  if (!wanted) {
    stall_watch_.reset();
    return;
  }
  if (stall_watch_ != nullptr) return;
  try {
    stall_watch_ = make_stall_watch(*this);
  } catch (...) {
    report_no_watchdog();
  }
}

void LoopState::check_thread(const char* what) const {
  if (!running() || on_own_thread()) return;
  throw_runtime_error(
      fmt::format("{}: non-thread-safe operation invoked on an event loop other than the current "
                  "one; use call_soon_threadsafe()",
                  what));
}

std::optional<TimePoint> LoopState::next_deadline() const {
  if (!ready.empty() || first_polled_ != nullptr || !inbox_.empty() || stopping_) {
    return TimePoint();
  }
  timers_.tidy();
  if (timers_.empty()) return std::nullopt;
  return TimePoint(Duration::nanoseconds(timers_.next_deadline()));
}

void LoopState::report_deadlock() const { throw_runtime_error(deadlock_text(*this)); }

// On a real clock the rest is up to the kernel. Without tasks somebody else must have plans.
void LoopState::look_for_endless_sleep() noexcept {
  if (told_of_sleep_ || outside_work > 0 || backend_->busy() || registry.size() == 0) return;
  if (!inbox_.empty() || backend_->jumps()) return;
  told_of_sleep_ = true;
  warn_of_endless_sleep(*this);
}

// --- the end ------------------------------------------------------------------------------------

void LoopState::close() {
  if (running() && inherited()) {
    throw_runtime_error(
        fmt::format("close(): event loop \"{}\" was running when its process was forked and cannot "
                    "be closed in the child; leave it to the parent, and make a new loop here",
                    name));
  }
  if (running()) {
    throw_runtime_error(fmt::format(
        "close(): cannot close a running event loop, \"{}\"; stop() it, and close it when "
        "run_forever() has returned",
        name));
  }
  if (closed() || std::exchange(closing_, true)) return;
  set_own_thread();
  stall_watch_.reset();
  // First: what is queued may be what is still to be written. A forked child has its parent's.
  if (stdio != nullptr && !inherited()) stdio->loop_closing();
  if (inherited()) leave_executor();
  if (executor != nullptr) executor->loop_closing();
  if (lookups != nullptr) lookups->loop_closing();
  if (process_pools != nullptr) process_pools->loop_closing();
  discard_everything();
  if (http != nullptr) http->loop_closing();
  watchers_.clear(*backend_);
  if (net != nullptr) net->loop_closing();
  if (children != nullptr && !inherited()) children->loop_closing();
  __atomic_store_n(&closed_, true, __ATOMIC_RELEASE);
  if (signals != nullptr) signals->loop_closing();
  discard_posted(std::exchange(undelivered_, nullptr));
  discard_posted(inbox_.close());
  discard_everything();
  forget_generators(*this);
  hand_over_.close();
  trace_loop_closed(*this);
  metrics_loop_closed(*this);
  if (observers != nullptr) observers->loop_closing();
  process_pools.reset();
  lookups.reset();
  executor.reset();
  http.reset();
  stdio.reset();
  net.reset();
  children.reset();
  backend_->rest();
}

void LoopState::leave_executor() noexcept {
  [[maybe_unused]] const LoopService* left = executor.release();
}

void LoopState::discard_posted(InboxNode* node) noexcept {
  while (node != nullptr) {
    InboxNode& posted = *std::exchange(node, node->next);
    ready.reserve_to_discard();
    posted.deliver(posted, ReadyAction::discard);
  }
}

void LoopState::discard_ready() noexcept {
  queue_polled();
  while (!ready.empty()) {
    ready.pop().tell(ReadyAction::discard);
  }
}

void LoopState::discard_everything() noexcept {
  // Destructors of what is discarded may schedule something new, hence the loop; one that always
  // does is stopped by the loop being closed to it.
  for (int rounds = 0; !ready.empty() || first_polled_ != nullptr || timers_.size() > 0 ||
                       registry.size() > 0 || callbacks != nullptr;
       ++rounds) {
    if (rounds == 100) __atomic_store_n(&closed_, true, __ATOMIC_RELEASE);
    discard_ready();
    while (Timer* timer = timers_.pop_any()) timer->fn(*timer, ReadyAction::discard);
    for (std::uint32_t slot = 0; TaskState* task = registry.next(slot);) {
      task->tear_down();
      discard_ready();  // the steps of tasks that it woke, before these give their slots back
    }
    CallbackNode::discard_all(*this);
  }
}

void LoopState::abandon() noexcept {
  OpenLoops::remove(*this);
  loop = nullptr;
  // The inbox is closed, so nobody begins a wake() any more; who is in one is out of it soon. The
  // descriptors live until here, so that no wake() hits one of somebody else's.
  if (inherited()) {
    leave_executor();  // the threads that were in post() are not here either
  } else {
    while (__atomic_load_n(&posters_, __ATOMIC_SEQ_CST) != 0) ::sched_yield();
  }
  backend_.reset();
  hand_over_.abandon();
}

void LoopState::report(const ExceptionContext& context) noexcept {
  if (loop != nullptr && on_own_thread()) {
    loop->call_exception_handler(context);
    return;
  }
  try {
    log(LogLevel::error, format_context(context));
  } catch (...) {
    log(LogLevel::error, "an error was reported, but there is no memory to say which");
  }
}

std::string format_context(const ExceptionContext& context) {
  std::string text =
      context.message.empty() ? "Unhandled exception in event loop" : context.message;
  if (context.future) text += "\nfuture: " + context.future->repr();
  if (context.handle) text += "\nhandle: " + context.handle->repr();
  if (context.task && !(context.future && *context.future == *context.task)) {
    text += "\ntask: " + context.task->repr();
  }
  if (context.source.line() != 0) {
    text += fmt::format("\ncreated at {}:{}", context.source.file_name(), context.source.line());
  }
  if (context.exception) text += "\n" + format_exception(context.exception);
  return text;
}

}  // namespace asyncio::detail
