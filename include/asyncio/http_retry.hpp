#pragma once

#include <asyncio/http.hpp>

#include <string_view>
#include <type_traits>

namespace asyncio::http {

struct RetryOptions {
  /// All together, the first one too.
  int attempts = 3;
  /// Before the second attempt; each later one waits `factor` times as long, at most `longest`.
  Duration backoff = Duration::nanoseconds(500'000'000);
  double factor = 2.0;
  Duration longest = Duration::nanoseconds(30'000'000'000);
  /// Each wait is shortened by a random part of itself, up to this one, so that many clients do not
  /// come back at the same instant.
  double jitter = 0.5;
  /// Also POST and PATCH, which a server then may carry out twice.
  bool all_methods = false;
};
static_assert(std::is_trivially_destructible_v<RetryOptions>);

/// Asks again when a server was not reached, or is busy: after a TransportError, and after 408,
/// 425, 429, 500, 502, 503 and 504. A Retry-After of the answer counts, up to `longest`.
///
///     const asyncio::http::Retry retry({.attempts = 5});
///     auto answer = co_await retry.get(client, url);
///
/// What cannot be sent again is not: a body that is made while it is sent, and, unless all_methods,
/// what is not idempotent.
///
/// Not in httpx: ours.
/// Returns, throws: what the last attempt does.
/// Cancellation: of every request: as the client's.
class Retry {
 public:
  /// Throws: std::invalid_argument without an attempt, for a factor below 1 and a jitter that is
  /// none of 0 to 1.
  explicit Retry(RetryOptions options = {});

  [[nodiscard]] Coro<Response> get(const Client& client, std::string_view url,
                                   RequestOptions options = {}) const {
    return request(client, "GET", url, options);
  }
  [[nodiscard]] Coro<Response> request(const Client& client, std::string_view method,
                                       std::string_view url, RequestOptions options = {}) const;

 private:
  RetryOptions options_;
};

}  // namespace asyncio::http
