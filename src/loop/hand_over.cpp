#include "loop/hand_over.hpp"

#include "loop/loop_state.hpp"

#include <utility>

namespace asyncio::detail {

HandOver::HandOver(LoopState& loop) noexcept : loop_(loop) {
  InboxNode::deliver = &HandOver::deliver;
}

void HandOver::add(FutureState& state) noexcept {
  {
    const std::lock_guard lock(mutex_);
    state.next_handed_over_ = std::exchange(first_, &state);
    if (!closed_) {
      // Under the lock: once it is free, the state may be destroyed and the loop with it. If the
      // inbox is closed already, close() is on its way here.
      if (!std::exchange(posted_, true)) (void)loop_.post(*this);
      return;
    }
  }
  drain();
}

void HandOver::deliver(InboxNode& node, ReadyAction action) {
  auto& self = static_cast<HandOver&>(node);
  self.loop_.ready.unreserve();
  {
    const std::lock_guard lock(self.mutex_);
    self.posted_ = false;
  }
  if (action == ReadyAction::run) self.drain();
}

void HandOver::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  drain();
}

void HandOver::abandon() noexcept {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  drain();
}

void HandOver::drain() noexcept {
  for (;;) {
    FutureState* state = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (draining_) return;  // by another thread, or by a caller of this one
      if (first_ == nullptr) {
        if (!abandoned_ || loop_.live_states != 0) return;
        draining_ = true;  // nobody refers to the loop any more but this thread
      } else {
        draining_ = true;
        state = first_;
        first_ = state->next_handed_over_;
      }
    }
    if (state == nullptr) {
      delete &loop_;
      return;
    }
    state->finish_hand_over();
    const std::lock_guard lock(mutex_);
    draining_ = false;
  }
}

}  // namespace asyncio::detail
