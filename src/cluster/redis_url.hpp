#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::cluster::detail {

/// What a URL says about where Redis is.
struct RedisAddress {
  std::string host;  ///< "": a unix socket
  std::uint16_t port = 6379;
  std::string path;  ///< of the unix socket
  bool tls = false;
  std::string user;  ///< "": Redis' default one
  std::string password;
  std::uint32_t database = 0;

  /// For messages: without user and password.
  [[nodiscard]] std::string shown() const;
};

/// Throws: std::invalid_argument, which does not show the password.
[[nodiscard]] RedisAddress parse_redis_url(std::string_view url);

}  // namespace asyncio::cluster::detail
