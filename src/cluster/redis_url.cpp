#include "cluster/redis_url.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace asyncio::cluster::detail {

namespace {

constexpr std::string_view forms =
    "give \"redis://[USER:PASSWORD@]HOST[:6379][/DATABASE]\", \"rediss://...\" for TLS, or "
    "\"unix://[USER:PASSWORD@]/PATH[?db=DATABASE]\"";

[[noreturn]] void refuse(std::string_view what) {
  asyncio::detail::throw_invalid_argument(
      fmt::format("RedisBroker(): the URL has {}; {}", what, forms));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) refuse("a \"%\" without two hexadecimal digits behind it");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

template <class N>
std::optional<N> number(std::string_view digits) noexcept {
  N value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::uint32_t database(std::string_view digits) {
  const auto value = number<std::uint32_t>(digits);
  if (!value) refuse(fmt::format("\"{}\" where the number of the database belongs", digits));
  return *value;
}

// Takes "USER:PASSWORD@", ":PASSWORD@" or "PASSWORD-less USER@" from the front.
void take_login(std::string_view& rest, RedisAddress& address) {
  const std::size_t authority = rest.find('/');
  const std::size_t at = rest.substr(0, authority).rfind('@');
  if (at == std::string_view::npos) return;
  const std::string_view login = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const std::size_t colon = login.find(':');
  if (colon == std::string_view::npos) {
    refuse("a user without a password, which nobody can log in with");
  }
  address.user = percent_decoded(login.substr(0, colon));
  address.password = percent_decoded(login.substr(colon + 1));
}

void take_port(std::string_view digits, RedisAddress& address) {
  const auto value = number<std::uint16_t>(digits);
  if (!value || *value == 0) refuse(fmt::format("\"{}\" where the port belongs", digits));
  address.port = *value;
}

void take_host(std::string_view authority, RedisAddress& address) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) refuse("a \"[\" without \"]\"");
    address.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (authority.empty()) return;
    if (!authority.starts_with(':')) refuse("something between \"]\" and the port");
    return take_port(authority.substr(1), address);
  }
  const std::size_t colon = authority.find(':');
  address.host = authority.substr(0, colon);
  if (colon != std::string_view::npos) take_port(authority.substr(colon + 1), address);
}

void parse_network(std::string_view rest, RedisAddress& address) {
  const std::size_t slash = rest.find('/');
  take_host(rest.substr(0, slash), address);
  if (address.host.empty()) refuse("no host");
  if (slash == std::string_view::npos || slash + 1 == rest.size()) return;
  address.database = database(rest.substr(slash + 1));
}

void parse_unix(std::string_view rest, RedisAddress& address) {
  const std::size_t question = rest.find('?');
  address.path = percent_decoded(rest.substr(0, question));
  if (!address.path.starts_with('/')) refuse("no absolute path");
  if (question == std::string_view::npos) return;
  const std::string_view query = rest.substr(question + 1);
  if (!query.starts_with("db=")) refuse(fmt::format("\"?{}\", which is not \"?db=\"", query));
  address.database = database(query.substr(3));
}

}  // namespace

std::string RedisAddress::shown() const {
  if (host.empty()) return "unix://" + path;
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", tls ? "rediss" : "redis", is_v6 ? "[" : "", host,
                     is_v6 ? "]" : "", port);
}

RedisAddress parse_redis_url(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) refuse("no \"://\"");
  const std::string_view scheme = url.substr(0, colon);
  std::string_view rest = url.substr(colon + 3);
  RedisAddress address;
  take_login(rest, address);
  if (scheme == "unix") {
    parse_unix(rest, address);
  } else if (scheme == "redis" || scheme == "rediss") {
    address.tls = scheme == "rediss";
    parse_network(rest, address);
  } else {
    refuse(fmt::format("the scheme \"{}\"", scheme));
  }
  return address;
}

}  // namespace asyncio::cluster::detail
