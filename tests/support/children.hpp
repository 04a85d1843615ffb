#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace support {

/// What became of a child: "exit N" or "signal N".
inline std::string end_of(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return "no such child";
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

/// Runs `body` in a forked child, for ten seconds at most; what it returns is the exit code, 99 an
/// error. Returns: the child.
template <class F>
pid_t start_child(F&& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::alarm(10);
  int code = 99;
  try {
    code = body();
  } catch (...) {
    // It is 99.
  }
  ::_exit(code);
}

template <class F>
std::string end_of_child(F&& body) {
  return end_of(start_child(body));
}

}  // namespace support
