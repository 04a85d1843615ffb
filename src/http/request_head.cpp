#include "http/request_head.hpp"

#include "http/text.hpp"

#include <utility>

namespace asyncio::http::detail {

void RequestHead::clear() noexcept {
  // What a client has made large with one request need not stay so for as long as it is connected.
  constexpr std::size_t kept_bytes = 1024;
  constexpr std::size_t kept_fields = 32;
  if (text.capacity() > kept_bytes) std::string().swap(text);
  if (fields.capacity() > kept_fields) std::vector<Field>().swap(fields);
  text.clear();
  fields.clear();
  method = target = path = query = {};
  content_length.reset();
  chunked = http10 = keep_alive = expects_continue = false;
}

std::string_view RequestHead::value(std::string_view name) const noexcept {
  for (const Field& field : fields) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

HeadScanner::Found HeadScanner::scan(std::string_view bytes, std::size_t limit) noexcept {
  const std::string_view window = bytes.substr(0, limit);
  for (;;) {
    const std::size_t newline = window.find('\n', searched_);
    if (newline == std::string_view::npos) {
      searched_ = window.size();
      return window.size() == limit ? Found::too_long : Found::nothing_yet;
    }
    const std::size_t line = std::exchange(line_, newline + 1);
    searched_ = line_;
    // A line that goes on in the next one was allowed once, and not all understand that.
    const bool folded = window[line] == ' ' || window[line] == '\t';
    if (newline == line || window[newline - 1] != '\r' || folded) return Found::bad_line;
    if (newline != line + 1) continue;
    if (line != begin_) return Found::end;
    if (begin_ != 0) return Found::bad_line;
    begin_ = line_;
  }
}

}  // namespace asyncio::http::detail
