#pragma once

#include <asyncio/detail/ready_queue.hpp>
#include <asyncio/detail/task_registry.hpp>
#include <asyncio/detail/thread_state.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio {
class EventLoop;
struct ExceptionContext;
}  // namespace asyncio

namespace asyncio::detail {

class AwaitedByEdge;
class CallbackNode;
class FutureState;
class TaskState;
struct TaskFactory;

/// What happens to a task besides its turns. It is told only while somebody looks (`watched`).
enum class TaskEvent : unsigned char {
  created,         ///< it is registered; nothing of it has run
  enters_eagerly,  ///< its first step runs inside that of another task, or inside a callback
  left_eagerly,    ///< that step is over; it may be done
  cancel_asked,    ///< by cancel(), of itself or of what awaits it
  torn_down,       ///< its loop is closed, and it is pending
};

/// A timer's place in a loop: a slot while it is armed. It is pushed to the ready queue when the
/// deadline has come; its place there is reserved while it is armed.
struct Timer : ReadyCall {
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  explicit constexpr Timer(Fn fn) noexcept : ReadyCall{fn} {}

  std::uint32_t slot = none;

  [[nodiscard]] bool armed() const noexcept { return slot != none; }
};

/// Something that another thread gives to the loop. Posting it allocates nothing.
struct InboxNode {
  InboxNode* next = nullptr;
  /// Called on the loop's thread; discard: the loop is being closed. A slot of the ready queue is
  /// reserved for it, which it uses or gives back.
  void (*deliver)(InboxNode& self, ReadyAction action) = nullptr;
};

/// Neighbours among the asynchronous generators of a loop that have begun and not ended.
struct GeneratorLink {
  GeneratorLink* previous = nullptr;
  GeneratorLink* next = nullptr;
};

/// What tasks and futures need of the loop that they belong to. The loop layer derives from it.
///
/// Lifetime: outlives the EventLoop until the last future of that loop is gone.
/// Threads: the loop's own, but for hand_over(), post() and the identity of the thread.
class Scheduler {
 public:
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  ReadyQueue ready;
  TaskRegistry registry;
  std::uint64_t number = 0;       ///< of all loops of the process, from 1
  std::string name;               ///< in messages
  EventLoop* loop = nullptr;      ///< null once the EventLoop is destroyed
  std::uint64_t live_states = 0;  ///< futures and tasks that point here
  std::uint32_t created_tasks = 0;
  std::uint32_t outside_work = 0;  ///< what may still wake the loop: thread jobs, armed descriptors
  FutureState* doomed = nullptr;   ///< to be destroyed by the dispose() that is at it
  CallbackNode* callbacks = nullptr;    ///< done-callbacks of users that have not run
  AwaitedByEdge* awaited_by = nullptr;  ///< of future_add_to_awaited_by()
  TaskFactory* task_factory = nullptr;  ///< null: none was set
  GeneratorLink generators{&generators, &generators};
  bool generators_closed = false;  ///< by shutdown_asyncgens()
  bool disposing = false;
  bool debug = false;    ///< written by the loop's thread; others read it by in_debug_mode()
  bool watched = false;  ///< somebody looks at each entry: debug mode, a probe, a StepWatch

  [[nodiscard]] virtual std::int64_t now() const = 0;
  /// deadline <= now(), but cheaper when it is far away.
  [[nodiscard]] virtual bool has_come(std::int64_t deadline) const = 0;
  /// Throws: std::bad_alloc. A deadline of INT64_MAX never fires.
  virtual void arm(Timer& timer, std::int64_t deadline) = 0;
  virtual void disarm(Timer& timer) noexcept = 0;
  /// Takes a future whose last user handle was dropped on a thread that is not the loop's, or
  /// after the loop was closed. The handle's count comes along.
  virtual void hand_over(FutureState& state) noexcept = 0;
  /// Gives `node` to the loop's thread and wakes the loop. Any thread, and signal handlers.
  /// Returns: false if the loop is closed; the node is the caller's then.
  virtual bool post(InboxNode& node) noexcept = 0;
  /// Keeps this object, though not the loop, alive for a thread that will post(). Any thread.
  virtual void pin() noexcept = 0;
  virtual void unpin() noexcept = 0;
  /// Throws: RuntimeError "WHAT: ..." if the loop runs on another thread.
  virtual void check_thread(const char* what) const = 0;
  /// To the exception handler of the loop. Never throws: what the handler throws is reported too.
  virtual void report(const ExceptionContext& context) noexcept = 0;
  /// To whoever watches. The loop's thread.
  virtual void tell(TaskState& task, TaskEvent event) noexcept = 0;

  [[nodiscard]] bool in_debug_mode() const noexcept {
    return __atomic_load_n(&debug, __ATOMIC_RELAXED);
  }
  [[nodiscard]] bool closed() const noexcept { return __atomic_load_n(&closed_, __ATOMIC_ACQUIRE); }
  /// True on the thread that made the loop, or that ran it last.
  [[nodiscard]] bool on_own_thread() const noexcept {
    return __atomic_load_n(&thread_, __ATOMIC_RELAXED) == &thread_state;
  }
  void set_own_thread() noexcept { __atomic_store_n(&thread_, &thread_state, __ATOMIC_RELAXED); }

  /// Throws: RuntimeError "WHAT: event loop is closed".
  void check_open(std::string_view what) const {
    if (closed()) [[unlikely]]
      throw_closed(what);
  }

 protected:
  Scheduler() noexcept { set_own_thread(); }
  ~Scheduler() = default;

  bool closed_ = false;  // written under the inbox's rules, see loop/inbox.hpp

 private:
  friend struct MemberOffsets;
  [[noreturn]] void throw_closed(std::string_view what) const;
  const void* thread_ = nullptr;
};

[[noreturn]] void throw_no_loop(std::string_view what);

/// The loop that runs on this thread. Throws: RuntimeError "WHAT: no running event loop ...".
[[nodiscard]] inline Scheduler& running_scheduler(std::string_view what) {
  if (thread_state.scheduler == nullptr) [[unlikely]]
    throw_no_loop(what);
  return *thread_state.scheduler;
}

}  // namespace asyncio::detail
