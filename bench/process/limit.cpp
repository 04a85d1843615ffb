// What processes, pipes and files cost without a library: the system calls that are needed.
#include "rows.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

using bench::require;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t job_size = 64;

pid_t start(const char* program, const posix_spawn_file_actions_t* actions) {
  pid_t pid = 0;
  std::array<char*, 2> arguments = {const_cast<char*>(program), nullptr};
  require(posix_spawn(&pid, program, actions, nullptr, arguments.data(), environ) == 0, program);
  return pid;
}

void reap(pid_t pid) {
  int status = 0;
  require(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

void spawn(long n) {
  for (long i = 0; i < n; ++i) reap(start("/bin/true", nullptr));
}

// As many mebibytes through `cat`, by poll(), read() and write().
void pipe_cat(long n) {
  int in[2];
  int out[2];
  require(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  const pid_t pid = start("/bin/cat", &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  std::vector<char> buffer(mebibyte, 'x');
  std::vector<char> received(mebibyte);
  const std::size_t all = static_cast<std::size_t>(n) * mebibyte;
  std::size_t sent = 0;
  std::size_t got = 0;
  while (got < all) {
    while (sent < all) {
      const ssize_t taken = write(in[1], buffer.data(), std::min(all - sent, buffer.size()));
      if (taken < 0) break;
      sent += static_cast<std::size_t>(taken);
    }
    ssize_t piece = 0;
    while ((piece = read(out[0], received.data(), received.size())) > 0) {
      got += static_cast<std::size_t>(piece);
    }
    if (got == all) break;
    std::array<pollfd, 2> polled = {pollfd{out[0], POLLIN, 0},
                                    pollfd{sent < all ? in[1] : -1, POLLOUT, 0}};
    poll(polled.data(), polled.size(), -1);
  }
  close(in[1]);
  close(out[0]);
  reap(pid);
}

// A child that answers, and nothing else.
void pool(long n) {
  int ends[2];
  require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::array<char, job_size> job{};
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    while (read(ends[1], job.data(), job.size()) > 0) {
      if (write(ends[1], job.data(), job.size()) < 0) break;
    }
    _exit(0);
  }
  close(ends[1]);
  for (long i = 0; i < n; ++i) {
    require(write(ends[0], job.data(), job.size()) == job_size, "write");
    require(read(ends[0], job.data(), job.size()) == job_size, "read");
  }
  close(ends[0]);
  reap(pid);
}

const char* file_name() { return std::getenv("BENCH_FILE"); }

void file(std::size_t piece) {
  const int fd = open(file_name(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, "open BENCH_FILE");
  std::vector<char> buffer(piece);
  std::size_t got = 0;
  ssize_t n = 0;
  while ((n = read(fd, buffer.data(), buffer.size())) > 0) got += static_cast<std::size_t>(n);
  require(got == std::size_t{1} << 30, "read");
  close(fd);
}
void file_1m(long) { file(mebibyte); }
void file_64k(long) { file(mebibyte / 16); }

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv,
                     {{"spawn", 300, &spawn},
                      {"pipe", 1024, &pipe_cat, nullptr, true},
                      {"pool", 5000, &pool},
                      {"file_1m", 1024, &file_1m, nullptr, true},
                      {"file_64k", 1024, &file_64k, nullptr, true}});
}
