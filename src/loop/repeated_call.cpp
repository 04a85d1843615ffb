#include "loop/repeated_call.hpp"

#include <utility>

namespace asyncio::detail {

RepeatedCall::RepeatedCall(Scheduler& scheduler, Ref<HandleState> handle)
    : ReadyCall{&RepeatedCall::run}, scheduler_(scheduler), handle_(std::move(handle)) {
  scheduler_.ready.reserve();
}

RepeatedCall::~RepeatedCall() { scheduler_.ready.unreserve(); }

HandleState* RepeatedCall::handle_of(const ReadyEntry& entry) noexcept {
  return entry.calls(&RepeatedCall::run) ? static_cast<RepeatedCall&>(entry.call()).handle_.get()
                                         : nullptr;
}

void RepeatedCall::push() noexcept {
  if (std::exchange(queued_, true)) return;
  scheduler_.ready.push(*this);
}

void RepeatedCall::run(ReadyCall& call, ReadyAction action) {
  auto* self = static_cast<RepeatedCall*>(&call);
  self->queued_ = false;
  if (self->ended_) {
    delete self;
    return;
  }
  const Ref<HandleState> handle = self->handle_;  // the callback may end or replace it
  if (action == ReadyAction::run && !handle->cancelled()) handle->invoke();
}

void RepeatedCall::replace(Ref<HandleState> handle) noexcept {
  const Ref<HandleState> old = std::exchange(handle_, std::move(handle));
  old->cancel();
}

void RepeatedCall::end() noexcept {
  const Ref<HandleState> handle = handle_;
  ended_ = true;
  if (!queued_) delete this;  // else run() does it
  handle->cancel();           // last: what the callback holds may do anything as it goes
}

}  // namespace asyncio::detail
