#include "dashboard/guard.hpp"

#include "dashboard/token.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace asyncio::dashboard {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? lower(host) : "[" + lower(host) + "]";
}

// An address as a host, with brackets if it is one of IPv6: no name server has a say in it.
bool is_address(std::string host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  unsigned char parsed[16];
  return ::inet_pton(AF_INET, host.c_str(), parsed) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), parsed) == 1;
}

std::optional<std::string_view> cookie_of(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view one = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) {
      return one.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

}  // namespace

Guard::Guard(std::string token, std::string host, std::uint16_t port)
    : token_(std::move(token)), host_(in_url(host)), port_(port) {
  any_address_ = host.empty() || host == "0.0.0.0" || host == "::";
}

std::string Guard::url() const {
  const std::string host = any_address_ ? "localhost" : host_;
  return fmt::format("http://{}:{}/?token={}", host, port_, token_);
}

std::string Guard::cookie() const {
  return fmt::format("asyncio_dashboard_{}={}; Path=/; HttpOnly; SameSite=Strict", port_, token_);
}

Guard::Verdict Guard::judge(const http::Request& request) const {
  Verdict verdict;
  const auto refuse = [&verdict](int status, std::string reason) {
    verdict.status = status;
    verdict.reason = std::move(reason);
  };
  const std::string_view origin = request.header("Origin");
  if (!is_our_host(request.header("Host"))) {
    refuse(403, fmt::format("the dashboard answers to {0}:{1} and localhost:{1}, and the request "
                            "was for another host; through a tunnel use the same port on both "
                            "sides: ssh -L {1}:127.0.0.1:{1} ...\n",
                            any_address_ ? "any address" : host_, port_));
  } else if (!origin.empty() && !is_our_origin(origin)) {
    refuse(403, "the request comes from a page of another site\n");
  } else if (request.method() != "GET" && request.method() != "HEAD") {
    refuse(405, "the dashboard is for reading: GET and HEAD\n");
  } else if (!has_token(request, verdict.arrived)) {
    refuse(403, "the token is missing or wrong; open the URL that the dashboard has printed\n");
  }
  return verdict;
}

bool Guard::is_our_host(std::string_view given) const {
  const std::string host = lower(given);
  const std::string port = fmt::format(":{}", port_);
  std::string name = host;
  if (host.ends_with(port)) {
    name.resize(host.size() - port.size());
  } else if (port_ != 80) {
    return false;
  }
  if (name == "localhost" || name == host_) return true;
  if (host_ == "localhost") return name == "127.0.0.1" || name == "[::1]";
  return any_address_ && is_address(name);
}

bool Guard::is_our_origin(std::string_view origin) const {
  constexpr std::string_view scheme = "http://";
  return origin.starts_with(scheme) && is_our_host(origin.substr(scheme.size()));
}

bool Guard::has_token(const http::Request& request, bool& arrived) const {
  if (request.path() == "/") {
    const std::optional<std::string> given = request.query_value("token");
    if (given) return arrived = same_token(*given, token_);
  }
  const std::string_view authorization = request.header("Authorization");
  constexpr std::string_view bearer = "Bearer ";
  if (authorization.starts_with(bearer)) {
    return same_token(authorization.substr(bearer.size()), token_);
  }
  const auto given =
      cookie_of(request.header("Cookie"), fmt::format("asyncio_dashboard_{}", port_));
  return given && same_token(*given, token_);
}

}  // namespace asyncio::dashboard
