#include "http/charset.hpp"

#include "http/text.hpp"

#include <iconv.h>

#include <cerrno>
#include <cstddef>

namespace asyncio::http::detail {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

class Converter {
 public:
  explicit Converter(const std::string& from) : handle_(::iconv_open("UTF-8", from.c_str())) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (known()) ::iconv_close(handle_);
  }
  [[nodiscard]] bool known() const { return handle_ != reinterpret_cast<::iconv_t>(-1); }

  std::string convert(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    // iconv() does not write there.
    auto* from = const_cast<char*>(text.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    std::size_t left = text.size();
    while (left > 0) {
      char buffer[1024];
      char* to = buffer;
      std::size_t room = sizeof buffer;
      const std::size_t outcome = ::iconv(handle_, &from, &left, &to, &room);
      result.append(buffer, static_cast<std::size_t>(to - buffer));
      if (outcome != static_cast<std::size_t>(-1) || errno == E2BIG) continue;
      result += replacement;
      ++from;  // a byte that begins nothing, or what the end has cut off
      --left;
    }
    return result;
  }

 private:
  ::iconv_t handle_;
};

bool is_ascii(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

}  // namespace

std::string charset_of(std::string_view content_type) {
  while (!content_type.empty()) {
    const std::size_t semicolon = content_type.find(';');
    if (semicolon == std::string_view::npos) return {};
    content_type.remove_prefix(semicolon + 1);
    std::string_view parameter = trim(content_type.substr(0, content_type.find(';')));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (!equal_ignoring_case(trim(parameter.substr(0, equals)), "charset")) continue;
    parameter = trim(parameter.substr(equals + 1));
    if (parameter.size() >= 2 && parameter.front() == '"' && parameter.back() == '"') {
      parameter = parameter.substr(1, parameter.size() - 2);
    }
    return lower(parameter);
  }
  return {};
}

std::optional<std::string> to_utf8(std::string_view text, const std::string& charset) {
  // "//" begins iconv's own options.
  if (charset.find('/') != std::string::npos) return std::nullopt;
  if (is_ascii(text) && (charset == "utf-8" || charset == "us-ascii")) return std::string(text);
  Converter converter(charset);
  if (!converter.known()) return std::nullopt;
  return converter.convert(text);
}

}  // namespace asyncio::http::detail
