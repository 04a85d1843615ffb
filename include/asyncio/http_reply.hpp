#pragma once

#include <asyncio/http_headers.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace asyncio::http {

namespace detail {
struct ReplyAccess;
}

/// What a handler answers: a status, header lines and the whole content.
///
///     return http::Reply("hello\n");
///     return http::Reply::json(text);
///     return http::Reply(404, "there is no such user\n");
///
/// Content-Length, Date, Connection and Transfer-Encoding are the server's: those that stand in
/// `headers` are left out, but for a Date, `Connection: close`, and the Content-Length of an answer
/// to HEAD that has no content.
class Reply {
 public:
  /// 200 without content.
  Reply() noexcept = default;
  /// As text/plain; charset=utf-8, as long as `headers` names no other Content-Type.
  Reply(std::string text) noexcept  // NOLINT(google-explicit-constructor): a text is an answer
      : content(std::move(text)) {}
  Reply(const char* text) : content(text) {}  // NOLINT(google-explicit-constructor)
  /// Throws: std::invalid_argument for a status that is none of 200 to 599.
  explicit Reply(int status, std::string text = "");

  /// As application/json.
  [[nodiscard]] static Reply json(std::string text);
  /// As text/html; charset=utf-8.
  [[nodiscard]] static Reply html(std::string text);
  /// To another place: an absolute URL, or a path of this server.
  ///
  /// Throws: std::invalid_argument for a status that is none of 300 to 399, and for a URL with a
  /// control character.
  [[nodiscard]] static Reply redirect(std::string_view url, int status = 302);

  int status = 200;
  Headers headers;
  std::string content;

 private:
  friend struct detail::ReplyAccess;
  std::string_view type_ = "text/plain; charset=utf-8";  // a literal
};

/// What a handler throws to answer with a status and a text, from wherever it is.
///
///     if (!user) throw http::Abort(404, "there is no such user\n");
///
/// Request::read() throws it, too: a body that is too long is a 413.
class Abort : public std::runtime_error {
 public:
  /// Throws: std::invalid_argument for a status that is none of 200 to 599.
  explicit Abort(int status, const std::string& text = "");
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

}  // namespace asyncio::http
