#include "process/fork_server.hpp"

#include <asyncio/detail/thread_state.hpp>

#include "io/program_entry.hpp"
#include "io/system.hpp"
#include "io/system_fork.hpp"
#include "io/system_process.hpp"
#include "process/fork_server_messages.hpp"
#include "process/worker.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace asyncio::detail {
namespace {

// Its value is the process that asks: what the program starts on its way to run() is not meant.
constexpr const char* variable = "ASYNCIO_FORK_SERVER";

/// In the fork server. It waits for requests and for the ends of its children, and when the parent
/// is gone, or wants it gone, it takes them along.
class Server {
 public:
  explicit Server(int control) noexcept : control_(control), pid_(sys::process_id()) {}

  [[noreturn]] void serve() {
    const std::size_t threads = sys::thread_count();
    if (threads > 1) {
      report(ForkReport::Kind::has_threads, static_cast<int>(threads));
      end();
    }
    report(ForkReport::Kind::ready, 0);
    for (;;) {
      wait();
      if (polled_.front().revents != 0 && !take_request()) end();
      reap_ended();
    }
  }

 private:
  struct Child {
    std::uint64_t worker;
    int pid;
    int pidfd;
  };

  void wait() {
    polled_.clear();
    polled_.push_back({control_, POLLIN, 0});
    for (const Child& child : children_) polled_.push_back({child.pidfd, POLLIN, 0});
    sys::wait_for_any(polled_.data(), polled_.size());
  }

  bool take_request() {
    ForkRequest request;
    int socket = -1;
    const std::int64_t got =
        sys::receive_with_descriptor(control_, &request, sizeof request, socket);
    if (got != sizeof request) return false;
    if (request.kind == ForkRequest::Kind::kill) {
      for (const Child& child : children_) {
        if (child.worker == request.worker) sys::kill_child(child.pid);
      }
    } else {
      make_worker(request, socket);
    }
    if (socket >= 0) sys::close(socket);
    return true;
  }

  void make_worker(const ForkRequest& request, int socket) {
    children_.reserve(children_.size() + 1);
    const int pid = sys::fork_flushed();
    if (pid == 0) begin_worker(request, socket);
    if (pid < 0) return report(ForkReport::Kind::not_forked, -pid, request.worker);
    const int pidfd = sys::open_pidfd(pid);
    if (pidfd < 0) {
      sys::end_child(pid);
      return report(ForkReport::Kind::not_forked, -pidfd, request.worker);
    }
    children_.push_back({request.worker, pid, pidfd});
  }

  [[noreturn]] void begin_worker(const ForkRequest& request, int socket) const {
    sys::die_with_parent(pid_);
    const int own = sys::keep_only(socket);
    sys::set_blocking(own);
    run_worker(own, request.initializer);
  }

  void reap_ended() {
    for (std::size_t i = 1; i < polled_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      const auto ended = std::find_if(children_.begin(), children_.end(), [&](const Child& child) {
        return child.pidfd == polled_[i].fd;
      });
      if (ended == children_.end()) continue;
      int status = 0;
      sys::reap(ended->pid, status);
      sys::close(ended->pidfd);
      report(ForkReport::Kind::ended, status, ended->worker);
      children_.erase(ended);
    }
  }

  void report(ForkReport::Kind kind, int value, std::uint64_t worker = 0) const {
    const ForkReport message{.kind = kind, .value = value, .worker = worker};
    sys::send_with_descriptor(control_, &message, sizeof message, -1);
  }

  [[noreturn]] void end() {
    for (const Child& child : children_) sys::kill_child(child.pid);
    int status = 0;
    for (const Child& child : children_) sys::reap(child.pid, status);
    sys::exit_at_once(0);
  }

  int control_;
  int pid_;
  std::vector<Child> children_;
  std::vector<pollfd> polled_;
};

[[noreturn]] void run_fork_server(int control) noexcept {
  thread_state.task = nullptr;  // the parent's
  sys::begin_signals();
  sys::forget_rings();
  const int own = sys::keep_only(control);
  sys::set_blocking(own);
  Server(own).serve();  // noexcept: without memory this process ends, and the parent hears of it
}

class SocketPair {
 public:
  SocketPair() {
    const int error = sys::pair_for_messages(ends_);
    if (error < 0) sys::throw_errno(-error, "ProcessPoolExecutor: socketpair");
  }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  ~SocketPair() {
    for (const int fd : ends_) {
      if (fd >= 0) sys::close(fd);
    }
  }
  [[nodiscard]] int theirs() const noexcept { return ends_[1]; }
  int take_ours() noexcept { return std::exchange(ends_[0], -1); }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace

ForkServer start_fork_server() {
  SocketPair sockets;
  ForkServer server;
  server.again = sys::thread_count() != 1;
  if (server.again) {
    server.pid = sys::run_program_again(
        sockets.theirs(), std::string(variable) + "=" + std::to_string(sys::process_id()));
    if (server.pid < 0) {
      sys::throw_errno(-server.pid, "ProcessPoolExecutor: running this program again");
    }
  } else {
    server.pid = sys::fork_flushed();
    if (server.pid == 0) run_fork_server(sockets.theirs());
    if (server.pid < 0) sys::throw_errno(-server.pid, "ProcessPoolExecutor: fork");
  }
  server.control = sockets.take_ours();
  return server;
}

void become_fork_server_if_asked() {
  constexpr int control = 3;
  const char* asked = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (asked == nullptr) return;
  const bool by_us = std::to_string(sys::parent_id()) == asked && sys::is_socket(control);
  ::unsetenv(variable);  // NOLINT(concurrency-mt-unsafe): not for what this program starts
  if (by_us) run_fork_server(control);
}

namespace {
// A program that has no pools does not link this.
const ProgramEntry entry(&become_fork_server_if_asked);
}  // namespace

}  // namespace asyncio::detail
