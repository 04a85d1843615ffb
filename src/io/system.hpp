#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

struct epoll_event;
struct io_uring;
struct iovec;
struct msghdr;
struct sockaddr;
struct timespec;

/// Every system call of the library, so that tests can make the n-th one fail (io/fault.hpp).
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
/// Whoever waits for it waits for the next write_event().
void reset_event(int fd) noexcept;
/// Waits while the word is `expected`; may return early.
void futex_wait(std::uint32_t& word, std::uint32_t expected) noexcept;
/// Wakes one who waits for the word, which need not exist any more.
void futex_wake(std::uint32_t& word) noexcept;
void close(int fd) noexcept;
/// How often this process was forked since the library's first loop was made: another number than
/// before says that this is a child, which shares its parent's registrations.
[[nodiscard]] unsigned forks() noexcept;
/// For a loop that tells a child from its parent by forks(). Idempotent.
void watch_forks() noexcept;
[[nodiscard]] bool is_open(int fd) noexcept;
/// Returns: 0, or the error that epoll_ctl() would give for this descriptor: EBADF, or EPERM for
/// what is always ready.
[[nodiscard]] int cannot_be_watched(int fd) noexcept;
/// The kernel's number of this thread; also in signal handlers.
[[nodiscard]] int thread_id() noexcept;
void nap(std::int64_t nanoseconds) noexcept;
[[nodiscard]] std::int64_t monotonic_now() noexcept;
/// The same, as it was at the last tick of the kernel.
[[nodiscard]] std::int64_t coarse_now() noexcept;

// --- io_uring; what fails gives -errno (system_uring.cpp) ----------------------------------------

/// The best ring that the kernel has. Returns: the flags that it was set up with.
int ring_setup(io_uring& ring) noexcept;
/// From here on a ring that was set up disabled belongs to this thread.
int ring_enable(int ring) noexcept;
/// Submits, and waits for `completions`. A null timeout waits for ever.
/// Returns: how many were submitted.
int ring_enter(int ring, unsigned submissions, unsigned completions, unsigned flags,
               const timespec* timeout) noexcept;

// --- what fails gives -errno, and EINTR is retried: sockets (system_socket.cpp) ------------------

/// Non-blocking and closed on exec, as all that follow.
int open_socket(int family, int type, int protocol) noexcept;
/// Of Unix, connected to each other.
int socket_pair(int type, int (&fds)[2]) noexcept;
/// Returns: 0, or -EINPROGRESS while it goes on.
int connect(int fd, const sockaddr* address, unsigned size) noexcept;
int bind(int fd, const sockaddr* address, unsigned size) noexcept;
int listen(int fd, int backlog) noexcept;
int accept(int fd, sockaddr* address, unsigned* size) noexcept;
int shutdown(int fd, int how) noexcept;
int shutdown_sending(int fd) noexcept;
int set_option(int fd, int level, int name, int value) noexcept;
int get_option(int fd, int level, int name, int& value) noexcept;
/// The error that a connect() which went on in the background has ended with; 0: none.
int pending_error(int fd) noexcept;
int name_of_socket(int fd, sockaddr* address, unsigned* size) noexcept;
int name_of_peer(int fd, sockaddr* address, unsigned* size) noexcept;
int set_nonblocking(int fd) noexcept;

// These never wait, whatever the flags of the socket, which others may share.

/// Returns: bytes, 0 at the end.
std::int64_t receive(int fd, void* into, std::size_t size) noexcept;
std::int64_t receive_message(int fd, msghdr& message) noexcept;
/// Never raises SIGPIPE.
std::int64_t send(int fd, const iovec* parts, int count) noexcept;
std::int64_t send_message(int fd, const msghdr& message) noexcept;
/// Advances `offset`, not the file's position. Never raises SIGPIPE.
std::int64_t send_file(int to, int from, std::int64_t& offset, std::size_t size) noexcept;
/// Never raises SIGPIPE.
std::int64_t write_pipe(int fd, const iovec* parts, int count) noexcept;
/// Of anything: data, its end or an error is there, as select() would say.
[[nodiscard]] bool is_readable(int fd) noexcept;

// --- terminals (system_terminal.cpp) ------------------------------------------------------------

[[nodiscard]] bool is_terminal(int fd) noexcept;
struct TerminalSize {
  int columns = 0;
  int rows = 0;
};
/// Zeros if it has none.
[[nodiscard]] TerminalSize terminal_size(int fd) noexcept;
/// Of anything: some bytes would be taken now, or the call would fail.
[[nodiscard]] bool is_writable(int fd) noexcept;
/// Waits for that.
void wait_writable(int fd) noexcept;

// --- files (system_file.cpp) ---------------------------------------------------------------------

enum class FileKind : std::uint8_t { regular, directory, socket, pipe, character, block, other };

struct FileStatus {
  FileKind kind = FileKind::other;
  std::int64_t size = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t special = 0;  ///< of a device: which one
};

int status_of(int fd, FileStatus& status) noexcept;
int status_of(const char* path, FileStatus& status) noexcept;
/// Of the link itself, if it is one.
int status_of_link(const char* path, FileStatus& status) noexcept;
[[nodiscard]] bool is_regular(int fd) noexcept;
[[nodiscard]] bool is_write_only(int fd) noexcept;
/// For reading; closed on exec.
int open_file(const char* path) noexcept;
/// With the system's flags; closed on exec.
int open_file(const char* path, int flags, unsigned permissions) noexcept;
/// What a descriptor stands for once more: with flags of its own, which nobody shares. Not for
/// sockets.
int reopen(int fd, int flags) noexcept;
/// The same as another descriptor, above the standard ones; closed on exec.
int duplicate(int fd) noexcept;
/// The flags of an open file, which all share that have it from the same open().
int flags_of(int fd) noexcept;
int set_flags(int fd, int flags) noexcept;
/// True of a new end of a pseudo terminal: opened once more, it would be another one.
[[nodiscard]] bool is_terminal_master(int fd) noexcept;
int unlink(const char* path) noexcept;
/// For this open file alone, at once. Returns: 0, -EWOULDBLOCK if another process has it.
int lock_file(int fd) noexcept;
std::int64_t read(int fd, void* into, std::size_t size) noexcept;
/// The file's position stays. Of a pipe and the like, which have none: what comes next.
std::int64_t read_at(int fd, void* into, std::size_t size, std::int64_t offset) noexcept;
/// What the system has in memory, at the file's position if `offset` is negative.
/// Returns: as read(); -EAGAIN if the disk would have to be asked, -EOPNOTSUPP if nobody knows.
std::int64_t read_cached(int fd, void* into, std::size_t size, std::int64_t offset) noexcept;
/// At the file's position if `offset` is negative. Never raises SIGPIPE.
std::int64_t write(int fd, const void* from, std::size_t size, std::int64_t offset) noexcept;
/// Returns: 0, or -ESPIPE of a pipe and the like.
std::int64_t seek(int fd, std::int64_t offset) noexcept;
/// Returns: where it is; -ESPIPE of a pipe and the like.
std::int64_t position_of(int fd) noexcept;
int truncate(int fd, std::int64_t size) noexcept;
/// Until it is on the disk.
int sync(int fd) noexcept;
/// Says what close() does not: the error of what was written before.
int close_file(int fd) noexcept;

}  // namespace asyncio::detail::sys
