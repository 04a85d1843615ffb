#include "base/log.hpp"

#include <cstdio>

namespace asyncio {
namespace {
LogSink sink = nullptr;  // accessed atomically
}  // namespace

LogSink set_log_sink(LogSink new_sink) noexcept {
  return __atomic_exchange_n(&sink, new_sink, __ATOMIC_ACQ_REL);
}

namespace detail {

void log(LogLevel level, std::string_view text) noexcept {
  try {
    if (LogSink set = __atomic_load_n(&sink, __ATOMIC_ACQUIRE)) {
      set(level, text);
      return;
    }
  } catch (...) {
    // Fall through: a report is worth more than the sink's own trouble.
  }
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace detail
}  // namespace asyncio
