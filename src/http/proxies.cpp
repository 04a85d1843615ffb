#include "http/proxies.hpp"

#include <asyncio/address.hpp>
#include <asyncio/error.hpp>

#include "http/curl_owned.hpp"
#include "http/text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace asyncio::http::detail {
namespace {

// Not shown: it may hold a password.
[[noreturn]] void refuse(std::string_view source, std::string_view why) {
  asyncio::detail::throw_invalid_argument(fmt::format(
      "{}: {}; a proxy is given as \"http://host:3128\", or with https, socks4, socks4a, "
      "socks5 or socks5h",
      source, why));
}

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  const CurlText owned(text);
  return owned.get();
}

Proxy parse(std::string_view source, std::string_view text) {
  const UrlHandle url(curl_url());
  if (url == nullptr) throw std::bad_alloc();
  const std::string whole = text.find("://") == std::string_view::npos
                                ? fmt::format("http://{}", text)
                                : std::string(text);
  if (!is_field_value(whole) || curl_url_set(url.get(), CURLUPART_URL, whole.c_str(),
                                             CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    refuse(source, "this is no URL");
  }
  const std::string scheme = part(url.get(), CURLUPART_SCHEME);
  constexpr std::string_view schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
  if (std::find(std::begin(schemes), std::end(schemes), scheme) == std::end(schemes)) {
    refuse(source, fmt::format("{} is no kind of proxy", quoted(scheme)));
  }
  Proxy proxy;
  proxy.host = part(url.get(), CURLUPART_HOST);
  proxy.username = part(url.get(), CURLUPART_USER, CURLU_URLDECODE);
  proxy.password = part(url.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
  proxy.port = scheme == "http" ? 80 : scheme == "https" ? 443 : 1080;
  const std::string port = part(url.get(), CURLUPART_PORT);
  std::from_chars(port.data(), port.data() + port.size(), proxy.port);
  proxy.url = fmt::format("{}://{}:{}", scheme, proxy.host, proxy.port);
  if (proxy.host.starts_with('[')) proxy.host = proxy.host.substr(1, proxy.host.size() - 2);
  return proxy;
}

const char* variable(const char* lower_case, const char* upper_case) {
  const char* value = std::getenv(lower_case);
  if (value == nullptr && upper_case != nullptr) value = std::getenv(upper_case);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

/// "[::1]:80" or "host:80" or "::1"; 0: no port.
struct HostPort {
  std::string_view host;
  std::uint16_t port = 0;
};

HostPort split(std::string_view entry) {
  std::string_view port;
  if (entry.starts_with('[')) {
    const std::size_t end = std::min(entry.find(']'), entry.size());
    port = entry.substr(std::min(end + 1, entry.size()));
    entry = entry.substr(1, end - 1);
  } else if (std::count(entry.begin(), entry.end(), ':') == 1) {
    port = entry.substr(entry.find(':'));
    entry = entry.substr(0, entry.find(':'));
  }
  HostPort result{entry};
  if (port.starts_with(':')) {
    std::from_chars(port.data() + 1, port.data() + port.size(), result.port);
  }
  return result;
}

bool in_network(std::string_view network, std::string_view host) noexcept {
  const std::size_t slash = network.find('/');
  unsigned bits = 0;
  const std::string_view prefix = network.substr(slash + 1);
  if (std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits).ec != std::errc()) {
    return false;
  }
  for (const int family : {AF_INET, AF_INET6}) {
    unsigned char a[16] = {};
    unsigned char b[16] = {};
    char text[64] = {};
    const auto parse = [&](std::string_view address, unsigned char* into) {
      if (address.size() >= sizeof text) return false;
      std::memset(text, 0, sizeof text);
      address.copy(text, address.size());
      return ::inet_pton(family, text, into) == 1;
    };
    if (!parse(network.substr(0, slash), a) || !parse(host, b)) continue;
    if (bits > (family == AF_INET ? 32U : 128U)) return false;
    const unsigned whole = bits / 8;
    const unsigned rest = bits % 8;
    const auto mask = static_cast<unsigned char>(0xff00U >> rest);
    return std::memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
  }
  return false;
}

}  // namespace

bool matches_no_proxy(std::string_view entry, std::string_view host, std::uint16_t port) noexcept {
  if (entry == "*") return true;
  if (entry.find('/') != std::string_view::npos) return in_network(entry, host);
  HostPort wanted = split(entry);
  if (wanted.port != 0 && wanted.port != port) return false;
  if (wanted.host.starts_with('.')) wanted.host.remove_prefix(1);
  if (wanted.host.ends_with('.')) wanted.host.remove_suffix(1);
  if (wanted.host.empty() || !host.ends_with(wanted.host)) return false;
  if (host.size() == wanted.host.size()) return true;
  return !Address::is_numeric(host) && host[host.size() - wanted.host.size() - 1] == '.';
}

Proxies::Proxies(std::string_view given, bool trust_env) {
  if (!given.empty()) {
    http_ = https_ = parse("ClientOptions::proxy", given);
    return;
  }
  if (!trust_env) return;
  // To a CGI program HTTP_PROXY is a header that the client has sent.
  const bool is_cgi = std::getenv("REQUEST_METHOD") != nullptr;
  if (const char* all = variable("all_proxy", "ALL_PROXY"))
    http_ = https_ = parse("ALL_PROXY", all);
  if (const char* http = variable("http_proxy", is_cgi ? nullptr : "HTTP_PROXY")) {
    http_ = parse("HTTP_PROXY", http);
  }
  if (const char* https = variable("https_proxy", "HTTPS_PROXY")) {
    https_ = parse("HTTPS_PROXY", https);
  }
  const char* const none = variable("no_proxy", "NO_PROXY");
  std::string_view left = none == nullptr ? "" : none;
  while (!left.empty()) {
    const std::size_t comma = std::min(left.find(','), left.size());
    const std::string_view entry = trim(left.substr(0, comma));
    if (!entry.empty()) excluded_.push_back(lower(entry));
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
}

bool Proxies::excluded(const URL& url) const noexcept {
  return std::any_of(excluded_.begin(), excluded_.end(), [&](const std::string& entry) {
    return matches_no_proxy(entry, url.host(), url.port());
  });
}

const Proxy* Proxies::choose(const URL& url) const noexcept {
  const std::optional<Proxy>& proxy = url.scheme() == "https" ? https_ : http_;
  return proxy && !excluded(url) ? &*proxy : nullptr;
}

}  // namespace asyncio::http::detail
