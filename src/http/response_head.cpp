#include "http/response_head.hpp"

#include "http/status.hpp"
#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace asyncio::http::detail {

ResponseHead::Line ResponseHead::refuse(std::string text) {
  refusal_ = std::move(text);
  return Line::refused;
}

ResponseHead::Line ResponseHead::take(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > most_bytes_) {
    too_large_ = true;
    return refuse(
        fmt::format("its header lines have more than {} bytes "
                    "(ClientOptions::max_header_bytes)",
                    most_bytes_));
  }
  if (line.ends_with("\r\n")) {
    line.remove_suffix(2);
  } else if (line.ends_with('\n')) {
    line.remove_suffix(1);
    is_doubtful_ = true;
  }
  if (is_complete_) return Line::more;  // trailers
  if (line.starts_with("HTTP/")) {
    take_status(line);
    return Line::more;
  }
  if (!line.empty()) return take_field(line);
  if (into_.is_informational() && into_.status_code != 101) return Line::more;
  is_complete_ = true;
  return Line::complete;
}

void ResponseHead::take_status(std::string_view line) {
  into_.headers.clear();  // those of an informational answer before it
  into_.cookies = {};
  length_.clear();
  is_chunked_ = false;
  const std::size_t space = std::min(line.find(' '), line.size());
  into_.http_version = line.substr(0, space);
  std::string_view rest = trim(line.substr(space));
  into_.status_code = 0;
  const std::string_view digits = rest.substr(0, 3);
  std::from_chars(digits.data(), digits.data() + digits.size(), into_.status_code);
  rest = trim(rest.substr(digits.size()));
  into_.reason_phrase = rest.empty() ? usual_reason(into_.status_code) : rest;
}

ResponseHead::Line ResponseHead::take_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return refuse("a header of the answer goes on in the next line, which is obsolete");
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, std::min(colon, line.size()));
  if (colon == std::string_view::npos || !is_token(name)) {
    return refuse(fmt::format("{} is no header line", quoted(line)));
  }
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) {
    return refuse(fmt::format("the value of its header {} has a control character", name));
  }
  if (const Line checked = check_length(name, value); checked != Line::more) return checked;
  into_.headers.add(name, value);
  if (equal_ignoring_case(name, "Set-Cookie")) take_cookie(value);
  return Line::more;
}

// The end of the body must be certain, or the rest of it would be taken for the next answer.
ResponseHead::Line ResponseHead::check_length(std::string_view name, std::string_view value) {
  if (equal_ignoring_case(name, "Transfer-Encoding")) {
    is_chunked_ = true;
  } else if (equal_ignoring_case(name, "Content-Length")) {
    if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) {
      return refuse(fmt::format("{} is no Content-Length", quoted(value)));
    }
    if (!length_.empty() && length_ != value) {
      return refuse(fmt::format("it has two lengths, {} and {}", length_, value));
    }
    length_ = value;
  }
  if (is_chunked_ && !length_.empty()) {
    return refuse("it has a Content-Length and a Transfer-Encoding, which contradict each other");
  }
  return Line::more;
}

void ResponseHead::take_cookie(std::string_view value) {
  const std::string_view pair = value.substr(0, value.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  try {
    into_.cookies.set(trim(pair.substr(0, equals)), trim(pair.substr(equals + 1)));
  } catch (const std::invalid_argument&) {
    // A cookie that could not be sent back; its line is in the headers.
  }
}

}  // namespace asyncio::http::detail
