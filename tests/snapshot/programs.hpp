#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace support {

/// A program that stands in a scenario of tests/snapshot/target.cpp until this ends.
class Target {
 public:
  explicit Target(const std::string& scenario, const std::string& program = INSPECTED_PROGRAM);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool alive() const noexcept;

 private:
  pid_t pid_ = -1;
  int input_ = -1;
};

struct Output {
  std::string out;
  std::string err;
  int status = -1;  ///< 128 + signal if one has ended it
};

/// Runs a program, found in PATH, to its end, for at most `seconds`.
[[nodiscard]] Output run_program(const std::vector<std::string>& words, unsigned seconds = 60);

}  // namespace support
