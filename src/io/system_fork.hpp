#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct pollfd;

/// What a pool of processes needs of the system. What fails gives -errno.
namespace asyncio::detail::sys {

/// Threads of this process that run its code; 0: that cannot be known.
[[nodiscard]] std::size_t thread_count() noexcept;
[[nodiscard]] std::size_t processor_count() noexcept;
[[nodiscard]] int process_id() noexcept;
[[nodiscard]] int parent_id() noexcept;
[[nodiscard]] bool is_socket(int fd) noexcept;

/// fork(), after what stdio and iostreams have buffered was written, or parent and child would both
/// write it. Returns: the child; 0 in it.
int fork_flushed() noexcept;
/// Writes what stdio and iostreams have buffered.
void flush_output() noexcept;
/// Runs this program once more, with the same arguments and with `variable` ("NAME=VALUE") in its
/// environment; it has standard input, output and error, and `socket` as descriptor 3. ^C waits.
/// Returns: the child.
int run_program_again(int socket, const std::string& variable);
/// In a child: `fd` becomes descriptor 3; all above it are closed.
int keep_only(int fd) noexcept;
/// In a child that never uses a loop of its parent: gives up the memory of io_urings. While it is
/// mapped, a ring and the sockets that it polls outlive the parent, and nobody hears of their end.
void forget_rings() noexcept;
/// In a child: handlers of the parent's are gone, but for those of faults, whose reports are
/// wanted; ^C is the parent's to take; nothing is blocked.
void begin_signals() noexcept;
/// This process dies with the one that has made it.
void die_with_parent(int parent) noexcept;

/// Waits for the end of a child. Returns: the child, and how it ended.
int reap(int pid, int& status) noexcept;
void kill_child(int pid) noexcept;
/// "exit code 3", "killed by signal 11 (Segmentation fault)".
[[nodiscard]] std::string describe_end(int status);

/// Of Unix, connected to each other, non-blocking and closed on exec.
int pair_for_bytes(int (&fds)[2]) noexcept;
int pair_for_messages(int (&fds)[2]) noexcept;
/// A message, and a descriptor if it is not negative. Returns: 0.
int send_with_descriptor(int socket, const void* data, std::size_t size, int fd) noexcept;
/// A message that is there. Returns: its size, 0 at the end; `fd`: what came with it, or -1.
std::int64_t receive_with_descriptor(int socket, void* into, std::size_t size, int& fd) noexcept;
/// Of a descriptor that waits: all of it. Returns: 0.
int send_all(int socket, const char* data, std::size_t size) noexcept;
int set_blocking(int fd) noexcept;
/// Waits until something can be read or written.
void wait_for_any(pollfd* fds, std::size_t count) noexcept;

[[noreturn]] void exit_at_once(int code) noexcept;

}  // namespace asyncio::detail::sys
