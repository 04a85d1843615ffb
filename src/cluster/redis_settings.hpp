#pragma once

#include <asyncio/duration.hpp>
#include <asyncio/ssl.hpp>

#include "cluster/redis_url.hpp"

#include <optional>
#include <string>

namespace asyncio::cluster::detail {

/// What all connections of a broker have in common.
struct RedisSettings {
  RedisAddress address;
  std::optional<ssl::Context> ssl;
  Duration connect_timeout;
  /// Some connection was made: what goes wrong from here on, time may heal.
  bool reached = false;
  /// It was said that the server cannot be reached, and it was not reached since.
  bool complained = false;
};

}  // namespace asyncio::cluster::detail
