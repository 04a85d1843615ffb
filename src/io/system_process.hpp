#pragma once

#include <span>

/// The system calls for child processes. What fails gives -errno, and EINTR is retried.
namespace asyncio::detail::sys {

inline constexpr int sigkill = 9;  // without <signal.h>
inline constexpr int sigterm = 15;

/// What to start.
struct Spawn {
  const char* program = nullptr;  ///< its path
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* directory = nullptr;  ///< null: ours
  /// What its descriptors 0 to 2 are made of, in this order, so that 2 may be made of the new 1.
  /// None is below 3 but for its own place. -1: ours.
  int standard[3] = {-1, -1, -1};
  std::span<const int> passed;  ///< ascending, from 3 on, each once
  int process_group = -1;       ///< 0: its own; -1: ours
  bool new_session = false;
};

/// Without a signal blocked, and no descriptor that was not asked for. As vfork(), so this thread
/// waits until the program runs. Returns: the pid; errors of the child's side are given here, too.
int spawn(const Spawn& what) noexcept;
/// Returns: a descriptor that is readable when the child has ended.
int open_pidfd(int pid) noexcept;
/// Reaps it. Returns: -EAGAIN while it runs, -ECHILD if somebody else has reaped it. The status is
/// its exit code, or its signal, negated.
int wait_for_child(int pidfd, int& status) noexcept;
/// Kills and reaps a child of ours that nobody else knows of.
void end_child(int pid) noexcept;
/// Returns: 0 also of a child that has ended and was not reaped.
int signal_child(int pidfd, int signal) noexcept;
/// Blocking, and closed on exec.
int make_pipe(int (&ends)[2]) noexcept;
[[nodiscard]] bool is_executable(const char* path) noexcept;
/// "NAME=VALUE" of each variable of this process, and a null pointer at the end; or null.
[[nodiscard]] char* const* environment() noexcept;

}  // namespace asyncio::detail::sys
