#include "inspect/awaited_by.hpp"

#include <asyncio/inspect.hpp>

#include <fmt/format.h>

namespace asyncio {
namespace detail {

AwaitedByEdge::AwaitedByEdge(FutureState& future, FutureState& waiter)
    : loop_(future.scheduler()), future_(*this, future), waiter_(*this, waiter) {
  loop_.ready.reserve(2);  // for the nodes
  next_ = loop_.awaited_by;
  if (next_ != nullptr) next_->previous_ = this;
  loop_.awaited_by = this;
  future.notify(future_);
  waiter.notify(waiter_);
}

void AwaitedByEdge::add(FutureState& future, FutureState& waiter) {
  future.check_thread("future_add_to_awaited_by()");
  if (&future.scheduler() != &waiter.scheduler()) {
    throw_invalid_argument(
        fmt::format("future_add_to_awaited_by(): the future belongs to loop \"{}\", who waits for "
                    "it to loop \"{}\"; both must be of the same loop",
                    future.scheduler().name, waiter.scheduler().name));
  }
  if (&future == &waiter || future.done() || waiter.done()) return;
  new AwaitedByEdge(future, waiter);  // the list's
}

void AwaitedByEdge::discard(const FutureState& future, const FutureState& waiter) noexcept {
  for (AwaitedByEdge* edge = future.scheduler().awaited_by; edge != nullptr; edge = edge->next_) {
    if (edge->future_.state != &future || edge->waiter_.state != &waiter) continue;
    edge->leave();
    delete edge;
    return;
  }
}

// Out of the list and of both futures; gives back the slots of the nodes that were in one.
void AwaitedByEdge::leave() noexcept {
  (previous_ == nullptr ? loop_.awaited_by : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  for (End* end : {&future_, &waiter_}) {
    if (!end->linked()) continue;
    end->unlink();
    loop_.ready.unreserve();
  }
}

// One of the two is done, or goes: then its node is in no list any more.
void AwaitedByEdge::ended(ReadyCall& self, ReadyAction action) {
  AwaitedByEdge& edge = static_cast<End&>(static_cast<WaitCall&>(self)).edge;
  if (action == ReadyAction::queued) {
    edge.leave();
    edge.queued_ = true;
    return;
  }
  if (!edge.queued_) edge.leave();
  edge.loop_.ready.unreserve();
  delete &edge;
}

}  // namespace detail

void future_add_to_awaited_by(const FutureBase& future, const FutureBase& waiter) {
  detail::FutureState* awaited = detail::FutureAccess::state_or_null(future);
  detail::FutureState* waiting = detail::FutureAccess::state_or_null(waiter);
  if (awaited != nullptr && waiting != nullptr) detail::AwaitedByEdge::add(*awaited, *waiting);
}

void future_discard_from_awaited_by(const FutureBase& future, const FutureBase& waiter) noexcept {
  const detail::FutureState* awaited = detail::FutureAccess::state_or_null(future);
  const detail::FutureState* waiting = detail::FutureAccess::state_or_null(waiter);
  if (awaited != nullptr && waiting != nullptr) detail::AwaitedByEdge::discard(*awaited, *waiting);
}

}  // namespace asyncio
