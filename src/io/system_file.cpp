#include "io/attempt.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>

namespace asyncio::detail::sys {
namespace {

FileKind kind_of(mode_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG: return FileKind::regular;
    case S_IFDIR: return FileKind::directory;
    case S_IFSOCK: return FileKind::socket;
    case S_IFIFO: return FileKind::pipe;
    case S_IFCHR: return FileKind::character;
    default: return FileKind::other;
  }
}

template <class F>
int ask(FileStatus& status, F system_call) noexcept {
  struct stat raw{};
  const int result = attempt(Call::status, [&] { return system_call(raw); });
  status = {kind_of(raw.st_mode), raw.st_size, raw.st_dev, raw.st_ino};
  return result;
}

}  // namespace

int status_of(int fd, FileStatus& status) noexcept {
  return ask(status, [=](struct stat& raw) { return ::fstat(fd, &raw); });
}

int status_of(const char* path, FileStatus& status) noexcept {
  return ask(status, [=](struct stat& raw) { return ::stat(path, &raw); });
}

int status_of_link(const char* path, FileStatus& status) noexcept {
  return ask(status, [=](struct stat& raw) { return ::lstat(path, &raw); });
}

bool is_regular(int fd) noexcept {
  FileStatus status;
  return status_of(fd, status) == 0 && status.kind == FileKind::regular;
}

bool is_write_only(int fd) noexcept { return (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY; }

int open_file(const char* path) noexcept {
  return attempt(Call::open, [=] { return ::open(path, O_RDONLY | O_CLOEXEC); });
}

int unlink(const char* path) noexcept {
  return attempt(Call::unlink, [=] { return ::unlink(path); });
}

std::int64_t read(int fd, void* into, std::size_t size) noexcept {
  return attempt(Call::read, [=] { return ::read(fd, into, size); });
}

std::int64_t read_at(int fd, void* into, std::size_t size, std::int64_t offset) noexcept {
  const std::int64_t got = attempt(Call::read, [=] { return ::pread(fd, into, size, offset); });
  return got == -ESPIPE ? sys::read(fd, into, size) : got;
}

std::int64_t seek(int fd, std::int64_t offset) noexcept {
  return ::lseek(fd, offset, SEEK_SET) >= 0 ? 0 : -errno;
}

}  // namespace asyncio::detail::sys
