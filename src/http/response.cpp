#include <asyncio/http_response.hpp>

#include "http/charset.hpp"
#include "http/text.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::http {
namespace {

[[noreturn]] void throw_status(const Response& response) {
  const char* const kind = response.is_informational()  ? "informational answer"
                           : response.is_redirect()     ? "redirect"
                           : response.is_client_error() ? "client error"
                                                        : "server error";
  std::string text =
      fmt::format("{} {} {}", kind, response.status_code, detail::quoted(response.reason_phrase));
  if (response.has_redirect_location()) {
    text += fmt::format(" to {}; {{.follow_redirects = true}} follows it",
                        detail::quoted_url(response.headers.value("Location")));
  }
  throw HTTPStatusError(text, response);
}

}  // namespace

Response::Response(std::string_view method_, URL url_) : url(std::move(url_)), method(method_) {}

std::string Response::charset() const { return detail::charset_of(headers.value("Content-Type")); }

std::string Response::text() const {
  const std::string named = charset();
  std::optional<std::string> result = detail::to_utf8(content, named.empty() ? "utf-8" : named);
  if (!result) {
    throw DecodingError(
        method, url.str(),
        fmt::format("nobody knows the charset {} of its Content-Type; the bytes are "
                    "in `content`",
                    detail::quoted(named)));
  }
  return std::move(*result);
}

bool Response::has_redirect_location() const noexcept {
  const bool redirects = status_code == 301 || status_code == 302 || status_code == 303 ||
                         status_code == 307 || status_code == 308;
  return redirects && headers.contains("Location");
}

const Response& Response::raise_for_status() const& {
  if (!is_success()) throw_status(*this);
  return *this;
}

Response Response::raise_for_status() && {
  if (!is_success()) throw_status(*this);
  return std::move(*this);
}

std::string Response::repr() const {
  return fmt::format("<Response [{} {}]>", status_code, reason_phrase);
}

}  // namespace asyncio::http
