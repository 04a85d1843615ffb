#include <asyncio/http_body.hpp>

#include "http/text.hpp"

#include <fmt/format.h>

#include <random>

namespace asyncio::http {
namespace {

// As browsers do (HTML, "multipart/form-data encoding algorithm").
std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': result += "%22"; break;
      case '\r': result += "%0D"; break;
      case '\n': result += "%0A"; break;
      default: result += c;
    }
  }
  return result + '"';
}

// Long enough that no content has it by chance, and nobody can guess it.
std::string random_boundary() {
  std::random_device random;
  return fmt::format("asyncio-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

Multipart::Multipart() : boundary_(random_boundary()) {}

void Multipart::begin_part(std::string_view name) {
  parts_ +=
      fmt::format("--{}\r\nContent-Disposition: form-data; name={}", boundary_, in_quotes(name));
}

void Multipart::add(std::string_view name, std::string_view value) {
  begin_part(name);
  parts_ += fmt::format("\r\n\r\n{}\r\n", value);
}

void Multipart::add_file(std::string_view name, std::string_view filename, std::string_view content,
                         std::string_view content_type) {
  detail::check_header("Multipart", "Content-Type", content_type);
  begin_part(name);
  parts_ += fmt::format("; filename={}\r\nContent-Type: {}\r\n\r\n{}\r\n", in_quotes(filename),
                        content_type, content);
}

std::string Multipart::content_type() const { return "multipart/form-data; boundary=" + boundary_; }

std::string Multipart::body() const { return parts_ + "--" + boundary_ + "--\r\n"; }

}  // namespace asyncio::http
