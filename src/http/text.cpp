#include "http/text.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace asyncio::http::detail {

using asyncio::detail::throw_invalid_argument;

namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](char one, char other) { return lower(one) == lower(other); });
}

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

std::string quoted(std::string_view text) {
  constexpr std::size_t most = 64;
  std::string result = "\"";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + (text.size() > most ? "...\"" : "\"");
}

std::string quoted_url(std::string_view url) {
  const std::size_t at = url.substr(0, url.find_first_of("?#")).rfind('@');
  return at == std::string_view::npos ? quoted(url)
                                      : quoted(fmt::format("[...]{}", url.substr(at)));
}

std::string percent_encode(std::string_view text, std::string_view also_plain) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const bool plain = is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
                       also_plain.find(c) != std::string_view::npos;
    if (plain) {
      result += c;
    } else {
      constexpr std::string_view digits = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', digits[byte >> 4U], digits[byte & 0xfU]};
    }
  }
  return result;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        result += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    result += plus_is_space && text[i] == '+' ? ' ' : text[i];
  }
  return result;
}

bool list_has(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equal_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

void check_method(const char* who, std::string_view method) {
  if (is_token(method)) return;
  throw_invalid_argument(
      fmt::format("{}: {} is no HTTP method; it is a word such as GET", who, quoted(method)));
}

void check_header(const char* who, std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    throw_invalid_argument(fmt::format(
        "{}: {} is no name of a header; it has letters, digits and -, no spaces and no colon", who,
        quoted(name)));
  }
  if (!is_field_value(value)) {
    throw_invalid_argument(
        fmt::format("{}: the value of {} has a control character, which could begin another line: "
                    "{}; remove or encode it",
                    who, name, quoted(value)));
  }
}

}  // namespace asyncio::http::detail
