// The other end of the clients, which does next to nothing: GET / is answered at once, GET /slow
// after 100 ms and GET /never never. One thread, level-triggered epoll.
//
// A client sends a request in one piece, and the next one when it has the answer.
#include <sys/epoll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "http/plan.hpp"
#include "net/socket.hpp"

namespace {

using namespace bench::net;

constexpr std::int64_t delay = 100'000'000;  // nanoseconds

std::int64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class Responder {
 public:
  Responder() {
    const int listener = listen_and_announce(SOCK_NONBLOCK);
    watch(listener);
    serve(listener);
  }

 private:
  struct Due {
    std::int64_t at;
    int fd;
  };

  void serve(int listener) {
    std::array<epoll_event, 1024> events;
    for (;;) {
      const int ready = wait(events);
      if (ready < 0 && errno != EINTR) die("epoll_pwait2");
      for (int i = 0; i < ready; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        fd == listener ? accept_all(listener) : receive(fd);
      }
      while (!due_.empty() && due_.front().at <= now()) {
        answer(due_.front().fd);
        due_.pop_front();
      }
    }
  }

  int wait(std::array<epoll_event, 1024>& events) const {
    const int most = static_cast<int>(events.size());
    if (due_.empty()) return epoll_wait(epoll_, events.data(), most, -1);
    const std::int64_t left = std::max(due_.front().at - now(), std::int64_t{0});
    const timespec time{left / 1'000'000'000, left % 1'000'000'000};
    return epoll_pwait2(epoll_, events.data(), most, &time, nullptr);
  }

  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    must(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }

  void accept_all(int listener) const {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (would_block() || errno == ECONNABORTED) return;
        die("accept4");
      }
      set_nodelay(fd);
      watch(fd);
    }
  }

  void receive(int fd) {
    const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && would_block()) return;
    if (n <= 0) {
      close(fd);
      return;
    }
    const std::string_view request(buffer_.data(), static_cast<std::size_t>(n));
    if (!request.ends_with("\r\n\r\n")) {
      std::fputs("a request has not come in one piece\n", stderr);
      std::exit(1);
    }
    if (request.starts_with("GET / ")) {
      answer(fd);
    } else if (request.starts_with("GET /slow ")) {
      due_.push_back({now() + delay, fd});
    }
  }

  void answer(int fd) const { send(fd, response_.data(), response_.size(), MSG_NOSIGNAL); }

  int epoll_ = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  std::array<char, 64 * 1024> buffer_;
  std::deque<Due> due_;  // all wait equally long
  const std::string response_ =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bench::http::body_size) +
      "\r\nContent-Type: text/plain\r\n\r\n" + std::string(bench::http::body_size, 'x');
};

}  // namespace

int main() { Responder responder; }
