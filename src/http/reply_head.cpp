#include "http/reply_head.hpp"

#include <asyncio/error.hpp>

#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace asyncio::http::detail {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

constexpr Reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

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
  out.append(" ").append(reason_of(status)).append("\r\n");
}

bool is_of_the_server(std::string_view name) noexcept {
  return equal_ignoring_case(name, "Content-Length") ||
         equal_ignoring_case(name, "Transfer-Encoding") || equal_ignoring_case(name, "Connection");
}

}  // namespace

std::string_view reason_of(int status) noexcept {
  const auto* found = std::find_if(std::begin(reasons), std::end(reasons),
                                   [&](const Reason& r) { return r.status == status; });
  return found == std::end(reasons) ? std::string_view() : found->text;
}

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
