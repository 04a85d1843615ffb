#include <asyncio/shield.hpp>

#include "sync/same_loop.hpp"

#include <utility>

namespace asyncio::detail {

ShieldLink::ShieldLink(CompositeState& outer, FutureState& inner,
                       void (*copy_value)(FutureState&, FutureState&))
    : WaitCall(&ShieldLink::inner_done), outer_(outer), inner_(&inner), copy_value_(copy_value) {
  outer.set_parts({.first = &inner_, .count = 1, .step = sizeof inner_, .future = 0});
}

ShieldLink::~ShieldLink() {
  if (!registered_) return;
  unlink();
  outer_.scheduler().ready.unreserve();
}

void ShieldLink::check(const FutureState& inner) { check_same_loop("shield()", 1, inner, nullptr); }

void ShieldLink::begin() {
  outer_.scheduler().ready.reserve();
  registered_ = true;
  if (inner_->kind() == FutureState::Kind::task) {
    outer_.hold();  // the loop will end that task
    holds_outer_ = true;
  }
  inner_->notify(*this);
}

void ShieldLink::inner_done(ReadyCall& self, ReadyAction action) {
  auto& link = static_cast<ShieldLink&>(static_cast<WaitCall&>(self));
  FutureState& outer = link.outer_;
  if (action == ReadyAction::queued) {
    if (!std::exchange(link.holds_outer_, true)) outer.hold();
    return;
  }
  link.registered_ = false;
  outer.scheduler().ready.unreserve();
  const bool held = std::exchange(link.holds_outer_, false);
  if (action == ReadyAction::run && !outer.done()) {
    FutureState& inner = *link.inner_;
    if (inner.cancelled()) {
      outer.cancel({});
    } else if (inner.failed()) {
      outer.fail(inner.take_failure());
    } else {
      try {
        link.copy_value_(outer, inner);
        outer.finish_with_value();
      } catch (...) {
        outer.fail(current_failure());
      }
    }
  }
  link.inner_ = Claim();
  if (held) outer.unhold();
}

}  // namespace asyncio::detail
