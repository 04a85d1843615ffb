#include "http/chunk_decoder.hpp"

#include "http/text.hpp"

#include <algorithm>

namespace asyncio::http::detail {
namespace {

// Of a whole body: nobody needs them, and without a limit they cost without bringing anything.
constexpr unsigned most_frills = 8 * 1024;
constexpr unsigned most_digits = 16;

}  // namespace

ChunkDecoder::Step ChunkDecoder::take(std::string_view bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size() && !over() && !bad()) {
    if (state_ != State::data) {
      state_ = after(bytes[at++]);
      continue;
    }
    const std::size_t size = std::min<std::uint64_t>(left_, bytes.size() - at);
    left_ -= size;
    if (left_ == 0) state_ = State::data_cr;
    return {at + size, bytes.substr(at, size)};
  }
  return {at, {}};
}

ChunkDecoder::State ChunkDecoder::after(char c) noexcept {
  switch (state_) {
    case State::first_digit:
    case State::size: return after_size(c);
    case State::extension: return after_frill(State::extension, State::size_lf, c);
    case State::size_lf:
      if (c != '\n') return State::bad;
      return left_ == 0 ? State::trailer : State::data;
    case State::data_cr: return c == '\r' ? State::data_lf : State::bad;
    case State::data_lf: digits_ = 0; return c == '\n' ? State::first_digit : State::bad;
    case State::trailer:
      if (c == '\r') return State::last_lf;
      [[fallthrough]];
    case State::trailer_name:
      if (c == ':' && state_ == State::trailer_name) return State::trailer_value;
      if (!is_token({&c, 1})) return State::bad;
      return after_frill(State::trailer_name, State::bad, c);
    case State::trailer_value: return after_frill(State::trailer_value, State::trailer_lf, c);
    case State::trailer_lf: return c == '\n' ? State::trailer : State::bad;
    case State::last_lf: return c == '\n' ? State::over : State::bad;
    case State::data:
    case State::over:
    case State::bad: break;
  }
  return State::bad;
}

ChunkDecoder::State ChunkDecoder::after_size(char c) noexcept {
  const int digit = hex_digit(c);
  if (digit >= 0) {
    left_ = left_ * 16 + static_cast<unsigned>(digit);
    return ++digits_ > most_digits ? State::bad : State::size;
  }
  if (state_ == State::first_digit) return State::bad;
  if (c == '\r') return State::size_lf;
  return c == ';' ? State::extension : State::bad;
}

ChunkDecoder::State ChunkDecoder::after_frill(State same, State end, char c) noexcept {
  if (c == '\r') return end;
  if (++frills_ > most_frills || !is_field_value({&c, 1})) return State::bad;
  return same;
}

}  // namespace asyncio::http::detail
