#include "net/receive_in_place.hpp"

#include <asyncio/event_loop.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

// What comes in large pieces is received where it is to be read.

using asyncio::Coro;
using asyncio::detail::IoResult;
using asyncio::detail::receive_in_place;
using asyncio::detail::would_block;

namespace {

constexpr std::size_t kib = 1024;

/// Gives `data`, or `says` when that is empty.
class Source final : public asyncio::detail::ByteStream {
 public:
  std::string data;
  IoResult says = would_block;
  int calls = 0;

  IoResult receive(std::span<std::byte> into) noexcept override {
    ++calls;
    if (data.empty()) return says;
    const std::size_t n = std::min(data.size(), into.size());
    std::memcpy(into.data(), data.data(), n);
    data.erase(0, n);
    return static_cast<IoResult>(n);
  }
  IoResult send(const iovec*, int) noexcept override { return -EPIPE; }
  IoResult finish_sending() noexcept override { return 0; }
  asyncio::detail::Endpoint& endpoint() noexcept override { std::abort(); }
  void wait(asyncio::detail::Way, asyncio::detail::IoObserver&) noexcept override {}
  void stop_waiting(asyncio::detail::Way) noexcept override {}
  [[nodiscard]] bool awaited(asyncio::detail::Way) const noexcept override { return false; }
};

}  // namespace

TEST(ReceiveInPlace, IsNotForSmallPieces) {
  Source source;
  source.data = "abc";
  std::string text;
  for (const std::size_t last : {0U, 1U, 4095U}) {
    source.last_received = last;
    EXPECT_EQ(receive_in_place(source, text, 256 * kib), std::nullopt);
  }
  source.last_received = 64 * kib;
  EXPECT_EQ(receive_in_place(source, text, 100), std::nullopt) << "no more than 100 are wanted";
  EXPECT_EQ(source.calls, 0);
}

TEST(ReceiveInPlace, PutsItBehindWhatIsThere) {
  Source source;
  source.data = support::pattern(20 * kib);
  source.last_received = 16 * kib;
  std::string text = "before";
  EXPECT_EQ(receive_in_place(source, text, 256 * kib), IoResult{20 * kib});
  EXPECT_EQ(text, "before" + support::pattern(20 * kib));
  EXPECT_EQ(source.last_received, 20 * kib);
}

TEST(ReceiveInPlace, TakesNoMoreThanIsWantedAndTwiceWhatCameLast) {
  Source source;
  source.data = support::pattern(1024 * kib);
  source.last_received = 8 * kib;
  std::string text;
  EXPECT_EQ(receive_in_place(source, text, 256 * kib), IoResult{16 * kib});
  EXPECT_EQ(receive_in_place(source, text, 20 * kib), IoResult{20 * kib});
  EXPECT_EQ(text, support::pattern(36 * kib));
}

TEST(ReceiveInPlace, LeavesTheTextWhenNothingComes) {
  for (const IoResult says : {would_block, IoResult{0}, IoResult{-ECONNRESET}}) {
    Source source;
    source.says = says;
    source.last_received = 64 * kib;
    std::string text = "before";
    EXPECT_EQ(receive_in_place(source, text, 256 * kib), says);
    EXPECT_EQ(text, "before");
    EXPECT_LE(text.capacity(), 100U);
    EXPECT_EQ(source.last_received, 64 * kib) << "the next data is still to be expected";
  }
}

TEST(ReceiveInPlace, SmallPieceGetsNoLargeString) {
  Source source;
  source.data = "abc";
  source.last_received = 128 * kib;
  std::string text;
  EXPECT_EQ(receive_in_place(source, text, 256 * kib), IoResult{3});
  EXPECT_EQ(text, "abc");
  EXPECT_LE(text.capacity(), 100U);
  source.data = "def";
  EXPECT_EQ(receive_in_place(source, text, 256 * kib), std::nullopt);
}

// NET-010, failure 45: pieces of all sizes, read in parts of all sizes
ASYNC_TEST(ReceiveInPlace, StreamsLoseNothing) {
  constexpr std::size_t total = 3000 * kib;
  const auto [near, far] = support::stream_pair();
  auto send = [](asyncio::StreamWriter writer) -> Coro<> {
    std::size_t sent = 0;
    for (std::size_t size = 1; sent < total; size = size * 5 % 300007 + 1) {
      const std::string piece = support::pattern(std::min(size, total - sent), sent);
      writer.write(piece);
      co_await writer.drain();
      sent += piece.size();
    }
    writer.write_eof();
  };
  auto sending = asyncio::create_task(send(far.writer));
  std::string got;
  for (std::size_t size = 1; got.size() < total; size = size * 7 % 500009 + 1) {
    if (size % 2 == 0) {
      got += co_await near.reader.read(size);
    } else {
      got += co_await near.reader.readexactly(std::min(size, total - got.size()));
    }
  }
  EXPECT_EQ(support::difference(got, total), "");
  EXPECT_EQ(co_await near.reader.read(), "");
  co_await sending;
  near.writer.abort();
  far.writer.abort();
}

// NET-063
ASYNC_TEST(ReceiveInPlace, SocketsLoseNothing) {
  constexpr std::size_t total = 3000 * kib;
  auto& loop = asyncio::get_running_loop();
  auto [near, far] = asyncio::socketpair();
  const std::string all = support::pattern(total);
  auto send = [&]() -> Coro<> {
    co_await loop.sock_sendall(far, all);
    far.close();
  };
  auto sending = asyncio::create_task(send());
  std::string got;
  while (true) {
    const std::string part = co_await loop.sock_recv(near, 256 * kib);
    if (part.empty()) break;
    EXPECT_LE(part.capacity(), 4 * part.size() + 100);
    got += part;
  }
  co_await sending;
  EXPECT_EQ(support::difference(got, total), "");
}
