#pragma once

#include "http/request_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace support {

/// What a server understands of bytes that come in pieces of these sizes, and then the rest.
inline std::string http_transcript(std::string_view bytes, const std::vector<std::size_t>& sizes,
                                   std::size_t header_bytes = 256) {
  using asyncio::http::detail::RequestReader;
  RequestReader reader(header_bytes);
  std::string transcript;
  std::string body;
  bool in_body = false;
  // Returns: false if it wants more.
  const auto step = [&](std::string_view fresh) {
    if (!in_body) {
      if (!reader.take_head(fresh)) return false;
      if (reader.error()) return true;
      const auto& head = reader.head();
      transcript += std::string(head.method) + " " + std::string(head.path) + " ? " +
                    std::string(head.query) + (head.http10 ? " 10" : " 11") +
                    (head.keep_alive ? " keep" : " close") +
                    (head.expects_continue ? " expect\n" : "\n");
      for (const auto& field : head.fields) {
        transcript += "  " + std::string(field.name) + ": " + std::string(field.value) + "\n";
      }
      in_body = true;
      body.clear();
      if (!reader.body_over()) return true;
    } else if (!reader.take_body(fresh, &body)) {
      return false;
    }
    if (!reader.body_over()) return !reader.error();
    transcript += "  body " + body + "\n";
    in_body = false;
    reader.save_memory();
    return true;
  };
  auto size = sizes.begin();
  while (!bytes.empty() && !reader.error()) {
    const std::size_t n = std::min(size == sizes.end() ? bytes.size() : *size++, bytes.size());
    std::string_view fresh = bytes.substr(0, n);
    bytes.remove_prefix(n);
    // A copy, so that a sanitizer sees who looks behind it.
    const std::string piece(fresh);
    fresh = piece;
    while (step(fresh) && !reader.error()) {
      fresh = {};
      if (!reader.has_more() && !(in_body && reader.body_over())) break;
    }
  }
  if (in_body) transcript += "  part " + body + "\n";
  if (reader.error()) {
    transcript += std::to_string(reader.error().status) + " " + reader.error().why + "\n";
  }
  return transcript;
}

}  // namespace support
