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
  class SendWait;
  class NextWait;

  /// Throws: std::invalid_argument for 0.
  explicit ChannelCore(std::size_t capacity);

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] bool has_item() const noexcept { return size_ > promised_items_; }
  [[nodiscard]] bool has_room() const noexcept { return size_ + promised_room_ < capacity_; }

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
    while (!takers_.nobody_waits() && has_item()) {
      ++promised_items_;
      takers_.wake_next();
    }
  }
  void promise_room() noexcept {
    while (!senders_.nobody_waits() && has_room()) {
      ++promised_room_;
      senders_.wake_next();
    }
  }
  void close() noexcept;
  [[nodiscard]] std::string repr() const;

 private:
  [[noreturn]] static void throw_closed(const char* what);
  /// Both ends to the loop of the running task.
  void bind(const char* what);

  WaitLine senders_;
  WaitLine takers_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  std::size_t promised_items_ = 0;  // to tasks that have not gone on yet
  std::size_t promised_room_ = 0;
  bool closed_ = false;
};

/// Waits for room.
class ChannelCore::SendWait : public LineWait {
 public:
  explicit SendWait(ChannelCore& core) noexcept : LineWait(ops), core_(&core) {}
  SendWait(SendWait&&) noexcept = default;
  /// With its task, perhaps before it has taken what it was promised.
  ~SendWait() {
    if (chosen() && !bereft()) give_back();
  }
  [[nodiscard]] bool await_ready() const noexcept { return core_->has_room() || core_->closed(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a Channel can be awaited only in an asyncio::Coro");
    core_->bind(ops.what);
    core_->senders_.join(*this);
  }

 protected:
  /// At the end of the await. Throws: QueueShutDown, CancelledError, RuntimeError.
  void finish() {
    if (waited()) [[unlikely]]
      end();
    core_->check_open(ops.what);
  }
  [[nodiscard]] ChannelCore& core() const noexcept { return *core_; }

 private:
  static const Ops ops;
  void end();
  void give_back() noexcept;
  ChannelCore* core_;
};

/// Waits for an item, or the end.
class ChannelCore::NextWait : public LineWait {
 public:
  explicit NextWait(ChannelCore& core) noexcept : LineWait(ops), core_(&core) {}
  NextWait(NextWait&&) noexcept = default;
  ~NextWait() {
    if (chosen() && !bereft()) give_back();
  }
  [[nodiscard]] bool await_ready() const noexcept { return core_->has_item() || core_->closed(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a Channel can be awaited only in an asyncio::Coro");
    core_->bind(ops.what);
    core_->takers_.join(*this);
  }

 protected:
  /// At the end of the await. Returns: false at the end of the channel. Throws: CancelledError,
  /// RuntimeError.
  bool finish() {
    if (waited()) [[unlikely]]
      end();
    return core_->has_item();
  }
  [[nodiscard]] ChannelCore& core() const noexcept { return *core_; }

 private:
  static const Ops ops;
  void end();
  void give_back() noexcept;
  ChannelCore* core_;
};

}  // namespace asyncio::detail
