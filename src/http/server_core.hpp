#pragma once

#include <asyncio/detail/http_handler.hpp>
#include <asyncio/http_server.hpp>

#include "base/chain.hpp"
#include "http/router.hpp"

#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

class ServerConnection;

/// What the connections of a server share. It lives until the last of them has ended.
///
/// Threads: the loop's.
class ServerCore {
 public:
  explicit ServerCore(const ServerLimits& server_limits) : limits(server_limits) {}
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  /// Of this second, as a header line.
  [[nodiscard]] std::string_view date();
  /// Those on which no request has begun are closed, the others after their request.
  void close_connections() noexcept;
  [[nodiscard]] bool closing() const noexcept { return closing_; }

  Router router;
  std::forward_list<Handler> fallbacks;  ///< the first one counts; others may still run
  const ServerLimits limits;
  asyncio::detail::Chain<ServerConnection> connections;

 private:
  ~ServerCore() = default;

  std::string date_;
  std::int64_t dated_ = -1;
  unsigned users_ = 1;
  bool closing_ = false;
};

}  // namespace asyncio::http::detail
