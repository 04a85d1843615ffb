#include "support/log_capture.hpp"

#include <cstdio>
#include <mutex>
#include <utility>

namespace support {
namespace {

std::mutex mutex;
std::vector<std::string> captured;
std::vector<std::string> unexpected;
int captures = 0;

void sink(asyncio::LogLevel, std::string_view text) {
  const std::lock_guard lock(mutex);
  if (captures > 0) {
    captured.emplace_back(text);
    return;
  }
  unexpected.emplace_back(text);
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace

LogCapture::LogCapture() {
  const std::lock_guard lock(mutex);
  if (captures++ == 0) captured.clear();
}

LogCapture::~LogCapture() {
  const std::lock_guard lock(mutex);
  --captures;
}

std::vector<std::string> LogCapture::lines() const {
  const std::lock_guard lock(mutex);
  return captured;
}

int LogCapture::count(std::string_view text) const {
  int n = 0;
  for (const std::string& line : lines()) {
    if (line.find(text) != std::string::npos) ++n;
  }
  return n;
}

std::vector<std::string> unexpected_reports() {
  const std::lock_guard lock(mutex);
  return std::exchange(unexpected, {});
}

void begin_listening() { asyncio::set_log_sink(&sink); }

}  // namespace support
