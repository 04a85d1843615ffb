#pragma once

#include <cstdint>
#include <string_view>

namespace asyncio {

enum class LogLevel { debug, info, warning, error };

using LogSink = void (*)(LogLevel, std::string_view line);

/// Says where the library's own reports go; nullptr means standard error, which is the default and
/// shows warnings and errors only. A report may have several lines; it has no line break at its
/// end.
///
/// Python: the handler of the logger "asyncio"
/// Returns: the sink that was set before (nullptr: standard error).
/// Threads: any; the sink is called on the thread that reports.
LogSink set_log_sink(LogSink sink) noexcept;

/// How often the library had to report something since the program began, of all loops and threads;
/// whoever was told, a log sink or an exception handler. A test may ask that nothing was added.
struct ReportCounts {
  std::uint64_t never_awaited = 0;      ///< coroutines
  std::uint64_t never_retrieved = 0;    ///< errors of futures and tasks that nobody has looked at
  std::uint64_t destroyed_pending = 0;  ///< tasks
  std::uint64_t unclosed = 0;           ///< loops
  std::uint64_t lost_errors = 0;        ///< of siblings in a gather, behind a ^C, at a shutdown
  std::uint64_t callback_errors = 0;    ///< exceptions that left a callback
  std::uint64_t slow_callbacks = 0;     ///< in debug mode: what has blocked a loop

  [[nodiscard]] std::uint64_t total() const noexcept {
    return never_awaited + never_retrieved + destroyed_pending + unclosed + lost_errors +
           callback_errors + slow_callbacks;
  }
};

/// Threads: any.
[[nodiscard]] ReportCounts report_counts() noexcept;

}  // namespace asyncio
