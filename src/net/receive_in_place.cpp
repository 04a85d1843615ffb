#include "net/receive_in_place.hpp"

#include "base/fill_in_place.hpp"

#include <algorithm>
#include <new>
#include <span>

namespace asyncio::detail {
namespace {

constexpr std::size_t much = std::size_t{4} * 1024;
constexpr std::size_t most_waste = 4;  // times what is used

bool make_room(std::string& text, std::size_t n) noexcept {
  try {
    text.reserve(text.size() + n);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

std::optional<IoResult> receive_in_place(ByteStream& source, std::string& text,
                                         std::size_t most) noexcept {
  const std::size_t room = std::min(std::size_t{2} * source.last_received, most);
  if (room < 2 * much || source.known_empty() || !make_room(text, room)) return std::nullopt;
  const IoResult got = fill_in_place(text, room, [&](char* data, std::size_t size) noexcept {
    return source.receive(std::as_writable_bytes(std::span(data, size)));
  });
  if (got > 0) source.last_received = static_cast<std::uint32_t>(got);
  if (text.capacity() > most_waste * text.size()) text.shrink_to_fit();
  return got;
}

}  // namespace asyncio::detail
