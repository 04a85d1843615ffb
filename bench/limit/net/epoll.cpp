// The limit of the network: epoll, level-triggered, one thread, one buffer for all connections.
// epoll echo|http|churn
#include <sys/epoll.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "net/socket.hpp"

namespace {

using namespace bench::net;

struct Connection {
  Requests requests;
  std::unique_ptr<std::string> unsent;  ///< while there is some, nothing is read
};

class Server {
 public:
  explicit Server(bool http) : http_(http) {
    listener_ = listen_and_announce(SOCK_NONBLOCK);
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  void serve() {
    epoll_event events[1024];
    for (;;) {
      const int ready = epoll_wait(epoll_, events, 1024, -1);
      if (ready < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < ready; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (connections_[static_cast<std::size_t>(fd)].unsent) {
          write_rest(fd);
        } else {
          answer(fd);
        }
      }
    }
  }

 private:
  void watch(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    must(epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (would_block() || errno == ECONNABORTED) return;
        die("accept4");
      }
      set_nodelay(fd);
      const auto index = static_cast<std::size_t>(fd);
      if (index >= connections_.size()) connections_.resize(index + 1);
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
  }

  void end(int fd) {
    connections_[static_cast<std::size_t>(fd)] = {};
    close(fd);
  }

  void answer(int fd) {
    const ssize_t n = recv(fd, buffer_.get(), read_size, 0);
    if (n < 0 && would_block()) return;
    if (n <= 0) return end(fd);
    std::string_view reply(buffer_.get(), static_cast<std::size_t>(n));
    if (http_) {
      reply = responses_.to(connections_[static_cast<std::size_t>(fd)].requests.ended_by(reply));
      if (reply.empty()) return;
    }
    const ssize_t sent = send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
    if (sent < 0 && !would_block()) return end(fd);
    if (sent > 0) reply.remove_prefix(static_cast<std::size_t>(sent));
    if (reply.empty()) return;
    connections_[static_cast<std::size_t>(fd)].unsent = std::make_unique<std::string>(reply);
    watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
  }

  void write_rest(int fd) {
    auto& unsent = connections_[static_cast<std::size_t>(fd)].unsent;
    const ssize_t sent = send(fd, unsent->data(), unsent->size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (!would_block()) end(fd);
      return;
    }
    unsent->erase(0, static_cast<std::size_t>(sent));
    if (!unsent->empty()) return;
    unsent.reset();
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
  }

  bool http_;
  int epoll_ = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  int listener_ = -1;
  std::vector<Connection> connections_;  ///< by descriptor
  std::unique_ptr<char[]> buffer_{new char[read_size]};
  Responses responses_;
};

}  // namespace

int main(int argc, char** argv) { Server(argc > 1 && std::strcmp(argv[1], "http") == 0).serve(); }
