#include <asyncio/gather.hpp>

#include "base/log.hpp"
#include "base/traceback.hpp"
#include "sync/same_loop.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <unordered_map>

#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace asyncio::detail {

Failure gathered_failure(FutureState& child) {
  if (!child.cancelled()) return child.take_failure();
  Failure failure = child.new_cancelled_error();
  failure.traceback = child.failure().traceback;
  return failure;
}

GatherCore::~GatherCore() {
  for (Child& c : children_) {
    if (c.claimed) c.state->unclaim();
    if (!c.registered) continue;
    // Gone while a child is pending: only with futures that nobody will ever complete.
    c.unlink();
    outer_->scheduler().ready.unreserve();
  }
}

Scheduler& GatherCore::scheduler() const {
  return children_.empty() ? running_scheduler("gather()") : children_.front().state->scheduler();
}

void GatherCore::add(FutureState& child, bool given) {
  check_same_loop("gather()", children_.size() + 1, child,
                  children_.empty() ? nullptr : &scheduler());
  children_.emplace_back(child);
  children_.back().repeats = given;  // until begin() knows better
}

void GatherCore::begin(CompositeState& outer, void (*collect)(CompositeState&), OnError on_error) {
  outer_ = &outer;
  collect_ = collect;
  on_error_ = on_error;
  outer.set_parts({.first = children_.data(),
                   .count = children_.size(),
                   .step = sizeof(Child),
                   .future = offsetof(Child, state)});

  std::unordered_map<FutureState*, Child*> latest;
  for (Child& c : children_) {
    if (!std::exchange(c.repeats, false)) continue;
    auto [at, first] = latest.try_emplace(c.state.get(), &c);
    if (first) continue;
    c.repeats = true;
    std::exchange(at->second, &c)->comes_again = true;
  }

  for (Child& c : children_) {
    if (c.repeats) continue;
    ++distinct_;
    c.state->claim();
    c.claimed = true;
  }
  if (distinct_ == 0) {
    collect_(outer);
    return;
  }
  Scheduler& loop = outer.scheduler();
  for (Child& c : children_) {
    if (c.repeats || c.state->done()) continue;
    loop.ready.reserve();
    c.registered = true;
    c.core = this;
    if (c.state->kind() == FutureState::Kind::task) {
      // The loop will end that task: so this lives on without a handle, as in CPython.
      outer.hold();
      c.holds_outer = true;
    }
    c.state->notify(c);
  }
  for (Child& c : children_) {
    if (!c.repeats && !c.registered) handle(c);
  }
}

void GatherCore::child_done(ReadyCall& call, ReadyAction action) {
  auto& child = static_cast<Child&>(static_cast<WaitCall&>(call));
  CompositeState& outer = *child.core->outer_;
  if (action == ReadyAction::queued) {
    if (!std::exchange(child.holds_outer, true)) outer.hold();
    return;
  }
  child.registered = false;
  outer.scheduler().ready.unreserve();
  const bool held = std::exchange(child.holds_outer, false);
  if (action == ReadyAction::run) child.core->handle(child);
  if (held) outer.unhold();
}

// As in CPython such an error counts as seen. There it is lost; here it is told.
void GatherCore::tell_lost(FutureState& state, const char* why) noexcept {
  if (!state.failed()) return;
  state.mark_retrieved();
  if (is_cancelled_error(state.error())) return;  // a gather's own: no error
  count_report(&ReportCounts::lost_errors);
  try {
    log(LogLevel::warning, fmt::format("gather(): error of {} {}\n{}", state.repr(), why,
                                       format_failure(state.failure())));
  } catch (...) {
    log(LogLevel::warning, "gather(): an error is lost, and there is no memory to say which");
  }
}

void GatherCore::handle(Child& child) {
  FutureState& state = *child.state;
  ++finished_;
  if (outer_->done()) {
    tell_lost(state, "came after the gather had ended");
    return;
  }
  if (!state.has_value()) {
    if (on_error_ == OnError::fail) {
      finish_with(state.take_failure());
      return;
    }
    // Whoever has cancelled the gather has cancelled them all.
    if (on_error_ == OnError::cancel_siblings && !outer_->cancel_requested()) {
      if (first_failure_) {
        tell_lost(state, "came after the one that the gather ends with");
      } else {
        cancel_siblings(state.take_failure());
      }
    }
  }
  if (finished_ < distinct_) return;
  if (first_failure_) {
    finish_with(std::move(first_failure_));
    return;
  }
  if (outer_->cancel_requested()) {
    for (Child& c : children_) tell_lost(*c.state, "is hidden by the cancellation of the gather");
    FutureState& last = *children_.back().state;  // CPython takes it from there, too
    finish_with(last.cancelled() ? last.make_cancelled_error() : last.new_cancelled_error());
    return;
  }
  try {
    collect_(*outer_);
  } catch (...) {
    finish_with(current_failure());
  }
}

void GatherCore::cancel_siblings(Failure failure) {
  first_failure_ = std::move(failure);
  for (Child& c : children_) {
    if (!c.repeats && !c.state->done()) c.state->cancel({});
  }
}

void GatherCore::finish_with(Failure failure) { outer_->fail(std::move(failure)); }

}  // namespace asyncio::detail
