#pragma once

#include "io/owned_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A file of events in Chrome's JSON array format, which need not have an end: what was written can
/// be read at any time. Events are collected, and written in pieces that end behind an event.
///
/// Threads: one at a time.
class TraceFile {
 public:
  /// Nanoseconds since recording began.
  using Time = std::uint64_t;
  struct Track {
    std::uint64_t loop = 0;
    std::uint64_t row = 0;  ///< of the loop itself `loop_row`
  };
  static constexpr std::uint64_t loop_row = 1;

  /// Throws: std::system_error; RuntimeError if another process writes it.
  TraceFile(std::string_view path, std::uint64_t limit);

  // The texts of these are as append_json() gives them.
  void slice(Track track, Time begin, Time end, std::string_view name);
  /// One whose end is not known yet.
  void begin(Track track, Time at, std::string_view name);
  void end(Track track, Time at);
  void mark(Track track, Time at, std::string_view name);
  /// From the slice at `from` to that at `to`.
  void arrow(std::uint64_t id, Track from, Time sent, Track to, Time came);
  // And of these as they are.
  void name_loop(std::uint64_t loop, std::string_view name, std::string_view about);
  void name_track(Track track, std::string_view name);

  /// False once the limit has come, or the file cannot be written, which it has logged.
  [[nodiscard]] bool open() const noexcept { return fd_ ? true : false; }
  [[nodiscard]] bool full() const noexcept { return full_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  void flush() noexcept;
  /// A mark that says why the recording has ended, and the end of the array.
  void close(Track track, Time at, std::string_view why);
  /// In a forked child: it is the parent's.
  void leave() noexcept { fd_ = OwnedFd(); }

 private:
  void head(char kind, Track track, Time at);
  void time(std::string_view key, Time nanoseconds);
  void name(std::string_view json);
  void number(std::string_view key, std::uint64_t value);
  void next();
  void write_all() noexcept;

  std::string path_;
  OwnedFd fd_;
  std::uint64_t limit_;
  std::uint64_t size_ = 0;
  std::string text_;
  bool full_ = false;
};

}  // namespace asyncio::detail
