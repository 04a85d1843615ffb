#pragma once

#include <asyncio/detail/ref.hpp>

#include "io/system.hpp"

#include <string>
#include <utility>

namespace asyncio::detail {

/// An open descriptor, for as long as anybody may use it, a thread that still reads from it
/// included.
///
/// Threads: any.
class OpenFile {
 public:
  /// Takes over a descriptor, and closes it when it throws std::bad_alloc.
  [[nodiscard]] static Ref<OpenFile> adopt(int fd, std::string name) {
    try {
      return Ref<OpenFile>::adopt(new OpenFile(fd, std::move(name)));
    } catch (...) {
      sys::close(fd);
      throw;
    }
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Nobody else uses it any more.
  [[nodiscard]] bool is_the_only_one() const noexcept { return users_.load() == 1; }
  /// Returns: 0, or the error that closing tells.
  int close() noexcept {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 ? 0 : sys::close_file(fd);
  }

 private:
  OpenFile(int fd, std::string name) noexcept : fd_(fd), name_(std::move(name)) {}
  ~OpenFile() {
    if (fd_ >= 0) sys::close(fd_);
  }

  SharedCount users_;
  int fd_;
  std::string name_;
};

}  // namespace asyncio::detail
