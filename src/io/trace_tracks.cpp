#include "io/trace_tracks.hpp"

#include "io/system_fork.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asyncio::detail {
namespace {

// A loop that does nothing for less is still busy: it only polls.
constexpr TraceFile::Time short_pause = 10'000;

}  // namespace

TraceFile::Track TraceTracks::track(std::uint32_t order) const noexcept {
  if (order == TraceRecord::nobody) return {loop_, TraceFile::loop_row};
  return {loop_, TraceFile::loop_row + 1 + order};
}

TraceTracks::Row& TraceTracks::row(std::uint32_t slot, std::uint32_t order) {
  if (slot >= rows_.size()) rows_.resize(std::max<std::size_t>(slot + 1, rows_.size() * 2));
  Row& found = rows_[slot];
  if (found.order != order) {
    found = Row();
    found.order = order;
  }
  return found;
}

std::size_t TraceTracks::drain(TraceRing& ring, const TickScale& scale) {
  constexpr std::size_t some = 4096;  // their room is free again before the rest is shown
  const std::size_t count = ring.available();
  for (std::size_t done = 0; done < count;) {
    std::size_t taken = 0;
    while (taken < std::min(some, count - done)) taken += take(ring, taken, scale);
    ring.release(taken);
    done += taken;
  }
  return count;
}

// Returns: how many places it had.
std::size_t TraceTracks::take(const TraceRing& ring, std::size_t index, const TickScale& scale) {
  const TraceRecord& record = ring.at(index);
  if (record.kind != TraceRecord::Kind::task && record.kind != TraceRecord::Kind::loop) {
    show(record, scale);
    return 1;
  }
  std::string name;
  std::size_t places = 1;
  for (; name.size() < record.size; ++places) {
    const auto* part = reinterpret_cast<const char*>(&ring.at(index + places));
    name.append(part, std::min(sizeof(TraceRecord), record.size - name.size()));
  }
  if (record.kind == TraceRecord::Kind::task) {
    new_task(record, name);
  } else {
    file_.name_loop(loop_, name,
                    fmt::format("pid {}, from {:.6f} s of CLOCK_MONOTONIC on", sys::process_id(),
                                static_cast<double>(scale.began()) / 1e9));
  }
  return places;
}

void TraceTracks::show(const TraceRecord& record, const TickScale& scale) {
  const TraceFile::Time begin = scale.nanoseconds(record.begin);
  const TraceFile::Time end = scale.nanoseconds(record.end);
  switch (record.kind) {
    case TraceRecord::Kind::step: step(record, begin, end); break;
    case TraceRecord::Kind::call:
      busy(begin, end);
      file_.slice(track(record.order), begin, end, names_.of_call(record.what));
      woken(record, begin);
      break;
    case TraceRecord::Kind::wake: woken(record, begin); break;
    case TraceRecord::Kind::cancelled: file_.mark(track(record.order), begin, "cancel()"); break;
    case TraceRecord::Kind::lost: gap(record.size, begin, end); break;
    default: break;
  }
}

void TraceTracks::step(const TraceRecord& record, TraceFile::Time begin, TraceFile::Time end) {
  Row& its = row(record.slot, record.order);
  const TraceFile::Track where = track(record.order);
  end_wait(its, begin);
  if ((record.flags & TraceRecord::seen) == 0) {
    ++steps_;
    if ((record.flags & TraceRecord::eager) == 0) busy(begin, end);
    const std::string& name =
        its.function != nullptr ? *its.function : names_.of_function(record.function);
    file_.slice(where, begin, end, name);
    if (std::exchange(its.woken, false)) {
      file_.arrow(++arrows_, track(its.waker), its.waker_began, where, begin);
    }
  }
  if ((record.flags & TraceRecord::done) != 0) {
    if ((record.flags & TraceRecord::failed) != 0) file_.mark(where, end, "failed");
    if ((record.flags & TraceRecord::was_cancelled) != 0) file_.mark(where, end, "cancelled");
    its = Row();
  } else {
    its.waits = true;
    its.since = end;
    const void* at = address_of(record.location);
    if (its.at != at || its.what != record.what || its.awaits == nullptr) {
      its.at = at;
      its.what = record.what;
      its.function = &names_.of_function(record.function);
      its.awaits = &names_.of_await(record.function, record.location, record.what);
    }
  }
  woken(record, begin);
}

void TraceTracks::end_wait(Row& its, TraceFile::Time at) {
  if (!std::exchange(its.waits, false)) return;
  if (std::exchange(its.shown, false)) {
    file_.end(track(its.order), at);
  } else if (at >= its.since) {
    file_.slice(track(its.order), its.since, at, *its.awaits);
  }
}

void TraceTracks::new_task(const TraceRecord& record, std::string_view name) {
  Row& its = row(record.slot, record.order);
  its.function = &names_.of_function(record.function);
  const std::string shown =
      name.empty() && record.end != 0 ? fmt::format("Task-{}", record.end) : std::string(name);
  file_.name_track(track(record.order), fmt::format("{} {}", shown, *its.function));
}

void TraceTracks::woken(const TraceRecord& record, TraceFile::Time at) {
  if (record.woken_slot == TraceRecord::nobody) return;
  Row& its = row(record.woken_slot, record.woken_order);
  its.woken = true;
  its.waker = record.order;
  its.waker_began = at;
}

// The loop's own row shows when it had something to do. As a pair of events, since what is inside
// comes before its end is known.
void TraceTracks::busy(TraceFile::Time begin, TraceFile::Time end) {
  if (busy_ && begin > idle_since_ + short_pause) {
    file_.end(track(TraceRecord::nobody), idle_since_);
    busy_ = false;
  }
  if (!busy_) file_.begin(track(TraceRecord::nobody), begin, "busy");
  busy_ = true;
  idle_since_ = end;
}

void TraceTracks::gap(std::uint32_t lost, TraceFile::Time begin, TraceFile::Time end) {
  lost_ += lost;
  busy(begin, end);
  file_.slice(track(TraceRecord::nobody), begin, end, fmt::format("{} records were lost", lost));
  // Nobody knows what these have done meanwhile.
  for (Row& its : rows_) {
    if (its.waits) end_wait(its, std::max(begin, its.since));
    its.woken = false;
  }
}

void TraceTracks::show_long_waits(TraceFile::Time then) {
  for (Row& its : rows_) {
    if (!its.waits || its.shown || its.since > then) continue;
    file_.begin(track(its.order), its.since, *its.awaits);
    its.shown = true;
  }
}

void TraceTracks::finish(TraceFile::Time at, std::uint32_t lost) {
  if (lost > 0) gap(lost, std::min(idle_since_, at), at);
  for (Row& its : rows_) {
    if (its.waits) end_wait(its, std::max(at, its.since));
  }
  if (std::exchange(busy_, false)) file_.end(track(TraceRecord::nobody), idle_since_);
}

}  // namespace asyncio::detail
