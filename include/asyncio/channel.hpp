#pragma once

#include <asyncio/detail/channel_core.hpp>
#include <asyncio/detail/ring.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace asyncio {

/// Passes items from producers to consumers and ends: when it is closed, what is in it is still
/// taken, and then everybody learns that there is nothing more.
///
///     asyncio::Channel<Page> pages(16);
///     co_await pages.send(page);                            // producers
///     pages.close();                                        // the last of them
///     while (auto page = co_await pages.next()) use(*page); // consumers
///
/// Not in Python: ours. A Queue has asyncio's steps, where a task that was woken may find that
/// another one was faster; here it is promised what it was woken for.
/// Lifetime: may die while tasks wait: each ends with CancelledError if it is cancelled, else with
/// RuntimeError.
/// Threads: the loop's that it is first waited for in.
template <class T>
class Channel {
 public:
  class Send;
  class Next;
  using value_type = T;

  /// `capacity`: how many items may wait to be taken. Throws: std::invalid_argument for 0.
  explicit Channel(std::size_t capacity) : core_(capacity) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() = default;

  [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }
  [[nodiscard]] std::size_t size() const noexcept { return core_.size(); }
  [[nodiscard]] bool closed() const noexcept { return core_.closed(); }

  /// Adds an item; waits while the channel is full. First come, first served.
  ///
  /// Throws: QueueShutDown if it is closed, also while it waits; RuntimeError if it belongs to
  /// another loop, or dies; std::bad_alloc.
  /// Cancellation: the item is not in the channel, and goes; the room is the next task's.
  [[nodiscard]] Send send(T item) { return Send(*this, std::in_place, std::move(item)); }
  /// The same, made in place of `args`. Also the way to send an aggregate with g++ before 15.
  template <class... Args>
  [[nodiscard]] Send emplace(Args&&... args) {
    return Send(*this, std::in_place, std::forward<Args>(args)...);
  }
  /// Takes an item; waits while there is none. First come, first served.
  ///
  /// Returns: nothing once the channel is closed and empty.
  /// Throws: RuntimeError if it belongs to another loop, or dies.
  /// Cancellation: nothing is taken; an item that it was promised is the next task's.
  [[nodiscard]] Next next() noexcept { return Next(*this); }

  /// Returns: false, and leaves the item alone, if there is no room for it or the channel is
  /// closed.
  [[nodiscard]] bool try_send(T&& item) {
    if (core_.closed() || !core_.has_room()) return false;
    items_.push_back(std::move(item));
    core_.added();
    return true;
  }
  /// Returns: nothing if there is no item but those that others were promised.
  [[nodiscard]] std::optional<T> try_next() {
    if (!core_.has_item()) return std::nullopt;
    return take();
  }

  /// No more items come. What is there is still taken; who waits to send, or for an item, is woken.
  void close() noexcept { core_.close(); }

  /// "<Channel 3/16 takers:2 closed>"
  [[nodiscard]] std::string repr() const { return core_.repr(); }

 private:
  T take() {
    T item(std::move(items_.front()));
    items_.pop_front();
    core_.taken();
    return item;
  }

  detail::Ring<T> items_;
  detail::ChannelCore core_;  // dies first: its waits then know better than to look at the items
};

/// What Channel::send() returns: await it once. Holds the item until then.
template <class T>
class [[nodiscard]] Channel<T>::Send
    : public detail::ChannelCore::SendWait,
      public detail::ConvertsToCoro<typename Channel<T>::Send, void> {
 public:
  template <class... Args>
  Send(Channel& channel, std::in_place_t, Args&&... args)
      : SendWait(channel.core_), items_(&channel.items_), item_(std::forward<Args>(args)...) {}
  void await_resume() {
    finish();
    try {
      items_->push_back(std::move(item_));
    } catch (...) {
      pass_on();
      throw;
    }
    core().added();
  }

 private:
  detail::Ring<T>* items_;
  T item_;
};

/// What Channel::next() returns: await it once.
template <class T>
class [[nodiscard]] Channel<T>::Next
    : public detail::ChannelCore::NextWait,
      public detail::ConvertsToCoro<typename Channel<T>::Next, std::optional<T>> {
 public:
  explicit Next(Channel& channel) noexcept : NextWait(channel.core_), channel_(&channel) {}
  std::optional<T> await_resume() {
    if (!finish()) return std::nullopt;
    try {
      return channel_->take();
    } catch (...) {
      pass_on();
      throw;
    }
  }

 private:
  Channel* channel_;
};

}  // namespace asyncio
