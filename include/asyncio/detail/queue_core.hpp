#pragma once

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/event.hpp>

#include <coroutine>
#include <cstddef>
#include <string>

namespace asyncio::detail {

/// A queue without its items: who waits, how many there are and how many are unfinished.
class QueueCore {
 public:
  class Wait;
  class GetWait;
  class PutWait;

  explicit QueueCore(std::ptrdiff_t maxsize) noexcept : maxsize_(maxsize) { finished_.set(); }

  [[nodiscard]] std::ptrdiff_t maxsize() const noexcept { return maxsize_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool full() const noexcept {
    return maxsize_ > 0 && size_ >= static_cast<std::size_t>(maxsize_);
  }
  [[nodiscard]] bool is_shut_down() const noexcept { return shut_down_; }
  [[nodiscard]] Event& finished() noexcept { return finished_; }

  /// Before an item is added. Throws: QueueShutDown, QueueFull.
  void check_put() const {
    if (shut_down_ || full()) [[unlikely]]
      refuse_put();
  }
  /// Before one is taken. Throws: QueueShutDown, QueueEmpty.
  void check_get() const {
    if (size_ == 0) [[unlikely]]
      refuse_get();
  }
  /// An item has been added.
  void added() noexcept {
    ++size_;
    ++unfinished_;
    finished_.clear();
    getters_.wake_next();
  }
  /// One has been taken.
  void taken() noexcept {
    --size_;
    putters_.wake_next();
  }
  /// All have been thrown away.
  void discarded() noexcept;
  void task_done();
  /// The two halves of shutdown(): nothing is put any more, and whoever waits looks again.
  void refuse() noexcept { shut_down_ = true; }
  void wake_everybody() noexcept;
  [[nodiscard]] std::string repr(const char* type) const;

 private:
  [[noreturn]] void refuse_put() const;
  [[noreturn]] void refuse_get() const;

  WaitLine getters_;
  WaitLine putters_;
  Event finished_;
  std::ptrdiff_t maxsize_;
  std::size_t size_ = 0;
  std::size_t unfinished_ = 0;
  bool shut_down_ = false;
};

/// A task that waits until there is an item, or room for one. When it is woken it looks again, and
/// waits at the end of the line if another task was faster.
class QueueCore::Wait : public LineWait {
 public:
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a queue can be awaited only in an asyncio::Coro");
    begin();
  }

 protected:
  Wait(QueueCore& core, const Ops& ops, bool gets) noexcept
      : LineWait(ops), core_(&core), gets_(gets) {}
  [[nodiscard]] QueueCore& core() const noexcept { return *core_; }
  [[nodiscard]] WaitLine& line() const noexcept {
    return gets_ ? core_->getters_ : core_->putters_;
  }
  [[nodiscard]] bool must_wait() const noexcept {
    return (gets_ ? core_->size_ == 0 : core_->full()) && !core_->shut_down_;
  }
  /// The wait is over. Throws: CancelledError, which passes on that it was woken.
  void end();
  /// Whoever was woken but cannot act on it wakes the next one.
  void pass_on() noexcept {
    if (chosen() && !must_wait()) line().wake_next();
  }

  static bool recheck(Waiter& self, TaskState& task) noexcept;

 private:
  void begin();
  void wait_again(TaskState& task) noexcept;

  QueueCore* core_;
  bool gets_;
};

class QueueCore::GetWait : public QueueCore::Wait {
 public:
  explicit GetWait(QueueCore& core) noexcept : Wait(core, ops, true) {}
  [[nodiscard]] bool await_ready() const noexcept { return !must_wait(); }

 protected:
  /// At the end of the await. Throws: CancelledError, QueueShutDown, RuntimeError.
  void finish() {
    if (waited()) [[unlikely]]
      end();
    core().check_get();
  }

 private:
  static const Ops ops;
};

class QueueCore::PutWait : public QueueCore::Wait {
 public:
  explicit PutWait(QueueCore& core) noexcept : Wait(core, ops, false) {}
  [[nodiscard]] bool await_ready() const noexcept { return !must_wait(); }

 protected:
  /// The same, for room.
  void finish() {
    if (waited()) [[unlikely]]
      end();
    core().check_put();
  }

 private:
  static const Ops ops;
};

/// What join() returns: await it once.
class [[nodiscard]] QueueJoin : public Event::Wait, public ConvertsToCoro<QueueJoin, void> {
 public:
  explicit QueueJoin(Event& finished) noexcept : Wait(finished, ops) {}
  using ConvertsToCoro<QueueJoin, void>::operator Coro<void>;
  void await_resume() { Wait::await_resume(); }

 private:
  static const Ops ops;
};

}  // namespace asyncio::detail
