#include "http/multi.hpp"

#include "http/transfer.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace asyncio::http::detail {
namespace {

void check(CURLMcode code) {
  if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code != CURLM_OK) throw RuntimeError(curl_multi_strerror(code));
}

// Null for a handle that curl has made for itself.
Transfer* transfer_of(CURL* easy) {
  char* transfer = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  return reinterpret_cast<Transfer*>(transfer);
}

template <class T>
void set(CURLM* multi, CURLMoption option, T value) {
  check(curl_multi_setopt(multi, option, value));
}

}  // namespace

Multi::Multi(EventLoop& loop, const Limits& limits) : loop_(loop), handle_(curl_multi_init()) {
  if (handle_ == nullptr) throw std::bad_alloc();
  CURLM* const multi = handle_.get();
  set(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
  set(multi, CURLMOPT_SOCKETDATA, this);
  set(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
  set(multi, CURLMOPT_TIMERDATA, this);
  set(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(limits.max_connections.value_or(0)));
  set(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
      static_cast<long>(limits.max_connections_per_host.value_or(0)));
  // curl's 0 is "four times as many as requests".
  set(multi, CURLMOPT_MAXCONNECTS,
      static_cast<long>(std::max(limits.max_keepalive_connections, std::size_t{1})));
}

Multi::~Multi() {
  handle_.reset();
  if (timer_) timer_->cancel();
  while (!watches_.empty()) unwatch(watches_.begin()->first);
}

void Multi::add(Transfer& transfer) {
  check(curl_multi_add_handle(handle_.get(), transfer.easy()));
  transfers_.enter(transfer);
}

void Multi::remove(Transfer& transfer) noexcept {
  transfers_.leave(transfer);
  curl_multi_remove_handle(handle_.get(), transfer.easy());
}

void Multi::fail_all(const std::exception_ptr& error) noexcept {
  while (Transfer* transfer = transfers_.first()) {
    transfer->fail(error);
    transfer->stop();
  }
}

int Multi::on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) noexcept {
  auto& multi = *static_cast<Multi*>(self);
  if (what == CURL_POLL_REMOVE) {
    multi.unwatch(fd);
    return 0;
  }
  try {
    multi.watch(fd, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
  } catch (...) {
    if (Transfer* transfer = transfer_of(easy)) transfer->fail(std::current_exception());
  }
  return 0;
}

void Multi::watch(int fd, bool reads, bool writes) {
  Watch& now = watches_[fd];
  if (reads && !now.reads) {
    loop_.add_reader(fd, [this, fd] { act(fd, CURL_CSELECT_IN); });
  } else if (!reads && now.reads) {
    loop_.remove_reader(fd);
  }
  now.reads = reads;
  if (writes && !now.writes) {
    loop_.add_writer(fd, [this, fd] { act(fd, CURL_CSELECT_OUT); });
  } else if (!writes && now.writes) {
    loop_.remove_writer(fd);
  }
  now.writes = writes;
}

void Multi::unwatch(int fd) noexcept {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  if (found->second.reads) loop_.remove_reader(fd);
  if (found->second.writes) loop_.remove_writer(fd);
  watches_.erase(found);
}

int Multi::on_timer(CURLM*, long milliseconds, void* self) noexcept {
  try {
    static_cast<Multi*>(self)->set_timer(milliseconds);
    return 0;
  } catch (...) {
    return -1;  // curl gives up all transfers and says so
  }
}

void Multi::set_timer(long milliseconds) {
  if (timer_) timer_->cancel();
  timer_.reset();
  const auto act_on_time = [this] {
    timer_.reset();
    act(CURL_SOCKET_TIMEOUT, 0);
  };
  if (milliseconds == 0) {
    timer_ = loop_.call_soon(act_on_time);
  } else if (milliseconds > 0) {
    timer_ = loop_.call_later(Duration::nanoseconds(milliseconds * 1'000'000), act_on_time);
  }
}

void Multi::act(int fd, int events) noexcept {
  int running = 0;
  curl_multi_socket_action(handle_.get(), fd, events, &running);
  finish_those_that_are_over();
}

void Multi::finish_those_that_are_over() noexcept {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(handle_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // gone with the message
    Transfer& transfer = *transfer_of(message->easy_handle);
    remove(transfer);
    transfer.finish(code);
  }
}

}  // namespace asyncio::http::detail
