#pragma once

#include <asyncio/http_url.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::http::detail {

struct Proxy {
  std::string url;  ///< without user and password
  std::string host;
  std::uint16_t port = 0;
  std::string username;
  std::string password;
};

/// Which proxy a request goes through: the one that was given, else those of the environment.
///
/// Python: what httpx takes from urllib.request.getproxies()
class Proxies {
 public:
  /// Throws: std::invalid_argument for what is no proxy's URL.
  Proxies(std::string_view given, bool trust_env);

  /// Null: none.
  [[nodiscard]] const Proxy* choose(const URL& url) const noexcept;

 private:
  [[nodiscard]] bool excluded(const URL& url) const noexcept;

  std::optional<Proxy> http_;
  std::optional<Proxy> https_;
  std::vector<std::string> excluded_;  // of NO_PROXY, in lower case
};

/// Whether an entry of NO_PROXY is for this host: "*", "example.com" and what is below it,
/// ".example.com", "host:8080", "10.0.0.0/8", "[::1]:80".
[[nodiscard]] bool matches_no_proxy(std::string_view entry, std::string_view host,
                                    std::uint16_t port) noexcept;

}  // namespace asyncio::http::detail
