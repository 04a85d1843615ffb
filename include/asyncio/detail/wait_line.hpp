#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/task_state.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

class WaitLine;

/// A task's place in the line of a primitive. It is in the awaiting frame: so waiting and waking
/// allocate nothing and cannot fail.
class LineWait : public OwnAwaiter, public Waiter, WaitNode {
 public:
  /// Movable until it is awaited.
  LineWait(LineWait&& other) noexcept : OwnAwaiter(), Waiter(other) {}
  LineWait& operator=(LineWait&&) = delete;

 protected:
  explicit LineWait(const Ops& ops) noexcept : Waiter(ops) {}
  ~LineWait() {
    if (line_ != nullptr) leave();
  }

  /// The task has waited, which await_resume() must look into.
  [[nodiscard]] bool waited() const noexcept {
    return phase_ != Phase::outside && phase_ != Phase::went_on;
  }
  [[nodiscard]] bool chosen() const noexcept {
    return phase_ == Phase::chosen || phase_ == Phase::went_on;
  }
  /// The primitive was destroyed meanwhile and must not be touched.
  [[nodiscard]] bool bereft() const noexcept { return line_ == nullptr; }
  /// The task goes on: its place is given up.
  void leave() noexcept;
  /// The same in recheck(), of one that was chosen: await_resume() need not look into anything.
  void go_on() noexcept;
  /// Throws: CancelledError if that is what woke the task, else RuntimeError.
  [[noreturn]] void throw_bereft();

  /// For the operation `what`; `recheck` and `route` as in Ops.
  [[nodiscard]] static constexpr Ops ops_of(const char* what,
                                            bool (*recheck)(Waiter&, TaskState&) noexcept = nullptr,
                                            const WaitRoute& route = to_line) noexcept {
    return {.cancel = &LineWait::cancel,
            .future = nullptr,
            .abandon = nullptr,
            .what = what,
            .recheck = recheck,
            .route = &route};
  }
  /// Of a line that nobody owns.
  static const WaitRoute to_line;
  /// For other routes; sync/line_route.hpp.
  struct Routes;

 private:
  friend class WaitLine;

  // outside → waiting, by join(); waiting → chosen, by the line; waiting → cancelled; waiting →
  // bereft, when the primitive dies; chosen → went_on, by go_on(). The place in the line is kept
  // until leave() or go_on().
  enum class Phase : std::uint8_t { outside, waiting, chosen, cancelled, bereft, went_on };

  static bool cancel(Waiter& self, TaskState& task) noexcept;
  [[nodiscard]] static LineWait* from(WaitNode* node) noexcept {
    return static_cast<LineWait*>(node);
  }

  WaitLine* line_ = nullptr;
  Phase phase_ = Phase::outside;
};

/// The tasks that wait for a primitive, in the order in which they began. As in CPython a place is
/// kept until its task has gone on, chosen or cancelled.
///
/// Lifetime: may end while tasks wait: they go on with an error.
class WaitLine {
 public:
  WaitLine() noexcept = default;
  WaitLine(const WaitLine&) = delete;
  WaitLine& operator=(const WaitLine&) = delete;
  ~WaitLine();

  /// The running task waits at the end of the line. Throws: RuntimeError if the primitive belongs
  /// to another loop.
  void join(LineWait& wait);
  /// The same in recheck(): its task is parked with it already.
  void join_again(LineWait& wait, TaskState& task) noexcept;
  /// Throws: RuntimeError. The first task that waits binds the primitive to its loop.
  void bind(Scheduler& scheduler, const char* what) {
    if (loop_ != scheduler.number) [[unlikely]]
      bind_first(scheduler, what);
  }

  /// Those that have not gone on.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Those of them that are neither chosen nor cancelled. Cost: O(size).
  [[nodiscard]] std::size_t waiting() const noexcept;
  /// True if nobody waits but tasks that were cancelled and have not gone on yet.
  [[nodiscard]] bool all_cancelled() const noexcept { return size_ == cancelled_; }
  [[nodiscard]] bool nobody_waits() const noexcept { return next_ == nullptr; }

  /// Chooses the very first, unless that is chosen or cancelled already.
  void wake_front() noexcept {
    if (next_ != nullptr && nodes_.front() == next_) choose_next();
  }
  /// Chooses the first that waits. Returns: false if there is none.
  bool wake_next() noexcept {
    if (next_ == nullptr) return false;
    choose_next();
    return true;
  }
  void wake_all() noexcept {
    while (next_ != nullptr) choose_next();
  }

 private:
  friend class LineWait;
  void bind_first(Scheduler& scheduler, const char* what);
  void choose_next() noexcept;
  /// The next one behind `wait` that waits. Those that are passed are never looked at again: next_
  /// only moves on.
  [[nodiscard]] LineWait* waiting_after(const LineWait& wait) const noexcept;
  void enter(LineWait& wait, TaskState& task) noexcept;

  WaitList nodes_;
  LineWait* next_ = nullptr;  // the first that waits
  std::size_t size_ = 0;
  std::size_t cancelled_ = 0;
  std::uint64_t loop_ = 0;  // its number
};

inline void LineWait::go_on() noexcept {
  --line_->size_;
  line_ = nullptr;
  phase_ = Phase::went_on;
  unlink();
}

}  // namespace asyncio::detail
