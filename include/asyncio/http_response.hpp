#pragma once

#include <asyncio/duration.hpp>
#include <asyncio/http_cookies.hpp>
#include <asyncio/http_errors.hpp>
#include <asyncio/http_headers.hpp>
#include <asyncio/http_url.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::http {

/// What a server has answered.
///
/// Python: httpx.Response
struct Response {
  /// Of the request for `url` by `method`.
  Response(std::string_view method, URL url);

  int status_code = 0;
  /// The server's; with HTTP/2, which has none, the usual one.
  std::string reason_phrase;
  /// "HTTP/1.1", "HTTP/2"
  std::string http_version;
  Headers headers;
  /// Those that this answer sets.
  Cookies cookies;
  /// Where the answer comes from, after redirects.
  URL url;
  /// The redirects that led here, the first one first. Not in httpx: they have none themselves.
  std::vector<Response> history;
  /// From the wait for a connection to the end of the body. Of a stream: to the
  /// end of its head, until it has ended.
  Duration elapsed;
  /// The body, decompressed.
  std::string content;
  /// Of the request.
  std::string method;

  /// The body as UTF-8, from the charset of Content-Type, which is UTF-8 if there is none. What is
  /// not valid becomes U+FFFD.
  ///
  /// Throws: DecodingError for a charset that nobody knows.
  [[nodiscard]] std::string text() const;
  /// "" if Content-Type names none.
  [[nodiscard]] std::string charset() const;

  [[nodiscard]] bool is_informational() const noexcept { return status_code / 100 == 1; }
  [[nodiscard]] bool is_success() const noexcept { return status_code / 100 == 2; }
  [[nodiscard]] bool is_redirect() const noexcept { return status_code / 100 == 3; }
  [[nodiscard]] bool is_client_error() const noexcept { return status_code / 100 == 4; }
  [[nodiscard]] bool is_server_error() const noexcept { return status_code / 100 == 5; }
  [[nodiscard]] bool is_error() const noexcept { return is_client_error() || is_server_error(); }
  /// A redirect that names where to.
  [[nodiscard]] bool has_redirect_location() const noexcept;

  /// Returns: itself. Throws: HTTPStatusError unless it is a success.
  const Response& raise_for_status() const&;
  Response raise_for_status() &&;

  /// "<Response [200 OK]>"
  [[nodiscard]] std::string repr() const;
};

}  // namespace asyncio::http
