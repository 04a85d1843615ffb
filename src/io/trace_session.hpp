#pragma once

#include <asyncio/trace.hpp>

#include "base/ticks.hpp"
#include "io/trace_file.hpp"
#include "io/trace_tracks.hpp"
#include "loop/trace_tap.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace asyncio::detail {

class TraceSession;

/// A tap, and the way to and from the thread of its loop. It stays until the loop has let go of it
/// and the session has ended.
class TracedLoop final : public InboxNode {
 public:
  TracedLoop(LoopState& loop, TraceTap::Reader& reader, std::size_t slots,
             std::shared_ptr<TraceSession> session)
      : tap(loop, reader, slots), session_(std::move(session)) {}

  TraceTap tap;
  bool posted = false;  ///< it is in the loop's inbox

 private:
  std::shared_ptr<TraceSession> session_;  // which the tap tells to hurry
};

/// A recording: a file, the taps of the loops, and the thread that makes one of the other.
class TraceSession final : public std::enable_shared_from_this<TraceSession>,
                           public TraceTap::Reader {
 public:
  /// Throws: as trace::start().
  TraceSession(std::string_view path, const trace::Options& options);
  TraceSession(const TraceSession&) = delete;
  TraceSession& operator=(const TraceSession&) = delete;

  /// Throws: std::system_error.
  void run();
  /// Throws: std::bad_alloc.
  std::shared_ptr<TracedLoop> add(LoopState& loop);
  /// No tap records any more, and the thread ends when it has written what is there.
  trace::Summary finish();
  /// They hold this. The mutex is locked.
  void forget_loops() noexcept { loops_.clear(); }
  [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
  void hurry() noexcept override { wake_.notify_one(); }
  [[nodiscard]] bool open() const noexcept { return __atomic_load_n(&open_, __ATOMIC_ACQUIRE); }
  [[nodiscard]] const std::vector<std::shared_ptr<TracedLoop>>& loops() const noexcept {
    return loops_;
  }
  /// In a forked child, which has neither the thread nor any use for the rest: it is never
  /// destroyed there.
  void leave() noexcept;

  /// Of loops(), and of what is posted. Locked while the process forks.
  static std::mutex mutex;

 private:
  void write() noexcept;
  bool write_what_is_there();
  void write_the_end();
  void wait(bool idle);

  TraceFile file_;
  TickScale scale_;
  TraceNames names_;
  std::uint64_t arrows_ = 0;
  const std::size_t slots_;
  std::vector<std::shared_ptr<TracedLoop>> loops_;
  std::vector<std::unique_ptr<TraceTracks>> tracks_;  // of the loops; the thread's own
  TraceFile::Time looked_ = 0;                        // for long waits
  bool open_ = true;
  bool ending_ = false;
  std::mutex pause_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace asyncio::detail
