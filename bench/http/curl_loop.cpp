// libcurl by itself as a client of this benchmark: curl_multi_socket_action() on epoll and a
// timerfd, as curl documents it, and nothing else; plan.hpp says what it is asked. With
// BENCH_CURL_TIMER=epoll_wait its time-out does the timer's work, which takes no calls of its own.
//
// Options are those that asyncio::http::Client sets, where they mean work. Each task keeps its easy
// handle: options are set once, for a request only its URL. (A client that does not know what the
// next request needs sets them all again after curl_easy_reset(); so this is the least.)
#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/plan.hpp"
#include "net/socket.hpp"

namespace {

using namespace bench::http;
using bench::net::die;
using bench::net::must;

/// What one easy handle has received.
struct Task {
  CURL* easy = nullptr;
  std::string headers;
  std::string body;
};

std::size_t append(char* bytes, std::size_t size, std::size_t n, void* to) {
  static_cast<std::string*>(to)->append(bytes, size * n);
  return size * n;
}

template <class Code>
void check(Code code) {
  if (code == Code{}) return;
  std::fprintf(stderr, "libcurl: error %d\n", static_cast<int>(code));
  std::exit(1);
}

class Loop {
  static constexpr double never = -1;

 public:
  explicit Loop(const Plan& plan) : tasks_(plan.tasks) {
    const char* const timer = std::getenv("BENCH_CURL_TIMER");
    has_timerfd_ = timer == nullptr || std::string_view(timer) != "epoll_wait";
    if (has_timerfd_) watch(EPOLL_CTL_ADD, timer_, EPOLLIN);
    set(CURLMOPT_SOCKETFUNCTION, &on_socket);
    set(CURLMOPT_SOCKETDATA, this);
    set(CURLMOPT_TIMERFUNCTION, &on_timer);
    set(CURLMOPT_TIMERDATA, this);
    set(CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(plan.connections));
    set(CURLMOPT_MAXCONNECTS, static_cast<long>(plan.connections));
  }

  void ask_all(const std::string& url, Quota& quota) {
    url_ = &url;
    quota_ = &quota;
    for (Task& task : tasks_) {
      if (!quota.take()) break;
      if (task.easy == nullptr) prepare(task);
      ask(task);
    }
    std::array<epoll_event, 1024> events;
    while (asking_ > 0) {
      const int ready =
          epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), time_left());
      if (ready < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < ready; ++i) handle(events[static_cast<std::size_t>(i)]);
      if (time_left() == 0) {
        expires_ = never;
        time_is_over();
      }
    }
  }

 private:
  template <class T>
  void set(CURLMoption option, T value) {
    check(curl_multi_setopt(multi_, option, value));
  }

  void prepare(Task& task) {
    task.easy = curl_easy_init();
    const auto set = [&](CURLoption option, auto value) {
      check(curl_easy_setopt(task.easy, option, value));
    };
    set(CURLOPT_PRIVATE, &task);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_ACCEPT_ENCODING, "");
    set(CURLOPT_COOKIEFILE, "");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_PROXY, "");
    set(CURLOPT_HEADERFUNCTION, &append);
    set(CURLOPT_HEADERDATA, &task.headers);
    set(CURLOPT_WRITEFUNCTION, &append);
    set(CURLOPT_WRITEDATA, &task.body);
  }

  void ask(Task& task) {
    task.headers.clear();
    task.body.clear();
    check(curl_easy_setopt(task.easy, CURLOPT_URL, url_->c_str()));
    check(curl_multi_add_handle(multi_, task.easy));
    ++asking_;
  }

  void handle(const epoll_event& event) {
    if (event.data.fd == timer_) {
      std::uint64_t expired = 0;
      if (read(timer_, &expired, sizeof expired) < 0) return;  // it was set anew meanwhile
      time_is_over();
      return;
    }
    const int action = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
    int running = 0;
    check(curl_multi_socket_action(multi_, event.data.fd, action, &running));
    take_answers();
  }

  void time_is_over() {
    int running = 0;
    check(curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running));
    take_answers();
  }

  // Milliseconds, rounded up; -1: for ever.
  [[nodiscard]] int time_left() const {
    if (expires_ == never) return -1;
    return expires_ <= 0 ? 0 : std::max(0, static_cast<int>((expires_ - seconds_now()) * 1000) + 1);
  }

  void take_answers() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      check(message->data.result);
      char* of = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &of);
      Task& task = *reinterpret_cast<Task*>(of);
      long status = 0;
      curl_easy_getinfo(task.easy, CURLINFO_RESPONSE_CODE, &status);
      curl_multi_remove_handle(multi_, task.easy);
      --asking_;
      quota_->answered(status, task.body.size());
      if (quota_->take()) ask(task);
    }
  }

  void watch(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    must(epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
  }

  // `known` is what curl_multi_assign() was told: null for a socket that is not watched yet.
  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& loop = *static_cast<Loop*>(self);
    if (what == CURL_POLL_REMOVE) {
      loop.watch(EPOLL_CTL_DEL, fd, 0);
      return 0;
    }
    const std::uint32_t events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    loop.watch(known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, events);
    if (known == nullptr) curl_multi_assign(loop.multi_, fd, &loop);
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* self) {
    auto& loop = *static_cast<Loop*>(self);
    if (!loop.has_timerfd_) {
      const double seconds = static_cast<double>(milliseconds) / 1000;
      loop.expires_ = milliseconds < 0 ? never : milliseconds == 0 ? 0 : seconds_now() + seconds;
      return 0;
    }
    itimerspec time{};
    if (milliseconds > 0) {
      time.it_value = {milliseconds / 1000, milliseconds % 1000 * 1'000'000};
    } else if (milliseconds == 0) {
      time.it_value.tv_nsec = 1;  // 0 would stop it
    }
    must(timerfd_settime(loop.timer_, 0, &time, nullptr), "timerfd_settime");
    return 0;
  }

  int epoll_ = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  int timer_ = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create");
  bool has_timerfd_ = true;
  double expires_ = never;  // without a timerfd
  CURLM* multi_ = curl_multi_init();
  std::vector<Task> tasks_;
  std::size_t asking_ = 0;
  const std::string* url_ = nullptr;
  Quota* quota_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  const Plan plan = plan_of(argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Loop loop(plan);
  Quota warm(plan.warming);
  loop.ask_all(plan.warm_url, warm);
  wait_for_start();
  Quota quota(plan);
  loop.ask_all(plan.url, quota);
  quota.report();
  wait_for_line();
}
