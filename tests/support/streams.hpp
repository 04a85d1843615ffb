#pragma once

#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/streams.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace support {

/// Two connections of this process that are each other's peer.
struct StreamPair {
  asyncio::Connection near;
  asyncio::Connection far;

  /// Both end, and nothing of them is left.
  asyncio::Coro<> close() const {
    near.writer.abort();
    far.writer.abort();
    co_await ended(near.writer);
    co_await ended(far.writer);
  }

 private:
  static asyncio::Coro<> ended(asyncio::StreamWriter writer) {
    (void)co_await asyncio::as_result(writer.wait_closed());
  }
};

inline StreamPair stream_pair(asyncio::ConnectionOptions options = {}) {
  auto sockets = asyncio::socketpair();
  auto near = asyncio::open_connection(std::move(sockets.first), options);
  return {std::move(near), asyncio::open_connection(std::move(sockets.second), options)};
}

/// Bytes that show where they come from: no two places look alike for long.
inline std::string pattern(std::size_t size, std::size_t from = 0) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = from + i;
    text[i] = static_cast<char>((at * 31 + (at >> 8) * 7 + (at >> 16) * 3) & 0xff);
  }
  return text;
}

/// How what came differs from pattern(size, from); "": not at all. Short, whatever the size.
inline std::string difference(const std::string& got, std::size_t size, std::size_t from = 0) {
  const std::string sent = pattern(size, from);
  if (got == sent) return "";
  std::size_t at = 0;
  while (at < got.size() && at < sent.size() && got[at] == sent[at]) ++at;
  return std::to_string(got.size()) + " bytes instead of " + std::to_string(sent.size()) +
         ", different from byte " + std::to_string(at) + " on";
}

/// Sends back what it receives, until the end.
inline asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  while (true) {
    const std::string data = co_await reader.read(std::size_t{1} << 16);
    if (data.empty()) co_return;
    writer.write(data);
    co_await writer.drain();
  }
}

inline asyncio::Coro<> close(asyncio::StreamWriter writer) {
  writer.close();
  co_await writer.wait_closed();
}
inline asyncio::Coro<> close(asyncio::Server server) {
  server.close();
  co_await server.wait_closed();
}

}  // namespace support
