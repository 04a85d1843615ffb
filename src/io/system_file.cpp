#include "io/attempt.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace asyncio::detail::sys {
namespace {

FileKind kind_of(mode_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG: return FileKind::regular;
    case S_IFDIR: return FileKind::directory;
    case S_IFSOCK: return FileKind::socket;
    case S_IFIFO: return FileKind::pipe;
    case S_IFCHR: return FileKind::character;
    case S_IFBLK: return FileKind::block;
    default: return FileKind::other;
  }
}

template <class F>
int ask(FileStatus& status, F system_call) noexcept {
  struct stat raw{};
  const int result = attempt(Call::status, [&] { return system_call(raw); });
  status = {kind_of(raw.st_mode), raw.st_size, raw.st_dev, raw.st_ino, raw.st_rdev};
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

int open_file(const char* path, int flags, unsigned permissions) noexcept {
  return attempt(Call::open, [=] { return ::open(path, flags | O_CLOEXEC, permissions); });
}

int reopen(int fd, int flags) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return attempt(Call::open, [&] { return ::open(path, flags | O_CLOEXEC | O_NOCTTY); });
}

int duplicate(int fd) noexcept {
  constexpr int least = 3;
  return attempt(Call::open, [=] { return ::fcntl(fd, F_DUPFD_CLOEXEC, least); });
}

int flags_of(int fd) noexcept {
  return attempt(Call::flags, [=] { return ::fcntl(fd, F_GETFL); });
}

int set_flags(int fd, int flags) noexcept {
  return attempt(Call::flags, [=] { return ::fcntl(fd, F_SETFL, flags); });
}

int unlink(const char* path) noexcept {
  return attempt(Call::unlink, [=] { return ::unlink(path); });
}

int lock_file(int fd) noexcept { return ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno; }

std::int64_t read(int fd, void* into, std::size_t size) noexcept {
  return attempt(Call::read, [=] { return ::read(fd, into, size); });
}

std::int64_t read_at(int fd, void* into, std::size_t size, std::int64_t offset) noexcept {
  const std::int64_t got = attempt(Call::read, [=] { return ::pread(fd, into, size, offset); });
  return got == -ESPIPE ? sys::read(fd, into, size) : got;
}

std::int64_t read_cached(int fd, void* into, std::size_t size, std::int64_t offset) noexcept {
  const iovec part{into, size};
  return attempt(Call::read_cached,
                 [&] { return ::preadv2(fd, &part, 1, offset < 0 ? -1 : offset, RWF_NOWAIT); });
}

std::int64_t write(int fd, const void* from, std::size_t size, std::int64_t offset) noexcept {
  if (offset < 0) {
    const iovec part{const_cast<void*>(from), size};  // NOLINT: writev() only reads
    return write_pipe(fd, &part, 1);
  }
  size = std::min(size, limit_of(Call::write));
  return attempt(Call::write, [=] { return ::pwrite(fd, from, size, offset); });
}

std::int64_t seek(int fd, std::int64_t offset) noexcept {
  return ::lseek(fd, offset, SEEK_SET) >= 0 ? 0 : -errno;
}

std::int64_t position_of(int fd) noexcept {
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  return at >= 0 ? at : -errno;
}

int truncate(int fd, std::int64_t size) noexcept {
  return attempt(Call::truncate, [=] { return ::ftruncate(fd, size); });
}

int sync(int fd) noexcept {
  return attempt(Call::sync, [=] { return ::fsync(fd); });
}

int close_file(int fd) noexcept {
  const int error = fault_of(Call::close);
  const int result = ::close(fd) == 0 ? 0 : -errno;
  if (error != 0) return -error;
  return result == -EINTR ? 0 : result;  // it is closed all the same
}

}  // namespace asyncio::detail::sys
