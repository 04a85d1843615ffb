#include <asyncio/channel.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

const Waiter::Ops ChannelCore::SendWait::ops = ops_of("Channel.send()");

const Waiter::Ops ChannelCore::NextWait::ops = ops_of("Channel.next()");

void ChannelCore::Wait::begin() {
  Scheduler& scheduler = running_task()->scheduler();
  (takes_ ? core_->senders_ : core_->takers_).line.bind(scheduler, ops().what);
  side().line.join(*this);
}

// What it was promised becomes anybody's for the moment: the task takes it in the same step.
void ChannelCore::Wait::end() {
  if (bereft()) throw_bereft();
  leave();
  if (chosen()) side().give_up();
  if (!running_task()->has_delivery()) return;
  pass_on();
  running_task()->throw_delivery_if_any();
}

void ChannelCore::Wait::give_back() noexcept {
  side().give_up();
  pass_on();
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
  senders_.promised = 0;
  senders_.line.wake_all();
  takers_.line.wake_all();
}

void ChannelCore::throw_closed(const char* what) {
  throw QueueShutDown(fmt::format("{}: the channel is closed", what));
}

std::string ChannelCore::repr() const {
  std::string text = fmt::format("<Channel {}/{}", size_, capacity_);
  if (senders_.line.size() > 0) text += fmt::format(" senders:{}", senders_.line.size());
  if (takers_.line.size() > 0) text += fmt::format(" takers:{}", takers_.line.size());
  return text + (closed_ ? " closed>" : ">");
}

}  // namespace asyncio::detail
