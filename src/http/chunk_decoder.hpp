#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace asyncio::http::detail {

/// Takes a body in chunks apart (RFC 9112, 7.1), byte by byte, so that it makes no difference in
/// which pieces they come. Extensions and trailers are read and dropped.
class ChunkDecoder {
 public:
  struct Step {
    std::size_t taken = 0;  ///< bytes, of which the last ones are `data`
    std::string_view data;
  };

  /// Takes what is at the front, up to and with the first data.
  [[nodiscard]] Step take(std::string_view bytes) noexcept;
  /// Nothing more belongs to the body.
  [[nodiscard]] bool over() const noexcept { return state_ == State::over; }
  [[nodiscard]] bool bad() const noexcept { return state_ == State::bad; }

 private:
  // In this order, but: extension is left out without a ';'; after data_lf comes size again;
  // trailers follow each other, and then last_lf.
  enum class State : std::uint8_t {
    first_digit,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    over,
    bad,
  };
  [[nodiscard]] State after(char c) noexcept;
  [[nodiscard]] State after_size(char c) noexcept;
  [[nodiscard]] State after_frill(State same, State end, char c) noexcept;

  std::uint64_t left_ = 0;    // of the chunk
  std::uint16_t frills_ = 0;  // bytes of extensions and trailers
  std::uint8_t digits_ = 0;
  State state_ = State::first_digit;
};

}  // namespace asyncio::http::detail
