#pragma once

#include <asyncio/http_request.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::dashboard {

/// Decides who may see something.
///
/// A request must name a host that is ours: a page of another site that has its own name point to
/// this address (DNS rebinding) names that. It must come from no other site's page. And it must
/// have the token: in the URL that was printed, then in a cookie, or as "Authorization: Bearer".
class Guard {
 public:
  Guard(std::string token, std::string host, std::uint16_t port);

  struct Verdict {
    int status = 200;      ///< 403 or 405 if it is refused
    std::string reason;    ///< for the client
    bool arrived = false;  ///< by the printed URL: gets the cookie, and goes to "/"
  };
  [[nodiscard]] Verdict judge(const http::Request& request) const;

  /// "http://127.0.0.1:8080/?token=..."
  [[nodiscard]] std::string url() const;
  /// The value of Set-Cookie. Its name has the port, since cookies know none.
  [[nodiscard]] std::string cookie() const;

 private:
  [[nodiscard]] bool is_our_host(std::string_view host) const;
  [[nodiscard]] bool is_our_origin(std::string_view origin) const;
  [[nodiscard]] bool has_token(const http::Request& request, bool& arrived) const;

  std::string token_;
  std::string host_;  ///< as it stands in a URL
  std::uint16_t port_;
  bool any_address_;  ///< listens on all of them
};

}  // namespace asyncio::dashboard
