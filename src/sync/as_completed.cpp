#include <asyncio/as_completed.hpp>

#include "core/route_offset.hpp"
#include "sync/same_loop.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::detail {

struct CompletedCore::Item : Pooled, WaitCall {
  Item() noexcept : WaitCall(&CompletedCore::future_done) {}
  CompletedCore* core = nullptr;
  Claim future;
  Item* next = nullptr;
  Item* next_done = nullptr;
  bool registered = false;
  bool queued = false;  // then it holds the core
};

Hold<CompletedCore> CompletedCore::make() { return Hold<CompletedCore>(new CompletedCore); }

CompletedCore::~CompletedCore() {
  if (armed()) scheduler_->disarm(*this);
  while (Item* item = items_) {
    items_ = item->next;
    if (item->registered) {
      item->unlink();
      scheduler_->ready.unreserve();
    }
    delete item;
  }
}

void CompletedCore::add(FutureState& future) {
  check_same_loop("as_completed()", pending_ + 1, future, scheduler_);
  scheduler_ = &future.scheduler();
  auto* item = new Item;
  item->core = this;
  item->future = Claim(&future);
  (items_ == nullptr ? items_ : last_item_->next) = item;
  last_item_ = item;
  ++pending_;
}

std::size_t CompletedCore::begin(std::optional<Duration> timeout) {
  if (items_ == nullptr) return 0;
  scheduler_->ready.reserve(pending_);
  for (Item* i = items_; i != nullptr; i = i->next) {
    i->registered = true;
    i->future->notify(*i);
  }
  if (timeout) {
    const TimePoint deadline = TimePoint(Duration::nanoseconds(scheduler_->now())) + *timeout;
    scheduler_->arm(*this, deadline.since_epoch().nanoseconds());
    hold();  // the timer's: whoever waits for an element may hold nothing else
  }
  return pending_;
}

void CompletedCore::future_done(ReadyCall& call, ReadyAction action) {
  auto& item = static_cast<Item&>(static_cast<WaitCall&>(call));
  CompletedCore& core = *item.core;
  if (action == ReadyAction::queued) {
    item.queued = true;
    core.hold();
    return;
  }
  item.registered = false;
  core.scheduler_->ready.unreserve();
  if (action == ReadyAction::run && core.pending_ > 0) core.put(&item);
  if (std::exchange(item.queued, false)) core.unhold();
}

void CompletedCore::put(Item* item) noexcept {
  --pending_;
  (first_done_ == nullptr ? first_done_ : last_done_->next_done) = item;
  last_done_ = item;
  wake_next();
  if (pending_ == 0 && armed()) {
    scheduler_->disarm(*this);
    unhold();  // a queued item holds this, too
  }
}

void CompletedCore::time_out(ReadyCall& self, ReadyAction action) {
  auto& core = static_cast<CompletedCore&>(static_cast<Timer&>(self));
  core.scheduler_->ready.unreserve();
  if (action == ReadyAction::run) {
    core.expired_ = std::exchange(core.pending_, 0);
    for (std::size_t n = core.expired_; n > 0; --n) core.wake_next();
  }
  core.unhold();
}

void CompletedCore::wake_next() noexcept {
  if (WaitNode* node = waiters_.pop_front()) scheduler_->ready.push(node->entry());
}

void NextCompleted::await_suspend(std::coroutine_handle<>) {
  TaskState& task = *running_task();
  if (core_->scheduler_ != &task.scheduler()) {
    throw_runtime_error(fmt::format(
        "as_completed(): its futures belong to loop \"{}\", the awaiting task '{}' to loop "
        "\"{}\"; use run_coroutine_threadsafe() to reach another loop",
        core_->scheduler_->name, task.name(), task.scheduler().name));
  }
  node_.set(ReadyEntry(&task));
  core_->waiters_.push_back(node_);
  task.park(*this);
}
void NextCompleted::await_resume() {
  TaskState& task = *running_task();
  if (!task.has_delivery()) return;
  // Chosen and then cancelled: the next in line goes instead.
  if (!taken_out_ && !core_->empty()) core_->wake_next();
  task.throw_delivery_if_any();
}

constexpr WaitRoute NextCompleted::to_items{
    .kind = WaitRoute::Kind::list,
    .needs = WaitRoute::Needs::any,
    .place = ASYNCIO_FROM_WAITER(NextCompleted, core_),
    .waits = {.offset = ASYNCIO_FROM_WAITER(NextCompleted, node_), .size = 8, .other = true},
    .alarm = {.offset = offsetof(CompletedCore, slot),
              .size = sizeof(Timer::slot),
              .in_holder = true,
              .other = true,
              .value = Timer::none},
    .first = offsetof(CompletedCore, items_),
    .next = offsetof(CompletedCore::Item, next),
    .future = offsetof(CompletedCore::Item, future)};

const Waiter::Ops NextCompleted::ops{
    .cancel = [](Waiter& self, TaskState& task) noexcept -> bool {
      auto& wait = static_cast<NextCompleted&>(self);
      if (!wait.node_.linked()) return false;
      wait.node_.unlink();
      wait.taken_out_ = true;
      task.schedule();
      return true;
    },
    .future = nullptr,
    .abandon = nullptr,
    .what = "as_completed()",
    .route = &to_items,
};

Hold<FutureState> CompletedCore::take() {
  if (Item* item = first_done_) {
    first_done_ = item->next_done;
    return Hold<FutureState>(item->future.get());
  }
  --expired_;
  throw TimeoutError("as_completed(): timed out");
}

void throw_element_awaited() {
  throw_runtime_error(
      "as_completed(): this element was awaited already; each gives one result, go on to the next");
}
void throw_completed_moved() {
  throw_runtime_error("as_completed(): next() on one that was moved from; use the new one");
}

}  // namespace asyncio::detail
