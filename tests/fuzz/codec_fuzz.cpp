#include <asyncio/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Point {
  int x = 0;
  float y = 0;
  bool operator==(const Point&) const = default;
};

struct Tree {
  std::string name;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
void asyncio_encode(asyncio::codec::Encoder& out, const Tree& tree) {
  out.encode(tree.name);
  out.encode(tree.children);
}
Tree asyncio_decode(asyncio::codec::Decoder& in, asyncio::codec::Type<Tree>) {
  auto name = in.decode<std::string>();
  return {std::move(name), in.decode<std::vector<Tree>>()};
}

// What it understands is what it would write: nothing has two encodings but doubles and sets.
template <class T>
void check(std::string_view bytes) {
  try {
    const T value = asyncio::codec::decode<T>(bytes);
    if (asyncio::codec::decode<T>(asyncio::codec::encode(value)) != value) std::abort();
  } catch (const asyncio::codec::DecodeError&) {
    // That is allowed, and nothing else.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: check<Tree>(bytes); break;
    case 1: check<std::map<std::string, std::vector<std::uint32_t>>>(bytes); break;
    case 2: check<std::vector<std::variant<std::monostate, bool, std::string>>>(bytes); break;
    case 3: check<std::deque<std::optional<std::set<std::int16_t>>>>(bytes); break;
    case 4:
      check<std::tuple<std::vector<bool>, std::array<std::string, 2>, asyncio::Duration>>(bytes);
      break;
    default: check<std::vector<std::pair<std::u16string, std::vector<std::uint8_t>>>>(bytes);
  }
  return 0;
}
