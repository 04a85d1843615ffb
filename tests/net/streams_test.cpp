#include <asyncio/server.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/sockets.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <system_error>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::StreamReader;
using asyncio::StreamWriter;

namespace {

Coro<> echo(StreamReader reader, StreamWriter writer) {
  while (true) {
    const std::string data = co_await reader.read(1 << 16);
    if (data.empty()) co_return;
    writer.write(data);
    co_await writer.drain();
  }
}

}  // namespace

// NET-039, NET-041
ASYNC_TEST(Streams, EchoOverLoopback) {
  auto server = co_await asyncio::start_server(echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.write("hello\nworld\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  EXPECT_EQ(co_await reader.readexactly(6), "world\n");
  writer.write_eof();
  EXPECT_EQ(co_await reader.read(), "");
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
  EXPECT_EQ(server.clients(), 0U);
}

ASYNC_TEST(Streams, MuchDataBothWays) {
  auto server = co_await asyncio::start_server(echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  const std::string data(5'000'000, 'x');
  auto sending = asyncio::create_task([&writer = writer, &data]() -> Coro<> {
    writer.write(data);
    co_await writer.drain();
    writer.write_eof();
  });
  EXPECT_EQ((co_await reader.read()).size(), data.size());
  co_await sending;
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}

// NET-041: whoever has connected the socket
ASYNC_TEST(Streams, ConnectionsOfTcpAreWithoutNaglesDelay) {
  bool accepted = false;
  auto look = [&](StreamReader, StreamWriter writer) -> Coro<> {
    accepted = support::has_nodelay(writer.fileno());
    co_return;
  };
  auto server = co_await asyncio::start_server(look, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  EXPECT_TRUE(support::has_nodelay(writer.fileno()));
  EXPECT_EQ(co_await reader.read(), "");
  EXPECT_TRUE(accepted);
  asyncio::SocketPair pair = co_await support::tcp_pair();
  EXPECT_FALSE(support::has_nodelay(pair.first.fileno()));
  const asyncio::Connection own = asyncio::open_connection(std::move(pair.first));
  EXPECT_TRUE(support::has_nodelay(own.writer.fileno()));
  own.writer.close();
  writer.close();
  server.close();
  co_await server.wait_closed();
}

ASYNC_TEST(Streams, SocketThatCanBeNoConnectionIsRefused) {
  const auto refusal = [](asyncio::Socket socket) {
    return support::thrown_by([&] { (void)asyncio::open_connection(std::move(socket)); });
  };
  EXPECT_TRUE(refusal(asyncio::socketpair(asyncio::Socket::Type::datagram).first)
                  .starts_with("invalid_argument: open_connection(): A Stream Socket was "
                               "expected, got <Socket fd="));
  EXPECT_EQ(refusal(asyncio::Socket()),
            "invalid_argument: open_connection(): there is no socket; make one, or adopt() one");
  asyncio::Socket closed(asyncio::Address::Family::ipv4);
  closed.close();
  EXPECT_EQ(refusal(std::move(closed)),
            "system_error: open_connection(): the socket is closed: Bad file descriptor");
  asyncio::SocketPair pair = asyncio::socketpair();
  auto receiving = asyncio::create_task([](asyncio::Socket& socket) -> Coro<std::string> {
    co_return co_await support::loop().sock_recv(socket, 10);
  }(pair.first));
  co_await support::settle();
  EXPECT_TRUE(refusal(std::move(pair.first))
                  .starts_with("RuntimeError: open_connection(): an operation still waits for "));
  receiving.cancel();
  (void)co_await asyncio::as_result(receiving);
}

// NET-042
ASYNC_TEST(Streams, HandlerThatThrowsIsReported) {
  auto& loop = asyncio::get_running_loop();
  std::string message;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    message = context.message;
  });
  auto fail = [](StreamReader, StreamWriter) -> Coro<> {
    throw std::runtime_error("no");
    co_return;
  };
  auto server = co_await asyncio::start_server(fail, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  EXPECT_EQ(co_await reader.read(), "");
  EXPECT_TRUE(message.starts_with("Unhandled exception in client_connected_cb")) << message;
  server.close();
  co_await server.wait_closed();
  writer.close();
  co_await writer.wait_closed();
}

// The peer's address cannot be asked for any more then.
ASYNC_TEST(Streams, ErrorNamesThePeerThatHasGone) {
  auto reset = [](asyncio::StreamReader, asyncio::StreamWriter writer) -> asyncio::Coro<> {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(writer.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    writer.abort();
    co_return;
  };
  auto server = co_await asyncio::start_server(reset, "127.0.0.1", 0);
  const asyncio::Address address = server.sockets().at(0);
  auto [reader, writer] = co_await asyncio::open_connection(address);
  EXPECT_EQ(co_await support::thrown_by_await(reader.read()),
            "system_error: recv from " + address.str() + ": Connection reset by peer");
  writer.abort();
  co_await support::close(server);
}
