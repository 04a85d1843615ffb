#pragma once

#include <asyncio/http_response.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

/// Reads the header lines of an answer, one call a line, and refuses those that two readers of the
/// connection could read in two ways.
class ResponseHead {
 public:
  ResponseHead(Response& into, std::size_t most_bytes) : into_(into), most_bytes_(most_bytes) {}

  enum class Line { more, complete, refused };
  /// A line with its end. `complete`: it was the last one, of an answer that is final.
  Line take(std::string_view line);

  /// Why a line was refused, and whether for its size.
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
  [[nodiscard]] bool too_large() const noexcept { return too_large_; }
  /// The answer is in an old spelling, so that its connection had better not be used again.
  [[nodiscard]] bool is_doubtful() const noexcept { return is_doubtful_; }
  [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }

 private:
  Line refuse(std::string text);
  void take_status(std::string_view line);
  Line take_field(std::string_view line);
  Line check_length(std::string_view name, std::string_view value);
  void take_cookie(std::string_view value);

  Response& into_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::string length_;
  std::string refusal_;
  bool is_chunked_ = false;
  bool too_large_ = false;
  bool is_doubtful_ = false;
  bool is_complete_ = false;
};

}  // namespace asyncio::http::detail
