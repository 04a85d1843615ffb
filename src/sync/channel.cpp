#include <asyncio/channel.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

const Waiter::Ops ChannelCore::SendWait::ops = ops_of("Channel.send()");

const Waiter::Ops ChannelCore::NextWait::ops = ops_of("Channel.next()");

// What it was promised becomes anybody's for the moment: the task takes it in the same step.
void ChannelCore::SendWait::end() {
  if (bereft()) throw_bereft();
  leave();
  if (chosen() && core_->promised_room_ > 0) --core_->promised_room_;
  if (!running_task()->has_delivery()) return;
  core_->promise_room();
  running_task()->throw_delivery_if_any();
}

void ChannelCore::SendWait::give_back() noexcept {
  if (core_->promised_room_ > 0) --core_->promised_room_;
  core_->promise_room();
}

void ChannelCore::NextWait::give_back() noexcept {
  if (core_->promised_items_ > 0) --core_->promised_items_;
  core_->promise_items();
}

void ChannelCore::NextWait::end() {
  if (bereft()) throw_bereft();
  leave();
  if (chosen() && core_->promised_items_ > 0) --core_->promised_items_;
  if (!running_task()->has_delivery()) return;
  core_->promise_items();
  running_task()->throw_delivery_if_any();
}

ChannelCore::ChannelCore(std::size_t capacity) : capacity_(capacity) {
  if (capacity > 0) return;
  throw_invalid_argument(
      "Channel(): the capacity must be > 0: it is the number of items that may "
      "wait to be taken");
}

// Those who are woken without having been promised anything find the channel closed.
void ChannelCore::close() noexcept {
  closed_ = true;
  promised_room_ = 0;
  senders_.wake_all();
  takers_.wake_all();
}

void ChannelCore::bind(const char* what) {
  senders_.bind(running_task()->scheduler(), what);
  takers_.bind(running_task()->scheduler(), what);
}

void ChannelCore::throw_closed(const char* what) {
  throw QueueShutDown(fmt::format("{}: the channel is closed", what));
}

std::string ChannelCore::repr() const {
  std::string text = fmt::format("<Channel {}/{}", size_, capacity_);
  if (senders_.size() > 0) text += fmt::format(" senders:{}", senders_.size());
  if (takers_.size() > 0) text += fmt::format(" takers:{}", takers_.size());
  return text + (closed_ ? " closed>" : ">");
}

}  // namespace asyncio::detail
