#pragma once

#include <string_view>

namespace asyncio {

enum class LogLevel { debug, info, warning, error };

using LogSink = void (*)(LogLevel, std::string_view line);

/// Says where the library's own reports go; nullptr means standard error, which is the default.
/// A report may have several lines; it has no line break at its end.
///
/// Python: the handler of the logger "asyncio"
/// Returns: the sink that was set before (nullptr: standard error).
/// Threads: any; the sink is called on the thread that reports.
LogSink set_log_sink(LogSink sink) noexcept;

}  // namespace asyncio
