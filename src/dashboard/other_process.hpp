#pragma once

#include "dashboard/source.hpp"
#include "snapshot/snapshot.hpp"

#include <cstdint>
#include <string>

namespace asyncio::dashboard {

/// "worker --port 80"; "" if it cannot be known.
[[nodiscard]] std::string command_line_of(std::int64_t pid);

/// Another process, in which nothing is changed.
class OtherProcess final : public Source {
 public:
  explicit OtherProcess(std::int64_t pid)
      : pid_(pid), program_(snapshot::Program::of_process(pid)) {}
  [[nodiscard]] std::string title() const override { return command_line_of(pid_); }
  [[nodiscard]] snapshot::ProcessView look() override { return program_.take_snapshot(); }

 private:
  std::int64_t pid_;
  snapshot::Program program_;
};

}  // namespace asyncio::dashboard
