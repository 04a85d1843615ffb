#include "io/trace_session.hpp"

#include "base/log.hpp"
#include "io/blocked_signals.hpp"

#include <fmt/format.h>

#include <bit>
#include <chrono>

namespace asyncio::detail {

constinit std::mutex TraceSession::mutex;

TraceSession::TraceSession(std::string_view path, const trace::Options& options)
    : file_(path, options.limit), slots_(std::bit_ceil(std::max(options.buffer, 16U))) {}

void TraceSession::run() {
  const BlockedSignals blocked;  // they are for other threads
  thread_ = std::thread([this] { write(); });
}

std::shared_ptr<TracedLoop> TraceSession::add(LoopState& loop) {
  auto traced = std::make_shared<TracedLoop>(loop, *this, slots_, shared_from_this());
  loops_.push_back(traced);
  return traced;
}

void TraceSession::leave() noexcept {
  __atomic_store_n(&open_, false, __ATOMIC_RELEASE);
  for (const auto& traced : loops_) traced->tap.close();
  file_.leave();
}

trace::Summary TraceSession::finish() {
  {
    const std::lock_guard lock(pause_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  trace::Summary summary;
  summary.bytes = file_.size();
  for (const auto& tracks : tracks_) {
    summary.steps += tracks->steps();
    summary.lost += tracks->lost();
  }
  return summary;
}

void TraceSession::write() noexcept {
  try {
    bool ending = false;
    while (!ending) {
      {
        const std::lock_guard lock(pause_);
        ending = ending_;
      }
      const bool some = write_what_is_there();
      if (!file_.open() || file_.full()) break;
      if (!ending) wait(!some);
    }
    write_the_end();
  } catch (const std::bad_alloc&) {
    log(LogLevel::warning, "trace: recording has ended: there is no memory");
  }
  __atomic_store_n(&open_, false, __ATOMIC_RELEASE);
  const std::lock_guard lock(mutex);
  for (const auto& traced : loops_) traced->tap.close();
}

// Not as soon as something is there: each look at the rings takes cache lines from the loops.
void TraceSession::wait(bool idle) {
  using std::chrono::milliseconds;
  std::unique_lock lock(pause_);
  if (!ending_) wake_.wait_for(lock, idle ? milliseconds(50) : milliseconds(5));
}

bool TraceSession::write_what_is_there() {
  constexpr TraceFile::Time second = 1'000'000'000;
  std::vector<std::shared_ptr<TracedLoop>> loops;
  {
    const std::lock_guard lock(mutex);
    loops = loops_;
  }
  if (loops.empty()) return false;
  scale_.settle();
  const TraceFile::Time now = scale_.nanoseconds(ticks());
  std::size_t count = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    TraceTap& tap = loops[i]->tap;
    if (i == tracks_.size()) {
      tracks_.push_back(std::make_unique<TraceTracks>(tap.number(), file_, names_, arrows_));
    }
    count += tracks_[i]->drain(tap.records(), scale_);
  }
  if (now > looked_ + second) {
    for (const auto& tracks : tracks_) tracks->show_long_waits(looked_);
    looked_ = now;
  }
  if (count == 0) file_.flush();
  return count > 0;
}

void TraceSession::write_the_end() {
  std::vector<std::shared_ptr<TracedLoop>> taps;
  {
    const std::lock_guard lock(mutex);
    taps = loops_;
  }
  scale_.settle();
  const TraceFile::Time now = scale_.nanoseconds(ticks());
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    if (file_.open() && !file_.full()) tracks_[i]->finish(now, taps[i]->tap.lost());
    lost += tracks_[i]->lost();
  }
  file_.flush();
  const TraceFile::Track first{tracks_.empty() ? 1 : tracks_[0]->loop(), TraceFile::loop_row};
  if (file_.full()) {
    const std::string why = fmt::format("the limit of {} bytes has come", file_.limit());
    log(LogLevel::warning, fmt::format("trace: recording to {} has ended: {}", file_.path(), why));
    file_.close(first, now, why);
  } else {
    file_.close(first, now, "recording ends");
  }
  if (lost > 0) {
    log(LogLevel::warning,
        fmt::format("trace: {} records were lost in {}, since it could not be written as fast; a "
                    "larger buffer helps, or fewer processes at work",
                    lost, file_.path()));
  }
}

}  // namespace asyncio::detail
