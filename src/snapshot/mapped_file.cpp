#include "snapshot/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace asyncio::snapshot {

MappedFile::MappedFile(const std::string& path) : error_(0) {
  // Not to wait for somebody who writes to a pipe of that name.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    error_ = errno;
  } else if (!S_ISREG(status.st_mode)) {
    error_ = S_ISDIR(status.st_mode) ? EISDIR : ENODEV;
  } else if (status.st_size > 0) {
    const auto size = static_cast<std::size_t>(status.st_size);
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) {
      error_ = errno;
    } else {
      text_ = {static_cast<const char*>(at), size};
    }
  }
  if (fd >= 0) ::close(fd);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : text_(std::exchange(other.text_, {})), error_(std::exchange(other.error_, -1)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(text_, other.text_);
  std::swap(error_, other.error_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!text_.empty()) ::munmap(const_cast<char*>(text_.data()), text_.size());
}

const char* MappedFile::error() const noexcept { return std::strerror(error_); }

}  // namespace asyncio::snapshot
