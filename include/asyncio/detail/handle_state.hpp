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
  /// The handle that an entry of the ready queue will run; null if it is something else.
  [[nodiscard]] static HandleState* of(const ReadyEntry& entry) noexcept {
    return entry.calls(&HandleState::run) ? &of(entry.call()) : nullptr;
  }

  /// The three ways in. Each takes over a reference of the caller's. Throw: std::bad_alloc; then
  /// nothing was scheduled.
  void schedule_soon();
  void schedule_at(std::int64_t deadline);
  /// Returns: false if the loop is closed.
  bool schedule_from_any_thread() noexcept;

  /// Gives it this context instead of a copy of the creator's. Null: empty.
  void use_context(ContextCell* context) noexcept;
  /// Runs it now, as often as it likes; for watchers. Throws: KeyboardInterrupt only.
  void invoke();

 protected:
  HandleState(Scheduler& scheduler, std::source_location where);
  virtual ~HandleState();
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
  void drop_callable_now() noexcept;
  void report_error() noexcept;

  SharedCount refs_;
  bool cancelled_ = false;
  bool has_callable_ = true;
  bool is_timer_ = false;
  bool debug_;            // when it was made
  bool running_ = false;  // then cancel() leaves the callable, which is on the stack, to invoke()
  Scheduler* scheduler_;
  ContextCell* context_ = nullptr;
  std::int64_t deadline_ = 0;
  std::source_location created_at_;
};

template <class F>
class HandleOf final : public HandleState {
 public:
  HandleOf(Scheduler& scheduler, F&& fn, std::source_location where)
      : HandleState(scheduler, where) {
    ::new (static_cast<void*>(&fn_)) F(std::move(fn));
  }
  HandleOf(Scheduler& scheduler, const F& fn, std::source_location where)
      : HandleState(scheduler, where) {
    ::new (static_cast<void*>(&fn_)) F(fn);
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
