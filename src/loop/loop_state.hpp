#pragma once

#include <asyncio/event_loop.hpp>

#include "loop/backend.hpp"
#include "loop/hand_over.hpp"
#include "loop/inbox.hpp"
#include "loop/open_loops.hpp"
#include "loop/stall_watch.hpp"
#include "loop/step_watch.hpp"
#include "loop/timer_heap.hpp"
#include "loop/watchers.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace asyncio::detail {

/// Something of a higher layer that a loop owns and shuts down when it closes.
struct LoopService {
  virtual ~LoopService() = default;
  virtual void loop_closing() noexcept = 0;
};

/// A call whose turn comes as that of an event of a descriptor does which the next poll finds:
/// behind all that is queued before that poll.
struct PolledCall : ReadyCall {
  explicit PolledCall(Fn fn) noexcept : ReadyCall{fn} {}
  PolledCall* next_polled = nullptr;
};

/// What a test does with a loop.
struct LoopProbe {
  virtual ~LoopProbe() = default;
  /// Before what is ready runs; it may change its order, see shuffle.hpp.
  virtual void begin_batch(ReadyQueue&) noexcept {}
  /// The step of a task has ended, and not the task. May throw out of run_forever().
  virtual void suspended(TaskState&) {}
};

/// How often this process has become a child of itself by fork().
inline unsigned forks_seen = 0;

/// The event loop itself; EventLoop is the user's handle to it. It outlives that while futures
/// still point here.
class LoopState final : public Scheduler {
 public:
  LoopState(EventLoop& loop, std::unique_ptr<Backend> backend);

  [[nodiscard]] std::int64_t now() const override { return backend_->now(); }
  [[nodiscard]] bool has_come(std::int64_t deadline) const override {
    return backend_->has_come(deadline);
  }
  void arm(Timer& timer, std::int64_t deadline) override;
  void disarm(Timer& timer) noexcept override;
  void hand_over(FutureState& state) noexcept override { hand_over_.add(state); }
  bool post(InboxNode& node) noexcept override;
  void pin() noexcept override { hand_over_.pin(); }
  void unpin() noexcept override { hand_over_.unpin(); }
  void check_thread(const char* what) const override;
  void report(const ExceptionContext& context) noexcept override;
  void tell(TaskState& task, TaskEvent event) noexcept override;

  /// Queues it at the next poll. Its slot is reserved.
  void push_at_poll(PolledCall& call) noexcept {
    call.next_polled = nullptr;
    *last_polled_ = &call;
    last_polled_ = &call.next_polled;
  }

  /// Also on the thread that it runs on.
  void set_debug(bool on) noexcept;
  /// nullopt: as debug mode says; zero and less: never.
  void set_watchdog(std::optional<Duration> threshold) noexcept;
  [[nodiscard]] std::optional<Duration> watchdog() const noexcept { return watchdog_; }
  /// How long something may run, in nanoseconds, before the watchdog reports it; none: for ever.
  [[nodiscard]] std::int64_t stall_threshold() const noexcept;
  /// In tests; null: none.
  void set_probe(LoopProbe* probe) noexcept;
  /// Told from the next entry on, behind those that are there. It is to be removed before its end.
  void add_watch(StepWatch& watch) noexcept;
  void remove_watch(StepWatch& watch) noexcept;

  /// Queues what other threads have posted.
  void deliver_inbox() {
    if (!inbox_.empty() || undelivered_ != nullptr) deliver_posted();
  }
  /// Throws: RuntimeError, beginning with `what`.
  void check_can_run(const char* what) const;
  /// In a forked child, of a loop of its parent's: what the kernel has of it is the parent's.
  [[nodiscard]] bool inherited() const noexcept { return forks_seen != forks_; }
  /// Throws: RuntimeError "WHAT: ..." if it is.
  void check_not_inherited(const char* what) const {
    if (inherited()) [[unlikely]]
      throw_inherited(what);
  }
  void run_forever();
  void poll_once(Duration at_most);
  void stop() noexcept { stopping_ = true; }
  [[nodiscard]] bool running() const noexcept {
    return __atomic_load_n(&running_, __ATOMIC_ACQUIRE);
  }
  void close();
  /// Called by ~EventLoop, last.
  void abandon() noexcept;
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  [[nodiscard]] Backend& backend() const noexcept { return *backend_; }
  [[nodiscard]] Watchers& watchers() noexcept { return watchers_; }
  /// Where bytes are received before anybody knows how many there are. What it holds is lost as
  /// soon as anything else runs, but for a ScratchLoan.
  [[nodiscard]] std::span<std::byte> scratch() noexcept { return {scratch_.get(), scratch_size}; }
  /// Throws: std::bad_alloc. To be called before scratch() is used first, and while it may be lent.
  std::span<std::byte> make_scratch() {
    if (scratch_ == nullptr) allocate_scratch();
    return scratch();
  }
  /// For code of users that looks at what is in the scratch buffer: it may receive something else,
  /// in a task that is started eagerly. That goes to a buffer of its own.
  class ScratchLoan {
   public:
    explicit ScratchLoan(LoopState& loop) noexcept : loop_(loop), lent_(std::move(loop.scratch_)) {}
    ScratchLoan(const ScratchLoan&) = delete;
    ScratchLoan& operator=(const ScratchLoan&) = delete;
    ~ScratchLoan() { loop_.scratch_ = std::move(lent_); }

   private:
    LoopState& loop_;
    std::unique_ptr<std::byte[]> lent_;
  };
  [[nodiscard]] std::size_t armed_timers() const noexcept { return timers_.size(); }
  std::unique_ptr<LoopService> executor;       ///< the default one, if it was made
  std::unique_ptr<LoopService> signals;        ///< of add_signal_handler(), if there were any
  class JobTable* jobs = nullptr;              ///< of the executor
  std::unique_ptr<LoopService> net;            ///< connections and servers, if there were any
  std::unique_ptr<LoopService> children;       ///< processes, if there were any
  std::unique_ptr<LoopService> http;           ///< HTTP clients, if there were any
  std::unique_ptr<LoopService> process_pools;  ///< pools of processes, if there were any
  std::unique_ptr<LoopService> lookups;        ///< the threads of getaddrinfo(), if they were made
  std::unique_ptr<LoopService> stdio;          ///< standard input and output, if asked for
  std::unique_ptr<LoopService> observers;      ///< if there were any
  Resolver* resolver = nullptr;                ///< null: the system's
  OpenLoop open;

 private:
  friend class HandOver;
  friend struct MemberOffsets;
  class RunScope;
  class WatchScope;
  ~LoopState() = default;

  [[gnu::always_inline]] inline void iterate(std::int64_t wait_until, bool always_poll);
  void poll(std::int64_t wait_until);
  void queue_polled() noexcept;
  [[gnu::always_inline]] inline void run_batch();
  void prefetch_ahead(std::size_t left) noexcept;
  void look_who_watches() noexcept;
  void look_for_stalls() noexcept;
  void run_watched(const ReadyEntry& entry);
  void fall_asleep() noexcept;
  void deliver_posted();
  void leave_executor() noexcept;  // in a forked child: its threads are the parent's
  void discard_everything() noexcept;
  void discard_ready() noexcept;
  void discard_posted(InboxNode* node) noexcept;
  [[noreturn]] void report_deadlock() const;
  void look_for_endless_sleep() noexcept;
  [[noreturn]] void throw_inherited(const char* what) const;

  void allocate_scratch();
  static constexpr std::size_t scratch_size = std::size_t{256} * 1024;  // as CPython reads at most

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<std::byte[]> scratch_;
  mutable TimerHeap timers_;  // next_deadline() tidies it
  Inbox inbox_;
  int posters_ = 0;                   // threads that are in post() just now; atomic
  InboxNode* undelivered_ = nullptr;  // taken from the inbox, but there was no memory to queue it
  PolledCall* first_polled_ = nullptr;
  PolledCall** last_polled_ = &first_polled_;
  HandOver hand_over_;
  Watchers watchers_;
  LoopProbe* probe_ = nullptr;
  StepWatch* watches_ = nullptr;
  // For readers outside the process.
  std::uint64_t iterations_ = 0;
  int kernel_thread_ = 0;  // that runs it, or ran it last
  std::optional<Duration> watchdog_;
  std::unique_ptr<StallWatch> stall_watch_;  // while stalls are looked for
  std::optional<NoPooling> no_pooling_;      // while it runs in debug mode
  const unsigned forks_ = forks_seen;
  bool stopping_ = false;
  bool closing_ = false;
  bool told_of_sleep_ = false;  // with nothing to wake it; once is enough
  bool running_ = false;        // accessed atomically
  bool asleep_ = true;          // accessed atomically: a post must wake the backend
};

/// What the default exception handler writes.
[[nodiscard]] std::string format_context(const ExceptionContext& context);

/// In a forked child.
void forget_current_loop() noexcept;

struct LoopAccess {
  static LoopState& state(const EventLoop& loop) noexcept { return *loop.state_; }
  static std::unique_ptr<EventLoop> make(std::unique_ptr<Backend> backend) {
    return std::unique_ptr<EventLoop>(new EventLoop(backend.release()));
  }
};

}  // namespace asyncio::detail
