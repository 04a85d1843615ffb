#include <asyncio/http_cookies.hpp>

#include <asyncio/error.hpp>

#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace asyncio::http {
namespace {

void check_cookie(std::string_view name, std::string_view value) {
  if (!detail::is_token(name)) {
    asyncio::detail::throw_invalid_argument(
        fmt::format("Cookies: {} is no name of a cookie; it has letters, digits and a few signs",
                    detail::quoted(name)));
  }
  const bool plain = std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == ';' || c == ',';
  });
  if (!plain) {
    asyncio::detail::throw_invalid_argument(fmt::format(
        "Cookies: the value of {} has a control character, a space, a comma or a semicolon; encode "
        "it, by percent-encoding for example",
        name));
  }
}

}  // namespace

Cookies::Cookies(std::initializer_list<std::pair<std::string_view, std::string_view>> items) {
  for (const auto& [name, value] : items) set(name, value);
}

void Cookies::set(std::string_view name, std::string_view value) {
  check_cookie(name, value);
  Params::set(name, value);
}

std::string Cookies::str() const {
  std::string text;
  for (const Item& item : *this) {
    if (!text.empty()) text += "; ";
    text += item.name + '=' + item.value;
  }
  return text;
}

}  // namespace asyncio::http
