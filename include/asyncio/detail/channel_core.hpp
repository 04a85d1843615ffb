#pragma once

#include <asyncio/detail/wait_line.hpp>

#include <coroutine>
#include <cstddef>
#include <string>

namespace asyncio::detail {

/// A channel without its items. Who waits is promised an item, or room for one, as soon as there is
/// some: nobody who comes later can take it.
class ChannelCore {
 public:
  class Wait;
  class SendWait;
  class NextWait;

  /// Throws: std::invalid_argument for 0.
  explicit ChannelCore(std::size_t capacity);

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] bool has_item() const noexcept { return size_ > takers_.promised; }
  [[nodiscard]] bool has_room() const noexcept { return size_ + senders_.promised < capacity_; }

  void check_open(const char* what) const {
    if (closed_) [[unlikely]]
      throw_closed(what);
  }
  /// An item has been added.
  void added() noexcept {
    ++size_;
    promise_items();
  }
  /// One has been taken.
  void taken() noexcept {
    --size_;
    promise_room();
  }
  /// Gives what nobody has been promised to those who wait.
  void promise_items() noexcept {
    while (!takers_.line.nobody_waits() && has_item()) takers_.promise();
  }
  void promise_room() noexcept {
    while (!senders_.line.nobody_waits() && has_room()) senders_.promise();
  }
  void close() noexcept;
  [[nodiscard]] std::string repr() const;

 private:
  /// Who waits to send, or to take.
  struct Side {
    void promise() noexcept {
      ++promised;
      line.wake_next();
    }
    void give_up() noexcept {
      if (promised > 0) --promised;  // not of one that close() has woken
    }
    WaitLine line;
    std::size_t promised = 0;  // to tasks that have not gone on yet
  };

  [[noreturn]] static void throw_closed(const char* what);

  Side senders_;
  Side takers_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  bool closed_ = false;
};

/// A task that waits for an item, or for room for one.
class ChannelCore::Wait : public LineWait {
 public:
  Wait(Wait&&) noexcept = default;
  /// With its task, perhaps before it has taken what it was promised.
  ~Wait() {
    if (chosen() && !bereft()) give_back();
  }
  [[nodiscard]] bool await_ready() const noexcept {
    return (takes_ ? core_->has_item() : core_->has_room()) || core_->closed();
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a Channel can be awaited only in an asyncio::Coro");
    begin();
  }

 protected:
  Wait(ChannelCore& core, const Ops& ops, bool takes) noexcept
      : LineWait(ops), takes_(takes), core_(&core) {}
  [[nodiscard]] ChannelCore& core() const noexcept { return *core_; }
  /// The wait is over. Throws: CancelledError, RuntimeError.
  void end();
  /// What it does not take goes to others.
  void pass_on() noexcept { takes_ ? core_->promise_items() : core_->promise_room(); }

 private:
  [[nodiscard]] Side& side() const noexcept { return takes_ ? core_->takers_ : core_->senders_; }
  void begin();
  void give_back() noexcept;

  bool takes_;
  ChannelCore* core_;
};

class ChannelCore::SendWait : public ChannelCore::Wait {
 public:
  explicit SendWait(ChannelCore& core) noexcept : Wait(core, ops, false) {}

 protected:
  /// At the end of the await. Throws: QueueShutDown, CancelledError, RuntimeError.
  void finish() {
    if (waited()) [[unlikely]]
      end();
    core().check_open(ops.what);
  }

 private:
  static const Ops ops;
};

class ChannelCore::NextWait : public ChannelCore::Wait {
 public:
  explicit NextWait(ChannelCore& core) noexcept : Wait(core, ops, true) {}

 protected:
  /// The same. Returns: false at the end of the channel. Throws: CancelledError, RuntimeError.
  bool finish() {
    if (waited()) [[unlikely]]
      end();
    return core().has_item();
  }

 private:
  static const Ops ops;
};

}  // namespace asyncio::detail
