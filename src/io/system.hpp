#pragma once

#include <cstdint>
#include <string_view>

struct epoll_event;
struct timespec;

/// Every system call of the library, so that tests can make the n-th one fail.
namespace asyncio::detail::sys {

/// Throws std::system_error: "OPERATION: text of errno".
[[noreturn]] void throw_errno(int error, std::string_view operation);

int epoll_create();
int epoll_control(int epoll, int operation, int fd, std::uint32_t events,
                  std::uint64_t data) noexcept;
/// A null timeout waits for ever. Returns -1 and sets errno.
int epoll_wait(int epoll, epoll_event* events, int most, const timespec* timeout) noexcept;
int event_fd();
void write_event(int fd) noexcept;
/// Waits while the word is `expected`; may return early.
void futex_wait(std::uint32_t& word, std::uint32_t expected) noexcept;
/// Wakes one who waits for the word, which need not exist any more.
void futex_wake(std::uint32_t& word) noexcept;
void close(int fd) noexcept;
[[nodiscard]] bool is_open(int fd) noexcept;
[[nodiscard]] std::int64_t monotonic_now() noexcept;
/// The same, as it was at the last tick of the kernel.
[[nodiscard]] std::int64_t coarse_now() noexcept;

}  // namespace asyncio::detail::sys
