#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

/// As little of HTTP as answers wrk: a request is what ends with an empty line.
namespace bench::net {

constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, World!";

/// Finds the ends of requests in the pieces in which a connection brings them.
class Requests {
 public:
  std::size_t ended_by(std::string_view piece) {
    std::size_t ended = 0;
    while (const void* newline = std::memchr(piece.data(), '\n', piece.size())) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - piece.data());
      if (line_ + end <= 1) ++ended;  // "\n" or "\r\n"
      line_ = 0;
      piece.remove_prefix(end + 1);
    }
    line_ += piece.size();
    return ended;
  }

 private:
  std::size_t line_ = 0;  ///< bytes of the line that has begun
};

/// Many responses in one piece, which stays where it is.
class Responses {
 public:
  static constexpr std::size_t most = 1024;

  Responses() {
    text_.reserve(most * response.size());
    for (std::size_t i = 0; i < most; ++i) text_ += response;
  }

  /// Of more than `most` requests in one read the rest gets no answer: wrk sends one at a time.
  std::string_view to(std::size_t requests) const {
    return std::string_view(text_).substr(0, requests * response.size());
  }

 private:
  std::string text_;
};

}  // namespace bench::net
