#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace support {

using Log = std::vector<std::string>;

/// Waits until it is cancelled, takes its time to clean up, and tells how it ends.
inline asyncio::Coro<> log_end(Log& log, std::string name, asyncio::Duration cleanup = {}) {
  auto end = co_await asyncio::as_result(asyncio::sleep(std::chrono::hours(1)));
  if (cleanup > asyncio::Duration()) co_await asyncio::sleep(cleanup);
  log.push_back(name + (end.cancelled() ? " cancelled" : " ended"));
  end.value();
}

/// Throws a domain_error.
inline asyncio::Coro<> fail_after(asyncio::Duration delay, std::string text) {
  co_await asyncio::sleep(delay);
  throw std::domain_error(text);
}

/// The same, when it is cancelled.
inline asyncio::Coro<> fail_when_cancelled(std::string text) {
  (void)co_await asyncio::as_result(asyncio::sleep(std::chrono::hours(1)));
  throw std::domain_error(text);
}

}  // namespace support
