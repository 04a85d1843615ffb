#include "io/system.hpp"
#include "io/fault.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace asyncio::detail::sys {

void throw_errno(int error, std::string_view operation) {
  throw std::system_error(error, std::generic_category(), std::string(operation));
}

namespace {
unsigned fork_count = 0;
}

void watch_forks() noexcept {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++fork_count; });
  (void)registered;
}

unsigned forks() noexcept { return fork_count; }

int epoll_create() {
  watch_forks();
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw_errno(errno, "epoll_create1");
  return fd;
}

int epoll_control(int epoll, int operation, int fd, std::uint32_t events,
                  std::uint64_t data) noexcept {
  if (const int error = fault_of(Call::epoll_control)) {
    errno = error;
    return -1;
  }
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return ::epoll_ctl(epoll, operation, fd, &event);
}

int epoll_wait(int epoll, epoll_event* events, int most, const timespec* timeout) noexcept {
  if (const int error = fault_of(Call::epoll_wait)) {
    errno = error;
    return -1;
  }
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)
  // Nanoseconds, where the kernel has them (5.11); else milliseconds, rounded up: never early.
  static bool no_pwait2 = false;  // accessed atomically
  if (!__atomic_load_n(&no_pwait2, __ATOMIC_RELAXED)) {
    const int n = ::epoll_pwait2(epoll, events, most, timeout, nullptr);
    if (n >= 0 || errno != ENOSYS) return n;
    __atomic_store_n(&no_pwait2, true, __ATOMIC_RELAXED);
  }
#endif
  constexpr std::int64_t most_ms = 24LL * 3600 * 1000;
  std::int64_t ms = -1;
  if (timeout != nullptr) {
    ms = timeout->tv_sec >= most_ms / 1000 ? most_ms
                                           : static_cast<std::int64_t>(timeout->tv_sec) * 1000 +
                                                 (timeout->tv_nsec + 999'999) / 1'000'000;
  }
  return ::epoll_wait(epoll, events, most, static_cast<int>(ms));
}

int event_fd() {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw_errno(errno, "eventfd");
  return fd;
}

void write_event(int fd) noexcept {
  const int saved = errno;  // this runs in signal handlers, too
  const std::uint64_t one = 1;
  while (::write(fd, &one, sizeof one) < 0 && (errno == EINTR || errno == EAGAIN)) {
    // The counter, which nobody reads, is full.
    std::uint64_t count = 0;
    if (errno == EAGAIN) (void)!::read(fd, &count, sizeof count);
  }
  errno = saved;
}

void reset_event(int fd) noexcept {
  std::uint64_t count = 0;
  while (::read(fd, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

void futex_wait(std::uint32_t& word, std::uint32_t expected) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::uint32_t& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void close(int fd) noexcept { ::close(fd); }

bool is_open(int fd) noexcept { return ::fcntl(fd, F_GETFD) >= 0; }

int cannot_be_watched(int fd) noexcept {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return errno;
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) return EPERM;
  if (!S_ISCHR(status.st_mode)) return 0;
  // A terminal can wait, /dev/null cannot: epoll knows.
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return 0;
  epoll_event event{};
  const int error = ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
  ::close(epoll);
  return error;
}

int thread_id() noexcept {
  static constinit thread_local int known = 0;
  static constinit thread_local unsigned known_before_forks = 0;
  if (known == 0 || known_before_forks != fork_count) [[unlikely]] {
    known = static_cast<int>(::syscall(SYS_gettid));
    known_before_forks = fork_count;
  }
  return known;
}

void nap(std::int64_t nanoseconds) noexcept {
  const timespec time{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

namespace {
std::int64_t clock_now(clockid_t clock) noexcept {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}
}  // namespace

std::int64_t monotonic_now() noexcept { return clock_now(CLOCK_MONOTONIC); }
std::int64_t coarse_now() noexcept { return clock_now(CLOCK_MONOTONIC_COARSE); }

}  // namespace asyncio::detail::sys
