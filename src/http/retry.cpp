#include <asyncio/http_retry.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>

#include "http/client_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <utility>

namespace asyncio::http {
namespace detail {
namespace {

using OutgoingRef = std::shared_ptr<const Outgoing>;

bool is_busy(int status) noexcept {
  constexpr int statuses[] = {408, 425, 429, 500, 502, 503, 504};
  return std::find(std::begin(statuses), std::end(statuses), status) != std::end(statuses);
}

bool is_worth_another(const Result<Response>& outcome) {
  if (outcome) return is_busy(outcome.value().status_code);
  return !outcome.cancelled() && asyncio::detail::holds<TransportError>(outcome.error());
}

// In seconds; the other form, a date, is rare and needs clocks that agree.
std::optional<Duration> retry_after(const Result<Response>& outcome) {
  if (!outcome) return std::nullopt;
  const std::string_view text = outcome.value().headers.value("Retry-After");
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Duration::nanoseconds(std::int64_t{seconds} * 1'000'000'000);
}

Duration wait_before(int attempt, const RetryOptions& options, const Result<Response>& outcome) {
  if (const auto asked = retry_after(outcome)) return std::min(*asked, options.longest);
  thread_local std::minstd_rand random(std::random_device{}());
  const double longest = options.longest.seconds();
  const double full =
      std::min(options.backoff.seconds() * std::pow(options.factor, attempt - 1), longest);
  std::uniform_real_distribution<double> part(1.0 - options.jitter, 1.0);
  return Duration::nanoseconds(static_cast<std::int64_t>(full * part(random) * 1e9));
}

Coro<Response> ask_again(ClientState::Self client, OutgoingRef outgoing, RetryOptions options) {
  const bool may_repeat =
      outgoing->is_idempotent() || (options.all_methods && outgoing->chunks == nullptr);
  for (int attempt = 1;; ++attempt) {
    auto outcome = co_await as_result(ClientState::request(client, outgoing));
    if (attempt >= options.attempts || !may_repeat || !is_worth_another(outcome)) {
      co_return std::move(outcome).value();
    }
    co_await sleep(wait_before(attempt, options, outcome));
  }
}

}  // namespace
}  // namespace detail

Retry::Retry(RetryOptions options) : options_(options) {
  if (options.attempts < 1 || !(options.factor >= 1.0) ||
      !(options.jitter >= 0.0 && options.jitter <= 1.0)) {
    asyncio::detail::throw_invalid_argument(
        fmt::format("http::Retry: attempts = {}, factor = {}, jitter = {}; they are at least 1, at "
                    "least 1, and from 0 to 1",
                    options.attempts, options.factor, options.jitter));
  }
}

Coro<Response> Retry::request(const Client& client, std::string_view method, std::string_view url,
                              RequestOptions options) const {
  const detail::ClientState::Self& state = client.state_;
  auto outgoing = std::make_shared<const detail::Outgoing>(state->config(), method, url, options);
  return detail::ask_again(state, std::move(outgoing), options_);
}

}  // namespace asyncio::http
