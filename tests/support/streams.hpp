#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/server.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/streams.hpp>

#include "support/pattern.hpp"

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

/// Sends back what it receives, until the end.
inline asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  while (true) {
    const std::string data = co_await reader.read(std::size_t{1} << 16);
    if (data.empty()) co_return;
    writer.write(data);
    co_await writer.drain();
  }
}

/// Whatever is ready runs, in whatever order.
inline asyncio::Coro<> pass() {
  co_await asyncio::sleep(asyncio::Duration());
  co_await asyncio::sleep(asyncio::Duration());
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
