#pragma once

#include <asyncio/log.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace support {

/// Takes what is reported while it lives. What it has not been asked about fails no test; what is
/// reported while none lives does.
class LogCapture {
 public:
  LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture();

  [[nodiscard]] std::vector<std::string> lines() const;
  /// How many reports contain `text`.
  [[nodiscard]] int count(std::string_view text) const;
  [[nodiscard]] bool empty() const { return lines().empty(); }
};

/// Reports that came while no LogCapture lived; takes them away.
[[nodiscard]] std::vector<std::string> unexpected_reports();

/// For main(): begins to listen.
void begin_listening();

}  // namespace support
