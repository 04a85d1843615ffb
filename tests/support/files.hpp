#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace support {

/// A file in memory, which is read from its beginning.
class File {
 public:
  explicit File(std::string_view text = {}) : fd_(::memfd_create("test", MFD_CLOEXEC)) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
      if (n <= 0) throw std::runtime_error("File: no memory");
      done += static_cast<std::size_t>(n);
    }
    ::lseek(fd_, 0, SEEK_SET);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] std::int64_t position() const { return ::lseek(fd_, 0, SEEK_CUR); }
  void truncate(std::int64_t size) const {
    if (::ftruncate(fd_, size) != 0) throw std::runtime_error("File: cannot be truncated");
  }

 private:
  int fd_;
};

/// A folder of a test's own, which goes with all that is in it.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/asyncio-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("Folder: none can be made");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }
  /// Returns: its path.
  [[nodiscard]] std::string write(std::string_view name, std::string_view text) const {
    std::ofstream(*this / name) << text;
    return *this / name;
  }

 private:
  std::string path_;
};

}  // namespace support
