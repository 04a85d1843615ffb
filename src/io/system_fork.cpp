#include "io/system_fork.hpp"

#include "io/attempt.hpp"
#include "io/spawn_settings.hpp"
#include "io/system.hpp"
#include "io/watchdog.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>
#include <thread>
#include <vector>

namespace asyncio::detail::sys {
namespace {

// ThreadSanitizer has a thread of its own, which it takes care of when a process forks.
#if defined(__SANITIZE_THREAD__)
constexpr std::size_t hidden_threads = 1;
#elif defined(__has_feature)
constexpr std::size_t hidden_threads = __has_feature(thread_sanitizer) ? 1 : 0;
#else
constexpr std::size_t hidden_threads = 0;
#endif

std::string read_whole(const std::string& path) {
  std::string text;
  const int fd = open_file(path.c_str());
  if (fd < 0) return text;
  std::array<char, 4096> piece{};
  for (;;) {
    const std::int64_t got = sys::read(fd, piece.data(), piece.size());
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  sys::close(fd);
  return text;
}

// The workers of an io_uring are threads of the process, but run nothing of it; the watchdog's
// holds nothing while a process forks.
bool is_not_counted(int tasks, const char* task) noexcept {
  std::array<char, 264> path{};  // a name has 255 at most
  std::snprintf(path.data(), path.size(), "%s/comm", task);
  const int fd = ::openat(tasks, path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;  // it has ended meanwhile
  std::array<char, 16> name{};
  const std::int64_t got = sys::read(fd, name.data(), name.size());
  sys::close(fd);
  if (got <= 0) return false;
  const std::string_view line(name.data(), static_cast<std::size_t>(got));
  return line.starts_with("iou-") || line == std::string(watchdog_thread_name) + "\n";
}

}  // namespace

std::size_t thread_count() noexcept {
  DIR* dir = ::opendir("/proc/self/task");
  if (dir == nullptr) return 0;
  std::size_t threads = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] == '.') continue;
    if (!is_not_counted(::dirfd(dir), entry->d_name)) ++threads;
  }
  ::closedir(dir);
  return threads > hidden_threads ? threads - hidden_threads : threads;
}

std::size_t processor_count() noexcept {
  const unsigned count = std::thread::hardware_concurrency();
  return count > 0 ? count : 1;
}

int process_id() noexcept { return ::getpid(); }
int parent_id() noexcept { return ::getppid(); }

bool is_socket(int fd) noexcept {
  FileStatus status;
  return status_of(fd, status) == 0 && status.kind == FileKind::socket;
}

// --- beginning ----------------------------------------------------------------------------------

void flush_output() noexcept {
  try {
    std::cout.flush();
    std::clog.flush();
    std::cerr.flush();
  } catch (...) {
    // It is set to throw; whoever writes next will hear of it.
  }
  std::fflush(nullptr);
}

int fork_flushed() noexcept {
  flush_output();
  return attempt(Call::fork, [] { return ::fork(); });
}

namespace {

std::vector<std::string> own_arguments() {
  const std::string line = read_whole("/proc/self/cmdline");
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < line.size();) {
    arguments.emplace_back(line.c_str() + at);
    at += arguments.back().size() + 1;
  }
  return arguments;
}

int spawn(int socket, char* const* arguments, char* const* environment) {
  SpawnSettings settings;
  settings.note(::posix_spawn_file_actions_adddup2(&settings.actions, socket, 3));
  settings.note(::posix_spawn_file_actions_addclosefrom_np(&settings.actions, 4));
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);  // until it is ignored there
  settings.note(::posix_spawnattr_setsigmask(&settings.attributes, &blocked));
  sigset_t all;
  sigfillset(&all);
  settings.note(::posix_spawnattr_setsigdefault(&settings.attributes, &all));
  settings.note(::posix_spawnattr_setflags(&settings.attributes,
                                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  if (settings.error != 0) return -settings.error;
  pid_t child = -1;
  const int error = ::posix_spawn(&child, "/proc/self/exe", &settings.actions, &settings.attributes,
                                  arguments, environment);
  return error != 0 ? -error : child;
}

}  // namespace

int run_program_again(int socket, const std::string& variable) {
  if (const int error = fault_of(Call::fork)) return -error;
  std::vector<std::string> arguments = own_arguments();
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string name = variable.substr(0, variable.find('=') + 1);
  std::string own = variable;
  std::vector<char*> environment;
  for (char** at = environ; *at != nullptr; ++at) {
    if (!std::string_view(*at).starts_with(name)) environment.push_back(*at);
  }
  environment.push_back(own.data());
  environment.push_back(nullptr);
  flush_output();
  return spawn(socket, argv.data(), environment.data());
}

namespace {

// Before Linux 5.9.
void close_one_by_one(int first) noexcept {
  const long most = ::sysconf(_SC_OPEN_MAX);
  for (int fd = first; fd < most; ++fd) ::close(fd);
}

}  // namespace

int keep_only(int fd) noexcept {
  constexpr int kept = 3;
  if (fd != kept && ::dup2(fd, kept) < 0) return -errno;
  ::fcntl(kept, F_SETFD, FD_CLOEXEC);
  if (::syscall(SYS_close_range, kept + 1, ~0U, 0) != 0) close_one_by_one(kept + 1);
  return kept;
}

void forget_rings() noexcept {
  try {
    const std::string maps = read_whole("/proc/self/maps");
    for (std::size_t at = 0; at < maps.size();) {
      const std::size_t line_end = std::min(maps.find('\n', at), maps.size());
      const std::string line = maps.substr(at, line_end - at);
      at = line_end + 1;
      if (!line.ends_with("anon_inode:[io_uring]")) continue;
      char* dash = nullptr;
      const unsigned long long begin = std::strtoull(line.c_str(), &dash, 16);
      const unsigned long long end = std::strtoull(dash + 1, nullptr, 16);
      // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the kernel says it
      ::munmap(reinterpret_cast<void*>(static_cast<std::uintptr_t>(begin)), end - begin);
    }
  } catch (...) {
    // Without memory it does not come far anyway.
  }
}

void begin_signals() noexcept {
  constexpr std::array faults{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
  for (int signal = 1; signal < NSIG; ++signal) {
    bool is_fault = false;
    for (const int fault : faults) is_fault = is_fault || fault == signal;
    struct sigaction now{};
    if (is_fault || ::sigaction(signal, nullptr, &now) != 0) continue;
    if (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN) ::signal(signal, SIG_DFL);
  }
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  ::signal(SIGCHLD, SIG_DFL);  // ignored, children could not be waited for
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void die_with_parent(int parent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it was faster
}

// --- the end ------------------------------------------------------------------------------------

int reap(int pid, int& status) noexcept {
  for (;;) {
    const pid_t child = ::waitpid(pid, &status, 0);
    if (child >= 0) return child;
    if (errno != EINTR) return -errno;
  }
}

void kill_child(int pid) noexcept { ::kill(pid, SIGKILL); }

std::string describe_end(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* name = ::sigdescr_np(signal);
  return "killed by signal " + std::to_string(signal) +
         (name != nullptr ? " (" + std::string(name) + ")" : "");
}

void exit_at_once(int code) noexcept { ::_exit(code); }

// --- talking ------------------------------------------------------------------------------------

int pair_for_bytes(int (&fds)[2]) noexcept { return socket_pair(SOCK_STREAM, fds); }
int pair_for_messages(int (&fds)[2]) noexcept { return socket_pair(SOCK_SEQPACKET, fds); }

namespace {

struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

}  // namespace

int send_with_descriptor(int socket, const void* data, std::size_t size, int fd) noexcept {
  iovec part{const_cast<void*>(data), size};  // NOLINT: sendmsg() does not write to it
  Ancillary ancillary;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = ancillary.bytes.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  const auto sent = attempt(Call::send, [&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); });
  return sent < 0 ? static_cast<int>(sent) : 0;
}

std::int64_t receive_with_descriptor(int socket, void* into, std::size_t size, int& fd) noexcept {
  fd = -1;
  iovec part{into, size};
  Ancillary ancillary;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.bytes.data();
  message.msg_controllen = ancillary.bytes.size();
  const std::int64_t got = receive_message(socket, message);
  if (got <= 0) return got;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  }
  return got;
}

int send_all(int socket, const char* data, std::size_t size) noexcept {
  while (size > 0) {
    const std::int64_t sent =
        attempt(Call::send, [=] { return ::send(socket, data, size, MSG_NOSIGNAL); });
    if (sent < 0) return static_cast<int>(sent);
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return 0;
}

int set_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
  return 0;
}

void wait_for_any(pollfd* fds, std::size_t count) noexcept { ::poll(fds, count, -1); }

}  // namespace asyncio::detail::sys
