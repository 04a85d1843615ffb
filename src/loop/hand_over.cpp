#include "loop/hand_over.hpp"

#include "loop/loop_state.hpp"

#include <utility>

namespace asyncio::detail {

HandOver::HandOver(LoopState& loop) noexcept : loop_(loop) {
  InboxNode::deliver = &HandOver::deliver;
}

void HandOver::add(FutureState& state) noexcept {
  std::unique_lock lock(mutex_);
  state.next_handed_over_ = std::exchange(first_, &state);
  if (closed_) {
    drain(std::move(lock));
  } else if (!std::exchange(posted_, true)) {
    // Under the lock: once it is free, the state may be destroyed and the loop with it. If the
    // inbox is closed already, close() is on its way here.
    (void)loop_.post(*this);
  }
}

void HandOver::deliver(InboxNode& node, ReadyAction action) {
  auto& self = static_cast<HandOver&>(node);
  self.loop_.ready.unreserve();
  std::unique_lock lock(self.mutex_);
  self.posted_ = false;
  if (action == ReadyAction::run) self.drain(std::move(lock));
}

void HandOver::pin() noexcept {
  const std::lock_guard lock(mutex_);
  ++pins_;
}

void HandOver::unpin() noexcept {
  std::unique_lock lock(mutex_);
  --pins_;
  if (abandoned_) drain(std::move(lock));
}

void HandOver::close() noexcept {
  std::unique_lock lock(mutex_);
  closed_ = true;
  drain(std::move(lock));
}

void HandOver::abandon() noexcept {
  std::unique_lock lock(mutex_);
  abandoned_ = true;
  drain(std::move(lock));
}

// The lock comes along: once it is free, whoever drains next may delete the loop and this.
void HandOver::drain(std::unique_lock<std::mutex> lock) noexcept {
  while (!draining_) {  // by another thread, or by a caller of this one: then it does the rest
    if (first_ == nullptr) {
      const bool unused = abandoned_ && pins_ == 0 && loop_.live_states == 0;
      lock.unlock();
      if (unused) delete &loop_;
      return;
    }
    FutureState& state = *std::exchange(first_, first_->next_handed_over_);
    draining_ = true;
    lock.unlock();
    state.finish_hand_over();
    lock.lock();
    draining_ = false;
  }
}

}  // namespace asyncio::detail
