#pragma once

#include "snapshot/snapshot.hpp"

#include <cstdint>
#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace asyncio::command {

/// What is to be looked into.
class Source {
 public:
  /// PID, or --core FILE and --exe FILE.
  void add_options(CLI::App& subcommand);
  /// The same where other words follow: their first is PID unless there is --core.
  void add_core_options(CLI::App& subcommand);
  [[nodiscard]] bool is_core() const noexcept { return !core_.empty(); }
  /// Throws: CLI::ValidationError.
  void set_pid(const std::string& word);
  /// Throws: CLI::ValidationError unless one of both was given; snapshot::Unreadable.
  [[nodiscard]] snapshot::Program open() const;

 private:
  void check() const;

  std::int64_t pid_ = 0;
  std::string core_;
  std::string executable_;
};

}  // namespace asyncio::command
