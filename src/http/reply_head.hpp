#pragma once

#include <asyncio/http_headers.hpp>
#include <asyncio/http_reply.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

/// What the head of an answer says beside the lines that its author wants.
struct ReplyHead {
  int status = 200;
  const Headers* headers = nullptr;
  std::string_view date = {};                ///< a whole line
  std::string_view type = {};                ///< if `headers` has none. "": none
  std::optional<std::uint64_t> length = {};  ///< nothing: no Content-Length
  bool chunked = false;
  std::string_view connection = {};  ///< "": none
};

/// Appends the head, with the empty line at its end.
void append_head(std::string& out, const ReplyHead& head);
/// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", of seconds since 1970.
[[nodiscard]] std::string date_line(std::int64_t time);
/// Throws: std::invalid_argument "WHO: ...".
void check_status(const char* who, int status);
/// False for those whose answers never have content.
[[nodiscard]] constexpr bool may_have_content(int status) noexcept {
  return status != 204 && status != 304;
}

struct ReplyAccess {
  static std::string_view type(const Reply& reply) noexcept { return reply.type_; }
};

}  // namespace asyncio::http::detail
