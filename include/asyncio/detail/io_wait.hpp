#pragma once

#include <asyncio/detail/awaiter.hpp>
#include <asyncio/detail/task_state.hpp>

#include <cstdint>
#include <utility>

namespace asyncio::detail {

/// Which way bytes go.
enum class Way : std::uint8_t { read, write };

/// Told once that an IoSource may go on. Called on the loop's thread, often inside poll(): it
/// schedules what is to run, and runs no code of users.
struct IoObserver {
  void (*ready)(IoObserver& self) noexcept;
};

/// Something whose calls may have to wait: a descriptor, or a TLS connection above one.
class IoSource {
 public:
  IoSource() = default;
  IoSource(const IoSource&) = delete;
  IoSource& operator=(const IoSource&) = delete;

  /// To be called after a call of that way has said EAGAIN. One observer a way.
  virtual void wait(Way way, IoObserver& observer) noexcept = 0;
  virtual void stop_waiting(Way way) noexcept = 0;
  [[nodiscard]] virtual bool awaited(Way way) const noexcept = 0;

 protected:
  ~IoSource() = default;
};

/// A task's wait for an IoSource. It looks again in the turn of its task, without a frame: see
/// TaskState::park_to_recheck().
class IoWait : public OwnAwaiter, public Waiter, IoObserver {
 public:
  /// Movable until it is awaited.
  IoWait(IoWait&& other) noexcept : OwnAwaiter(), Waiter(other), IoObserver{&IoWait::wake} {}
  IoWait& operator=(IoWait&&) = delete;

  /// How an operation waits. Op has `bool attempt() noexcept`, true when it is over, and
  /// `IoSource* source() noexcept`, null if that is gone, and `Way way()`.
  template <class Op>
  static constexpr Ops ops_of(const char* what) noexcept {
    return {.cancel = &IoWait::cancel,
            .future = nullptr,
            .abandon = nullptr,
            .what = what,
            .recheck = &IoWait::recheck<Op>};
  }

 protected:
  explicit IoWait(const Ops& ops) noexcept : Waiter(ops), IoObserver{&IoWait::wake} {}
  ~IoWait() { stop(); }

  /// The running task waits until the source may go on. Throws: RuntimeError if another task waits
  /// for the same.
  void park(IoSource& source, Way way);
  /// The running task lets others run and then looks again.
  void yield() noexcept;
  /// What could go on at once is to let others run before it does: yield() instead of park().
  void take_turns() noexcept { takes_turns_ = true; }
  [[nodiscard]] bool takes_turns() noexcept { return std::exchange(takes_turns_, false); }
  [[noreturn]] void throw_awaited(Way way) const;
  [[nodiscard]] bool parked() const noexcept { return task_ != nullptr; }

 private:
  static void wake(IoObserver& self) noexcept;
  static bool cancel(Waiter& self, TaskState& task) noexcept;
  template <class Op>
  static bool recheck(Waiter& self, TaskState& task) noexcept {
    auto& op = static_cast<Op&>(static_cast<IoWait&>(self));
    if (task.has_delivery() || op.attempt()) return true;
    if (op.takes_turns()) {
      task.schedule();
      return false;
    }
    IoSource* source = op.source();
    return source == nullptr || !op.wait_again(*source, op.way());
  }
  /// Returns: false if another one waits for it meanwhile.
  bool wait_again(IoSource& source, Way way) noexcept;
  void stop() noexcept {
    if (source_ != nullptr) source_->stop_waiting(way_);
  }

  TaskState* task_ = nullptr;
  IoSource* source_ = nullptr;  // while it is observed
  Way way_ = Way::read;
  bool takes_turns_ = false;
};

}  // namespace asyncio::detail
