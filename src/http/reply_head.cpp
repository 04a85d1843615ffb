#include "http/reply_head.hpp"

#include <asyncio/error.hpp>

#include "http/status.hpp"
#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace asyncio::http::detail {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_status(std::string& out, int status) {
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out += "HTTP/1.1 ";
  append_number(out, static_cast<unsigned>(status));
  out.append(" ").append(usual_reason(status)).append("\r\n");
}

bool is_of_the_server(std::string_view name) noexcept {
  return equal_ignoring_case(name, "Content-Length") ||
         equal_ignoring_case(name, "Transfer-Encoding") || equal_ignoring_case(name, "Connection");
}

}  // namespace

void check_status(const char* who, int status) {
  if (status >= 200 && status <= 599) return;
  asyncio::detail::throw_invalid_argument(
      fmt::format("{}: {} is no status of an answer; there are 200 to 599", who, status));
}

void append_head(std::string& out, const ReplyHead& head) {
  append_status(out, head.status);
  bool dated = false;
  bool typed = head.type.empty();
  if (head.headers != nullptr) {
    for (const Header& line : *head.headers) {
      if (is_of_the_server(line.name)) continue;
      dated = dated || equal_ignoring_case(line.name, "Date");
      typed = typed || equal_ignoring_case(line.name, "Content-Type");
      append_line(out, line.name, line.value);
    }
  }
  if (!dated) out += head.date;
  if (!typed) append_line(out, "Content-Type", head.type);
  if (head.length) {
    out += "Content-Length: ";
    append_number(out, *head.length);
    out += "\r\n";
  }
  if (head.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (!head.connection.empty()) append_line(out, "Connection", head.connection);
  out += "\r\n";
}

std::string date_line(std::int64_t time) {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time;
  std::tm utc{};
  (void)::gmtime_r(&seconds, &utc);
  return fmt::format("Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n", days[utc.tm_wday],
                     utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
}

}  // namespace asyncio::http::detail
