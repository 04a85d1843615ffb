#include <asyncio/trace.hpp>

#include "base/log.hpp"
#include "io/fork_safe_mutex.hpp"
#include "io/system_fork.hpp"
#include "io/trace_session.hpp"
#include "loop/loop_life.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

namespace asyncio {
namespace detail {
namespace {

// All under TraceSession::mutex. Never destroyed: loops may end after static objects do.
struct Recording {
  std::vector<LoopState*> loops;                  // of the process
  std::vector<std::shared_ptr<TracedLoop>> taps;  // posted or attached, also of ended sessions
  std::shared_ptr<TraceSession> session;          // null: none
};

Recording& recording();

void leave_recording_in_child() noexcept {
  auto& session = recording().session;
  if (session == nullptr) return;
  session->leave();
  // Never destroyed: its std::thread has no thread here.
  alignas(std::shared_ptr<TraceSession>) static std::byte left[sizeof session];
  ::new (static_cast<void*>(left)) std::shared_ptr<TraceSession>(std::move(session));
}

Recording& recording() {
  static Recording* const made = [] {
    hold_over_forks<TraceSession::mutex>();
    // Behind the one above, so that the mutex is free again.
    ::pthread_atfork(nullptr, nullptr, &leave_recording_in_child);
    return new Recording;
  }();
  return *made;
}

// The mutex is locked; on the loop's thread.
void attach(TraceTap& tap) noexcept {
  try {
    tap.attach();
  } catch (const std::bad_alloc&) {
    tap.close();
    log(LogLevel::warning, "trace: there is no memory to record a loop");
  }
}

void let_go(TracedLoop& traced) noexcept {
  if (traced.tap.attached()) traced.tap.detach();
  if (traced.posted) return;
  std::erase_if(recording().taps, [&](const auto& tap) { return tap.get() == &traced; });
}

void deliver(InboxNode& node, ReadyAction action) {
  auto& traced = static_cast<TracedLoop&>(node);
  traced.tap.loop().ready.unreserve();
  const std::lock_guard lock(TraceSession::mutex);
  traced.posted = false;
  if (action != ReadyAction::run || !traced.tap.open()) {
    let_go(traced);
  } else if (!traced.tap.attached()) {
    attach(traced.tap);
  }
}

// To its loop's thread, which attaches it, or takes it away if it is closed. The mutex is locked.
void send(const std::shared_ptr<TracedLoop>& traced) {
  LoopState& loop = traced->tap.loop();
  if (traced->posted) return;  // it looks when it arrives
  if (!traced->tap.attached()) recording().taps.push_back(traced);
  traced->deliver = &deliver;
  traced->posted = loop.post(*traced);
  if (!traced->posted) let_go(*traced);  // it is closed, or it is the parent's
}

std::string with_pid(std::string_view path) {
  std::string text(path);
  if (const auto at = text.find("%p"); at != std::string::npos) {
    text.replace(at, 2, std::to_string(sys::process_id()));
  }
  return text;
}

void stop_at_exit() { (void)trace::stop(); }

void start_by_environment() noexcept {
  const char* path = std::getenv("ASYNCIO_TRACE");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr || *path == '\0') return;
  try {
    trace::start({.path = path});
  } catch (const std::exception& error) {
    log(LogLevel::warning, fmt::format("ASYNCIO_TRACE: nothing is recorded: {}", error.what()));
  }
}

}  // namespace

void trace_loop_made(LoopState& loop) noexcept {
  [[maybe_unused]] static const bool once = (start_by_environment(), true);
  const std::lock_guard lock(TraceSession::mutex);
  try {
    Recording& all = recording();
    all.loops.push_back(&loop);
    if (all.session == nullptr || !all.session->open()) return;
    all.taps.push_back(all.session->add(loop));
    attach(all.taps.back()->tap);
  } catch (const std::bad_alloc&) {
    log(LogLevel::warning, "trace: there is no memory to record a loop");
  }
}

void trace_loop_closed(LoopState& loop) noexcept {
  const std::lock_guard lock(TraceSession::mutex);
  Recording& all = recording();
  std::erase(all.loops, &loop);
  std::erase_if(all.taps, [&](const auto& traced) {
    if (&traced->tap.loop() != &loop) return false;
    if (traced->tap.attached()) traced->tap.detach();
    return true;
  });
}

}  // namespace detail

namespace trace {

using detail::recording;
using detail::TraceSession;

void start(const Options& options) {
  constexpr std::uint64_t least = 4096;
  if (options.path.empty() || options.limit < least) {
    detail::throw_invalid_argument(
        fmt::format("trace::start(): path=\"{}\", limit={}: a path is needed, and a limit of at "
                    "least {} bytes",
                    options.path, options.limit, least));
  }
  if (!is_recording()) (void)stop();  // one that has ended by itself
  [[maybe_unused]] static const int registered = std::atexit(&detail::stop_at_exit);
  const std::lock_guard lock(TraceSession::mutex);
  auto& all = recording();
  if (all.session != nullptr) {
    detail::throw_runtime_error(fmt::format(
        "trace::start(): {} is being recorded already; stop() it first", all.session->path()));
  }
  auto session = std::make_shared<TraceSession>(detail::with_pid(options.path), options);
  session->run();
  all.session = session;
  for (detail::LoopState* loop : all.loops) detail::send(session->add(*loop));
}

Summary stop() {
  std::shared_ptr<TraceSession> session;
  {
    const std::lock_guard lock(TraceSession::mutex);
    session = std::move(recording().session);
    if (session == nullptr) return {};
    for (const auto& traced : session->loops()) {
      traced->tap.close();
      // What has gone already, or was never reached, needs no telling.
      if (traced->tap.attached()) detail::send(traced);
    }
  }
  const Summary summary = session->finish();
  const std::lock_guard lock(TraceSession::mutex);
  session->forget_loops();
  return summary;
}

bool is_recording() noexcept {
  const std::lock_guard lock(TraceSession::mutex);
  const auto& session = recording().session;
  return session != nullptr && session->open();
}

}  // namespace trace
}  // namespace asyncio
