#pragma once

#include <asyncio/event_loop.hpp>
#include <asyncio/http.hpp>

#include "base/chain.hpp"
#include "http/curl_owned.hpp"

#include <map>
#include <optional>

namespace asyncio::http::detail {

class Transfer;

/// libcurl's transfers, driven by the loop: it says which sockets and when, the loop tells it what
/// has happened. No thread, and nothing is asked in vain.
class Multi {
 public:
  Multi(EventLoop& loop, const Limits& limits);
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi();

  /// Throws: std::bad_alloc, RuntimeError.
  void add(Transfer& transfer);
  /// Frees what the transfer holds of a connection. Not from inside a callback of curl's.
  void remove(Transfer& transfer) noexcept;
  /// Each ends with this error.
  void fail_all(const std::exception_ptr& error) noexcept;

  [[nodiscard]] EventLoop& loop() const noexcept { return loop_; }

 private:
  struct Watch {
    bool reads = false;
    bool writes = false;
  };

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) noexcept;
  static int on_timer(CURLM*, long milliseconds, void* self) noexcept;
  void watch(int fd, bool reads, bool writes);
  void unwatch(int fd) noexcept;
  void set_timer(long milliseconds);
  void act(int fd, int events) noexcept;
  void finish_those_that_are_over() noexcept;

  EventLoop& loop_;
  std::map<int, Watch> watches_;
  asyncio::detail::Chain<Transfer> transfers_;
  std::optional<Handle> timer_;
  MultiHandle handle_;  // last: its end calls on_socket()
};

}  // namespace asyncio::http::detail
