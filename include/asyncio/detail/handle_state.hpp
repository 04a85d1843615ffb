#pragma once

#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/detail/scheduler.hpp>
#include <asyncio/detail/type_name.hpp>

#include <cstdint>
#include <new>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {
class Context;
}  // namespace asyncio

namespace asyncio::detail {

class ContextCell;

/// A scheduled callback. The loop's reference is one of the counted ones: it is dropped when the
/// callback has run, was discarded or (a timer) was cancelled.
///
/// Lifetime: the callable is destroyed when it has run or is cancelled, always on the loop's
/// thread while the loop is open; the rest when the last reference goes.
class HandleState : public PooledAs<BlockKind::handle>, private InboxNode, private Timer {
 public:
  HandleState(const HandleState&) = delete;
  HandleState& operator=(const HandleState&) = delete;

  void add_ref() noexcept { refs_.add(); }
  void drop_ref() noexcept {
    if (refs_.drop()) delete this;
  }

  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] std::int64_t deadline() const noexcept { return deadline_; }
  [[nodiscard]] std::string repr() const;
  /// What type_name<F>() gives of its callable.
  [[nodiscard]] const char* type() const noexcept { return function(); }
  [[nodiscard]] std::source_location created_at() const noexcept { return created_at_; }
  /// The handle that an entry of the ready queue will run; null if it is something else.
  [[nodiscard]] static HandleState* of(const ReadyEntry& entry) noexcept {
    return entry.calls(&HandleState::run) ? &of(entry.call()) : nullptr;
  }

  /// First of all: its loop and its context, null for a copy of the current one.
  /// Throws: std::bad_alloc.
  void attach(Scheduler& scheduler, const Context* context);
  /// The three ways in. Each adds the loop's reference. Throw: std::bad_alloc; then nothing was
  /// scheduled.
  void schedule_soon() {
    scheduler_->ready.reserve();
    refs_.add_unshared();
    scheduler_->ready.push(*this);
  }
  void schedule_at(std::int64_t deadline);
  /// Returns: false if the loop is closed.
  bool schedule_from_any_thread() noexcept;

  /// Runs it now, as often as it likes; for watchers. Throws: KeyboardInterrupt only.
  void invoke();

 protected:
  /// `destructible`: the callable has a destructor to be called.
  HandleState(bool destructible, std::source_location where) noexcept
      : Timer(&HandleState::run), has_callable_(destructible), created_at_(where) {}
  virtual ~HandleState() {
    if (context_ != nullptr) [[unlikely]]
      drop_context();
  }
  /// True once: whoever gets it destroys the callable.
  [[nodiscard]] bool take_callable() noexcept { return std::exchange(has_callable_, false); }
  virtual void call() = 0;
  virtual void drop_callable() noexcept = 0;
  [[nodiscard]] virtual const char* function() const noexcept = 0;

 private:
  [[nodiscard]] static HandleState& of(ReadyCall& call) noexcept {
    return static_cast<HandleState&>(static_cast<Timer&>(call));
  }
  static void run(ReadyCall& self, ReadyAction action);
  static void deliver(InboxNode& self, ReadyAction action);
  void drop_callable_now() noexcept {
    if (take_callable()) drop_callable();
  }
  void drop_context() noexcept;
  void report_error() noexcept;

  SharedCount refs_;
  bool cancelled_ = false;
  bool has_callable_;  // one with a destructor that was not called
  bool is_timer_ = false;
  bool debug_ = false;    // when it was made
  bool running_ = false;  // then cancel() leaves the callable, which is on the stack, to invoke()
  Scheduler* scheduler_ = nullptr;
  ContextCell* context_ = nullptr;
  std::int64_t deadline_ = 0;
  std::source_location created_at_;
};

template <class F>
class HandleOf final : public HandleState {
 public:
  template <class G>
  HandleOf(G&& fn, std::source_location where)
      : HandleState(!std::is_trivially_destructible_v<F>, where) {
    ::new (static_cast<void*>(&fn_)) F(std::forward<G>(fn));
  }

 private:
  ~HandleOf() override {
    if (this->take_callable()) fn_.~F();
  }
  void call() override { fn_(); }
  void drop_callable() noexcept override { fn_.~F(); }
  [[nodiscard]] const char* function() const noexcept override { return type_name<F>(); }

  union {
    F fn_;
  };
};

}  // namespace asyncio::detail
