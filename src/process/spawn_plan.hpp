#pragma once

#include <asyncio/subprocess.hpp>

#include "io/owned_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// What is to be started and how: a copy of what the user gave, checked.
class SpawnPlan {
 public:
  /// `otherwise` is what an unset stream is.
  /// Throws: std::invalid_argument, beginning with `who`.
  SpawnPlan(const char* who, Args args, const subprocess::Options& options,
            subprocess::Redirect otherwise);

  /// Our ends of the pipes; -1: there is none.
  struct Started {
    int pid = 0;
    OwnedFd pipes[3];  ///< non-blocking
  };
  /// Throws: std::system_error "start "PROGRAM": ..."; then nothing has been left behind.
  [[nodiscard]] Started start() const;

  subprocess::Abandon abandon;
  /// Whether the user has said so.
  bool abandon_at_once;
  Duration terminate_delay;
  std::size_t limit;

 private:
  struct Stream {
    subprocess::Redirect::Kind kind = subprocess::Redirect::Kind::inherit;
    int fd = -1;
    std::string path;
  };
  class Descriptors;

  void take_streams(const subprocess::Options& options, subprocess::Redirect otherwise);
  void take_passed(std::span<const int> passed);
  void check(std::string_view text, const char* what) const;
  [[nodiscard]] std::string find_program() const;
  [[nodiscard]] std::string search_path() const;
  [[noreturn]] void fail(int error) const;

  const char* who_;
  std::vector<std::string> args_;
  std::vector<std::string> environment_;
  bool own_environment_ = false;
  std::string directory_;
  Stream streams_[3];
  std::vector<int> passed_;
  int process_group_ = -1;
  bool new_session_ = false;
};

}  // namespace asyncio::detail
