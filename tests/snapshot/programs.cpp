#include "snapshot/programs.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace support {
namespace {

void exec(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  std::_Exit(127);
}

std::string content(std::FILE* file) {
  std::string text;
  std::rewind(file);
  char part[4096];
  for (std::size_t n = 0; (n = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, n);
  std::fclose(file);
  return text;
}

}  // namespace

Target::Target(const std::string& scenario, const std::string& program) {
  int input[2] = {};
  int output[2] = {};
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2");
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(output[1], STDOUT_FILENO);
    ::alarm(100);  // not to outlive a test that was killed
    exec({program, scenario});
  }
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  std::string text;
  char byte = 0;
  while (text != "ready\n" && ::read(output[0], &byte, 1) == 1) text += byte;
  ::close(output[0]);
  if (text != "ready\n") throw std::runtime_error(program + " " + scenario + " did not begin");
}

Target::~Target() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ::close(input_);
}

bool Target::alive() const noexcept { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

Output run_program(const std::vector<std::string>& words, unsigned seconds) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(::fileno(out), STDOUT_FILENO);
    ::dup2(::fileno(err), STDERR_FILENO);
    ::alarm(seconds);
    exec(words);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {content(out), content(err),
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

}  // namespace support
