#include "base/log.hpp"

#include <cstdio>

namespace asyncio {
namespace {
LogSink sink = nullptr;  // accessed atomically
ReportCounts counts;     // its members, too
}  // namespace

LogSink set_log_sink(LogSink new_sink) noexcept {
  return __atomic_exchange_n(&sink, new_sink, __ATOMIC_ACQ_REL);
}

ReportCounts report_counts() noexcept {
  ReportCounts now;
  for (auto kind :
       {&ReportCounts::never_awaited, &ReportCounts::never_retrieved,
        &ReportCounts::destroyed_pending, &ReportCounts::unclosed, &ReportCounts::lost_errors,
        &ReportCounts::callback_errors, &ReportCounts::slow_callbacks}) {
    now.*kind = __atomic_load_n(&(counts.*kind), __ATOMIC_RELAXED);
  }
  return now;
}

namespace detail {

void count_report(std::uint64_t ReportCounts::* kind) noexcept {
  __atomic_add_fetch(&(counts.*kind), 1, __ATOMIC_RELAXED);
}

void log(LogLevel level, std::string_view text) noexcept {
  try {
    if (LogSink set = __atomic_load_n(&sink, __ATOMIC_ACQUIRE)) {
      set(level, text);
      return;
    }
  } catch (...) {
    // Fall through: a report is worth more than the sink's own trouble.
  }
  if (level < LogLevel::warning) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace detail
}  // namespace asyncio
