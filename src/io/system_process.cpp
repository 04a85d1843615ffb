#include "io/system_process.hpp"

#include "io/attempt.hpp"
#include "io/spawn_settings.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace asyncio::detail::sys {

static_assert(sigkill == SIGKILL && sigterm == SIGTERM);

namespace {

void set_signals(SpawnSettings& settings, short& flags) noexcept {
  sigset_t none;
  ::sigemptyset(&none);
  settings.note(::posix_spawnattr_setsigmask(&settings.attributes, &none));
  // What a library like this one ignores, and programs take for granted. What is ignored for other
  // reasons stays so, SIGHUP by nohup for one.
  sigset_t defaults = none;
  ::sigaddset(&defaults, SIGPIPE);
  ::sigaddset(&defaults, SIGXFSZ);
  settings.note(::posix_spawnattr_setsigdefault(&settings.attributes, &defaults));
  flags |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
}

void set_group(SpawnSettings& settings, const Spawn& spawn, short& flags) noexcept {
  if (spawn.new_session) flags |= POSIX_SPAWN_SETSID;
  if (spawn.process_group < 0) return;
  settings.note(::posix_spawnattr_setpgroup(&settings.attributes, spawn.process_group));
  flags |= POSIX_SPAWN_SETPGROUP;
}

// dup2() of a descriptor to itself leaves it open for the program, by posix_spawn's own rule.
void set_descriptors(SpawnSettings& settings, const Spawn& spawn) noexcept {
  for (int to = 0; to < 3; ++to) {
    const int from = spawn.standard[to];
    if (from >= 0) {
      settings.note(::posix_spawn_file_actions_adddup2(&settings.actions, from, to));
    }
  }
  int next = 3;
  for (const int passed : spawn.passed) {
    for (; next < passed; ++next) {
      settings.note(::posix_spawn_file_actions_addclose(&settings.actions, next));
    }
    settings.note(::posix_spawn_file_actions_adddup2(&settings.actions, passed, passed));
    next = passed + 1;
  }
  settings.note(::posix_spawn_file_actions_addclosefrom_np(&settings.actions, next));
}

int exit_status(const siginfo_t& info) noexcept {
  return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

}  // namespace

int spawn(const Spawn& what) noexcept {
  SpawnSettings settings;
  short flags = 0;
  set_signals(settings, flags);
  set_group(settings, what, flags);
  settings.note(::posix_spawnattr_setflags(&settings.attributes, flags));
  if (what.directory != nullptr) {
    settings.note(::posix_spawn_file_actions_addchdir_np(&settings.actions, what.directory));
  }
  set_descriptors(settings, what);
  if (settings.error == 0) settings.error = fault_of(Call::spawn);
  if (settings.error != 0) return -settings.error;
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, what.program, &settings.actions, &settings.attributes,
                                  what.arguments, what.environment);
  return error == 0 ? pid : -error;
}

int open_pidfd(int pid) noexcept {
  return attempt(Call::pidfd, [=] { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); });
}

int wait_for_child(int pidfd, int& status) noexcept {
  siginfo_t info{};
  const int result = attempt(Call::wait, [&] {
    return ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info,
                    WEXITED | WNOHANG);
  });
  if (result < 0) return result;
  if (info.si_pid == 0) return -EAGAIN;
  status = exit_status(info);
  return 0;
}

void end_child(int pid) noexcept {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int signal_child(int pidfd, int signal) noexcept {
  return attempt(Call::kill, [=] {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U));
  });
}

int make_pipe(int (&ends)[2]) noexcept {
  return attempt(Call::pipe, [&] { return ::pipe2(ends, O_CLOEXEC); });
}

char* const* environment() noexcept { return environ; }

bool is_executable(const char* path) noexcept {
  return ::faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

}  // namespace asyncio::detail::sys
