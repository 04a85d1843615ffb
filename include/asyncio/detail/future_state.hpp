#pragma once

#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/detail/probe.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/detail/scheduler.hpp>
#include <asyncio/detail/wait_list.hpp>
#include <asyncio/detail/wait_route.hpp>
#include <asyncio/error.hpp>
#include <asyncio/result.hpp>

#include <cstdint>
#include <exception>
#include <new>
#include <source_location>
#include <string>
#include <utility>

namespace asyncio::detail {

class CallbackNode;
class TaskState;

/// What a Future and a Task refer to, without the value.
///
/// States: pending → finished (a value or an error) by finish_*(), pending → cancelled by cancel()
/// or, for a task, by its coroutine ending with CancelledError. Both are final.
///
/// Life: two counts. `users` are the handles of the user, on any thread, therefore atomic. `holds`
/// are the references of the loop's own (registry, gather, a callback in the queue): plain, on the
/// loop's thread. It goes when both are zero.
class FutureState : public PooledAs<BlockKind::future> {
 public:
  enum class Kind : std::uint8_t { future, task, composite };
  enum class Phase : std::uint8_t { pending, cancelled, finished };

  FutureState(const FutureState&) = delete;
  FutureState& operator=(const FutureState&) = delete;

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (scheduler_->on_own_thread() && !scheduler_->closed()) {
      if (users_.drop()) release();
    } else if (!users_.drop_unless_last()) {
      scheduler_->hand_over(*this);
    }
  }
  /// What hand_over() ends with, once this thread may touch the state: drops the user count that
  /// came along.
  void finish_hand_over() noexcept {
    if (users_.drop()) release();
  }
  /// True if the caller's is the only handle of a user.
  [[nodiscard]] bool only_user() const noexcept { return users_.load() == 1; }
  [[nodiscard]] bool no_user() const noexcept { return users_.load() == 0; }

  void hold() noexcept { ++holds_; }
  void unhold() noexcept {
    if (--holds_ > 0 || users_.load() > 0) return;
    if (!scheduler_->closed()) {
      dispose();
    } else {
      add_ref();  // after the loop's end it is destroyed as a dropped handle's future is
      drop_ref();
    }
  }

  /// Somebody who holds it will want its value: a gather, a shield, an awaiter. Who is not the only
  /// one must not move it out.
  void claim() noexcept { ++claims_; }
  void unclaim() noexcept { --claims_; }
  [[nodiscard]] std::uint32_t claims() const noexcept { return claims_; }

  [[nodiscard]] Scheduler& scheduler() const noexcept { return *scheduler_; }
  /// Line 0: not known.
  [[nodiscard]] std::source_location created_at() const noexcept { return created_at_; }
  /// In debug mode. Throws: RuntimeError "WHAT: ..." on a foreign thread while the loop runs.
  void check_thread(const char* what) const {
    if (scheduler_->in_debug_mode()) [[unlikely]]
      scheduler_->check_thread(what);
  }
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] bool done() const noexcept { return phase_ != Phase::pending; }
  [[nodiscard]] bool cancelled() const noexcept { return phase_ == Phase::cancelled; }
  [[nodiscard]] bool has_value() const noexcept { return has_value_; }
  [[nodiscard]] bool failed() const noexcept { return phase_ == Phase::finished && !has_value_; }
  /// The error of a failed future; no state check, nothing marked.
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return failure_.error; }
  /// Only once it is done.
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  [[nodiscard]] std::string_view cancel_message() const noexcept {
    return cancel_message_ ? cancel_message_->view() : std::string_view();
  }

  void mark_retrieved() noexcept { unretrieved_ = false; }
  /// Throws: InvalidStateError while pending ("WHAT: ..."), the CancelledError if cancelled.
  [[nodiscard]] std::exception_ptr exception();
  /// Throws: as exception(), and the error itself.
  void throw_unless_value();
  /// How it ended, when not with a value; a cancellation gives its CancelledError. Marks it.
  [[nodiscard]] Failure take_failure();
  [[nodiscard]] Failure make_cancelled_error();
  /// Another one than that which it ended with, which stays.
  [[nodiscard]] Failure new_cancelled_error() const;

  /// Throws: InvalidStateError unless pending.
  void check_pending(const char* what) const;
  void fail(Failure failure) noexcept;
  /// The value is in its slot already.
  void finish_with_value() noexcept {
    has_value_ = true;
    become(Phase::finished, {});
  }

  /// Asks for cancellation, as Future.cancel() and Task.cancel(): follows task → awaited task → …
  /// in a loop. Allocates nothing.
  bool cancel(Ref<SharedText> message) noexcept;

  /// Becomes ready when this is done; at once if it is. The queue slot is reserved by the caller.
  void notify(WaitNode& node) noexcept {
    if (done()) {
      make_ready(node);
    } else {
      callbacks_.push_back(node);
    }
  }
  std::uint64_t add_callback(CallbackNode* callback);
  bool remove_callback(std::uint64_t id) noexcept;

  /// "<Future pending>" and so on.
  [[nodiscard]] std::string repr() const;
  [[nodiscard]] std::string repr_callbacks() const;
  /// " created at FILE:LINE" in debug mode.
  [[nodiscard]] std::string repr_creation() const;
  [[nodiscard]] static std::string describe_callback(const WaitNode& node);

 protected:
  FutureState(Scheduler& scheduler, Kind kind, std::source_location created_at) noexcept
      : scheduler_(&scheduler), kind_(kind), created_at_(created_at) {
    ++scheduler.live_states;
  }
  virtual ~FutureState() {
    if (done()) {
      failure_.~Failure();
    } else {
      give_up();
    }
    --scheduler_->live_states;
  }

  /// Final: sets the phase and makes everything ready that waits for it. (Compilers take the notes
  /// of a probe for code, and would not inline it by themselves.)
  [[gnu::always_inline]] void become(Phase phase, Failure&& failure) noexcept {
    phase_ = phase;
    if (scheduler_->closed()) [[unlikely]] {
      become_after_close(std::move(failure));
      return;
    }
    callbacks_.drain([this](WaitNode& node) { make_ready(node); });
    ::new (static_cast<void*>(&failure_)) Failure(std::move(failure));
  }
  void become_cancelled(Failure original, Ref<SharedText> message) noexcept;
  void set_unretrieved() noexcept { unretrieved_ = true; }
  /// Lets go of every callback; for a future that will never be done, or whose loop is closed.
  static void abandon(WaitList& callbacks) noexcept;
  void abandon_callbacks() noexcept { abandon(callbacks_); }

  Scheduler* scheduler_;

 private:
  friend class CancelWalk;
  friend class HandOver;
  friend class TaskState;
  friend struct FutureRoute;
  friend struct GroupRoute;
  friend struct MemberOffsets;

  void make_ready(WaitNode& node) noexcept {
    const ReadyEntry entry = node.entry();
    if (const TaskState* task = entry.task()) {
      probe::task_wake(task);
    } else {
      entry.tell(ReadyAction::queued);
    }
    scheduler_->ready.push(entry);
  }
  void become_after_close(Failure failure) noexcept;
  void give_up() noexcept;
  void release() noexcept {
    if (holds_ == 0) dispose();
  }
  void dispose() noexcept {
    if (unretrieved_) [[unlikely]] {
      report_unretrieved();
      return;
    }
    // In a loop, not by recursion: gathers of gathers may hold each other a hundred thousand deep.
    Scheduler& scheduler = *scheduler_;
    if (scheduler.disposing) {
      next_handed_over_ = std::exchange(scheduler.doomed, this);
      return;
    }
    scheduler.disposing = true;
    delete this;
    if (scheduler.doomed != nullptr) [[unlikely]]
      dispose_doomed(scheduler);
    scheduler.disposing = false;
  }
  static void dispose_doomed(Scheduler& scheduler) noexcept;
  void report_unretrieved() noexcept;

  SharedCount users_{0};
  std::uint32_t holds_ = 0;
  Kind kind_;
  Phase phase_ = Phase::pending;
  bool has_value_ : 1 = false;
  bool unretrieved_ : 1 = false;  // failed, and nobody has looked at the error yet
  // A task's own, here for the sake of size; see task_state.hpp.
  bool must_cancel_ : 1 = false;
  bool deliver_cancel_ : 1 = false;
  bool started_ : 1 = false;
  bool root_ended_ : 1 = false;
  bool root_value_ : 1 = false;
  bool rechecks_ : 1 = false;
  // Bytes apart: one that was just written and is read as part of a word waits for the store.
  std::uint8_t : 0;
  bool root_failed_ : 1 = false;
  std::uint8_t number_high_ : 7 = 0;  // of a task, see TaskState::number()
  std::uint32_t number_low_ = 0;
  std::uint32_t cancelling_ = 0;
  std::uint32_t claims_ = 0;
  union {
    WaitList callbacks_{};  // while pending
    Failure failure_;       // finished: the error; cancelled: the CancelledError until taken
  };
  Ref<SharedText> cancel_message_;
  FutureState* next_handed_over_ = nullptr;
  std::source_location created_at_;
};

/// A reference of the loop's own; see FutureState. The loop's thread only.
template <class State>
class Hold {
 public:
  Hold() noexcept = default;
  explicit Hold(State* state) noexcept : state_(state) {
    if (state_ != nullptr) state_->hold();
  }
  Hold(Hold&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Hold& operator=(Hold other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Hold() {
    if (state_ != nullptr) state_->unhold();
  }
  [[nodiscard]] State* get() const noexcept { return state_; }
  State* operator->() const noexcept { return state_; }
  State& operator*() const noexcept { return *state_; }
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  State* state_ = nullptr;
};

/// Storage for a T whose presence is known elsewhere.
template <class T>
struct Slot {
  Slot() noexcept {}
  ~Slot() {}
  union {
    T value;
  };
};
/// Nothing needs no place.
template <>
struct Slot<None> {
  static inline None value;
};

/// A Hold on a future whose value is wanted.
class Claim {
 public:
  Claim() noexcept = default;
  explicit Claim(FutureState* state) noexcept : hold_(state) {
    if (state != nullptr) state->claim();
  }
  Claim(Claim&&) noexcept = default;
  Claim& operator=(Claim other) noexcept {
    hold_ = std::exchange(other.hold_, std::exchange(hold_, {}));
    return *this;
  }
  ~Claim() {
    if (hold_) hold_->unclaim();
  }
  [[nodiscard]] FutureState* get() const noexcept { return hold_.get(); }
  FutureState* operator->() const noexcept { return hold_.get(); }
  FutureState& operator*() const noexcept { return *hold_; }

 private:
  Hold<FutureState> hold_;
};

/// A future made of others: gather's, which passes a cancellation on to its parts, and shield's,
/// which does not.
class CompositeState : public FutureState {
 public:
  /// Whether a cancellation goes to the parts.
  enum class Cancels : bool { itself, parts };

  /// Where the parts are, until its end.
  void set_parts(PartsView parts) noexcept { parts_ = parts; }
  [[nodiscard]] bool cancel_requested() const noexcept { return cancel_requested_; }

 protected:
  CompositeState(Scheduler& scheduler, Cancels cancels, std::source_location where) noexcept
      : FutureState(scheduler, Kind::composite, where), cancels_(cancels) {}

 private:
  friend class CancelWalk;
  friend struct FutureRoute;
  friend struct MemberOffsets;
  /// Null: it has ended, as far as this is concerned.
  [[nodiscard]] FutureState* part(std::size_t index) const noexcept {
    const auto* element = static_cast<const char*>(parts_.first) + index * parts_.step;
    return *reinterpret_cast<FutureState* const*>(element + parts_.future);
  }
  [[nodiscard]] std::size_t parts() const noexcept { return parts_.count; }

  PartsView parts_;
  // Where a walk of cancel() stands in this composite while it is below one of its parts.
  std::size_t walk_next_ = 0;
  CompositeState* walk_outer_ = nullptr;
  TaskState* walk_asker_ = nullptr;
  bool walk_active_ = false;
  bool walk_accepted_ = false;
  bool cancel_requested_ = false;
  Cancels cancels_;
};

/// The state of a composite whose value is a T.
template <class T>
class CompositeStateOf : public CompositeState {
 public:
  CompositeStateOf(Scheduler& scheduler, Cancels cancels, std::source_location where) noexcept
      : CompositeState(scheduler, cancels, where) {}
  ~CompositeStateOf() override {
    if (has_value()) slot.value.~T();
  }
  [[no_unique_address]] Slot<T> slot;
};

/// A done-callback of a user's. Owned by the future until it is done, by the queue after that.
class CallbackNode : public Pooled, private WaitCall {
 public:
  /// Lets go of every callback of a loop that is being closed.
  static void discard_all(Scheduler& scheduler) noexcept;
  /// Its callable's type, if the entry is one; else null.
  [[nodiscard]] static const char* function_of(const ReadyEntry& entry) noexcept;
  CallbackNode(const CallbackNode&) = delete;
  CallbackNode& operator=(const CallbackNode&) = delete;

 protected:
  CallbackNode() noexcept : WaitCall(&CallbackNode::run) {}
  virtual ~CallbackNode();
  virtual void call(FutureState& future) = 0;
  [[nodiscard]] virtual const char* function() const noexcept = 0;

 private:
  friend class FutureState;
  static void run(ReadyCall& self, ReadyAction action);
  [[nodiscard]] static CallbackNode& of(ReadyCall& call) noexcept {
    return static_cast<CallbackNode&>(static_cast<WaitCall&>(call));
  }
  void report_error(FutureState& future) const noexcept;

  FutureState* future_ = nullptr;
  ContextCell* context_ = nullptr;
  std::uint64_t id_ = 0;
  // Among all of the loop, which lets go of them when it is closed: they may hold their futures.
  CallbackNode* previous_ = nullptr;
  CallbackNode* next_ = nullptr;
  bool queued_ = false;  // then it counts as a user of the future
};

/// Future<T>'s state.
template <class T>
class FutureStateOf : public FutureState {
 public:
  using Value = NoneIfVoid<T>;
  FutureStateOf(Scheduler& scheduler, std::source_location where) noexcept
      : FutureState(scheduler, Kind::future, where) {}
  ~FutureStateOf() override {
    if (has_value()) slot.value.~Value();
  }
  [[no_unique_address]] Slot<Value> slot;
};

}  // namespace asyncio::detail
