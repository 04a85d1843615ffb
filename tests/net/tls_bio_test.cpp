#include "net/tls_bio.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

using asyncio::detail::TlsBuffer;

namespace {

std::string text_in(const TlsBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.view().data()), buffer.size()};
}
void append(TlsBuffer& buffer, std::string_view text) {
  buffer.append(std::as_bytes(std::span(text)));
}

}  // namespace

TEST(TlsBuffer, GivesInTheOrderInWhichItTakes) {
  TlsBuffer buffer;
  std::string expected;
  std::string got;
  for (int i = 0; i < 3000; ++i) {
    const std::string part(static_cast<std::size_t>(i % 17), static_cast<char>('a' + i % 26));
    append(buffer, part);
    expected += part;
    const std::size_t n = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(i % 19));
    got += text_in(buffer).substr(0, n);
    buffer.consume(n);
  }
  EXPECT_EQ(got + text_in(buffer), expected);
}

TEST(TlsBuffer, IsFilledInPlace) {
  TlsBuffer buffer;
  append(buffer, "abc");
  const std::span<std::byte> room = buffer.room(100);
  ASSERT_GE(room.size(), 100U);
  std::memcpy(room.data(), "def", 3);
  buffer.filled(3);
  EXPECT_EQ(text_in(buffer), "abcdef");
}

TEST(TlsBuffer, KeepsNoMemoryWhileItIsEmpty) {
  TlsBuffer buffer;
  append(buffer, "abc");
  buffer.consume(3);
  EXPECT_EQ(buffer.view().data(), nullptr);
  (void)buffer.room(10);
  buffer.release_if_empty();
  EXPECT_EQ(buffer.view().data(), nullptr);
  append(buffer, {});
  EXPECT_EQ(buffer.view().data(), nullptr);
}
