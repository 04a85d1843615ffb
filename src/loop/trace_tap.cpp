#include "loop/trace_tap.hpp"

#include <asyncio/detail/handle_state.hpp>
#include <asyncio/detail/promise.hpp>

#include "base/ticks.hpp"
#include "core/repr.hpp"
#include "loop/repeated_call.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace asyncio::detail {
namespace {

constexpr std::size_t longest_name = 256;

const char* type_of_call(const ReadyEntry& entry) noexcept {
  if (const HandleState* handle = HandleState::of(entry)) return handle->type();
  if (const HandleState* repeated = RepeatedCall::handle_of(entry)) return repeated->type();
  return CallbackNode::function_of(entry);
}

}  // namespace

void TraceTap::attach() {
  constexpr std::size_t some = 16;
  eager_.reserve(some);
  loop_.add_watch(*this);
  attached_ = true;
  ready_before_ = loop_.ready.size();
  for (const TaskState* task : loop_.registry.all()) {
    record_task(*task);
    if (running_task() == task || !make_room(1)) continue;
    const std::uint64_t now = ticks();
    record_step(turn_of(*task, now), *task, now, TraceRecord::seen);
  }
}

void TraceTap::detach() noexcept {
  loop_.remove_watch(*this);
  attached_ = false;
}

// Also says, as soon as there is room again, what was lost before.
bool TraceTap::make_room(std::size_t count) noexcept {
  const bool room = ring_.has_room(count + (lost_ > 0 ? 1 : 0));
  if (ring_.half_full()) [[unlikely]]
    reader_.hurry();
  if (!room) [[unlikely]] {
    if (lost_ == 0) lost_since_ = ticks();
    __atomic_store_n(&lost_, lost_ + 1, __ATOMIC_RELAXED);
    return false;
  }
  if (lost_ > 0) [[unlikely]] {
    TraceRecord& gap = ring_.next();
    gap.kind = TraceRecord::Kind::lost;
    gap.begin = lost_since_;
    gap.end = std::max(lost_since_, turn_.begin);  // this turn is shown
    gap.size = lost_;
    __atomic_store_n(&lost_, 0, __ATOMIC_RELAXED);
    ring_.publish();
  }
  return true;
}

void TraceTap::begins(const ReadyEntry& entry, std::int64_t) noexcept {
  if (!open()) return;
  if (!named_) [[unlikely]]
    record_loop();
  in_turn_ = true;
  ready_before_ = loop_.ready.size();
  if (const TaskState* task = entry.task()) [[likely]] {
    turn_ = turn_of(*task, 0);
  } else {
    turn_ = Turn();
    turn_.what = type_of_call(entry);
  }
  turn_.begin = ticks();
}

void TraceTap::ended(TaskState* task, std::int64_t) noexcept {
  const std::uint64_t end = ticks();
  if (!in_turn_ || !open()) return;
  in_turn_ = false;
  if (!make_room(1)) [[unlikely]]
    return;
  if (task != nullptr) [[likely]] {
    record_step(turn_, *task, end, 0);
  } else {
    record_call(turn_, end);
  }
}

void TraceTap::record_step(const Turn& turn, const TaskState& task, std::uint64_t end,
                           std::uint8_t flags) noexcept {
  TraceRecord& record = ring_.next();
  record.kind = TraceRecord::Kind::step;
  record.begin = turn.begin;
  record.end = end;
  record.slot = turn.slot;
  record.order = turn.order;
  record.flags = flags;
  const PromiseBase* top = task.top();
  if (top != nullptr) [[likely]] {
    record.function = top->function;
    record.location = top->location;
    record.what = task.waiting() != nullptr ? task.waiting()->ops().what : nullptr;
  } else {
    record.flags |= TraceRecord::done;
    if (task.failed()) record.flags |= TraceRecord::failed;
    if (task.cancelled()) record.flags |= TraceRecord::was_cancelled;
    record.function = task.done() ? task.defined_at() : std::source_location();
  }
  record_wakes(turn, record);
}

void TraceTap::record_call(const Turn& turn, std::uint64_t end) noexcept {
  TraceRecord& record = ring_.next();
  record.kind = TraceRecord::Kind::call;
  record.begin = turn.begin;
  record.end = end;
  record.slot = record.order = TraceRecord::nobody;
  record.what = turn.what;
  record_wakes(turn, record);
}

// Publishes `last`, and behind it whom this turn has woken.
void TraceTap::record_wakes(const Turn& turn, TraceRecord& last) noexcept {
  last.woken_slot = TraceRecord::nobody;
  const std::size_t ready = loop_.ready.size();
  TraceRecord* open = &last;
  const auto publish = [&] {
    ring_.publish();
    open = nullptr;
  };
  for (std::size_t i = ready_before_; i < ready; ++i) {
    const TaskState* woken = loop_.ready.at(i).task();
    if (woken == nullptr || (woken->slot() == turn.slot && woken->order() == turn.order)) continue;
    if (open == nullptr) {
      if (!make_room(1)) break;
      open = &ring_.next();
      open->kind = TraceRecord::Kind::wake;
      open->begin = turn.begin;
      open->slot = turn.slot;
      open->order = turn.order;
    }
    open->woken_slot = woken->slot();
    open->woken_order = woken->order();
    publish();
  }
  if (open != nullptr) publish();
  // What follows in the same turn wakes others. (What an eager task's outer turn has woken before
  // it counts as woken by the eager one.)
  ready_before_ = ready;
}

void TraceTap::happened(TaskState& task, TaskEvent event) noexcept {
  if (!open()) return;
  switch (event) {
    case TaskEvent::created: record_task(task); break;
    case TaskEvent::enters_eagerly:
      if (eager_.size() < eager_.capacity()) eager_.push_back(turn_of(task, ticks()));
      break;
    case TaskEvent::left_eagerly:
      if (eager_.empty() || eager_.back().order != task.order()) break;
      if (make_room(1)) record_step(eager_.back(), task, ticks(), TraceRecord::eager);
      eager_.pop_back();
      break;
    case TaskEvent::cancel_asked:
      if (!make_room(1)) break;
      ring_.next().kind = TraceRecord::Kind::cancelled;
      ring_.next().begin = ticks();
      ring_.next().slot = task.slot();
      ring_.next().order = task.order();
      ring_.publish();
      break;
    case TaskEvent::torn_down:
      if (!make_room(1)) break;
      ready_before_ = loop_.ready.size();
      record_step(turn_of(task, ticks()), task, ticks(),
                  TraceRecord::seen | TraceRecord::done | TraceRecord::was_cancelled);
      break;
  }
}

// Not when it is attached: a loop has its name only after it was made.
void TraceTap::record_loop() noexcept {
  TraceRecord head{};
  head.kind = TraceRecord::Kind::loop;
  record_name(head, loop_.name);
  named_ = true;
}

void TraceTap::record_task(const TaskState& task) noexcept {
  TraceRecord head{};
  head.kind = TraceRecord::Kind::task;
  head.begin = ticks();
  head.end = task.number();
  head.slot = task.slot();
  head.order = task.order();
  if (const PromiseBase* root = root_of(task)) head.function = root->function;
  const TaskExtra* extra = task.extra_or_null();
  record_name(head, task.number() == 0 && extra != nullptr ? extra->name : std::string_view());
}

void TraceTap::record_name(const TraceRecord& head, std::string_view name) noexcept {
  name = name.substr(0, longest_name);
  const std::size_t more = (name.size() + sizeof(TraceRecord) - 1) / sizeof(TraceRecord);
  if (!make_room(1 + more)) return;
  ring_.next() = head;
  ring_.next().size = static_cast<std::uint32_t>(name.size());
  for (std::size_t i = 0; i < more; ++i) {
    const std::string_view part = name.substr(i * sizeof(TraceRecord), sizeof(TraceRecord));
    std::memcpy(static_cast<void*>(&ring_.next(1 + i)), part.data(), part.size());
  }
  ring_.publish(1 + more);
}

}  // namespace asyncio::detail
