#include <asyncio/asyncio.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;

namespace {

Socket listener() {
  Socket socket(Address::Family::ipv4);
  socket.bind({"127.0.0.1", 0});
  socket.listen();
  return socket;
}

Coro<> echo_once(Socket& server) {
  auto& loop = asyncio::get_running_loop();
  auto accepted = co_await loop.sock_accept(server);
  const std::string data = co_await loop.sock_recv(accepted.connection, 100);
  co_await loop.sock_sendall(accepted.connection, data);
}

}  // namespace

// LOOP-080, LOOP-082, LOOP-084, LOOP-085
ASYNC_TEST(Socket, EchoesOverLoopback) {
  auto& loop = asyncio::get_running_loop();
  Socket server = listener();
  auto echo = asyncio::create_task(echo_once(server));
  Socket client(Address::Family::ipv4);
  co_await loop.sock_connect(client, server.getsockname());
  co_await loop.sock_sendall(client, "hello");
  EXPECT_EQ(co_await loop.sock_recv(client, 100), "hello");
  co_await echo;
  EXPECT_EQ(co_await loop.sock_recv(client, 100), "");
}

// LOOP-084
ASYNC_TEST(Socket, RefusedConnectionNamesTheAddress) {
  auto& loop = asyncio::get_running_loop();
  Socket server = listener();
  const Address address = server.getsockname();
  server.close();
  Socket client(Address::Family::ipv4);
  auto result = co_await asyncio::as_result(loop.sock_connect(client, address));
  try {
    result.value();
    ADD_FAILURE() << "connected";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.what(), "connect to " + address.str() + ": Connection refused");
  }
}

// LOOP-088
ASYNC_TEST(Socket, SecondReaderIsRefused) {
  auto& loop = asyncio::get_running_loop();
  auto pair = asyncio::socketpair();
  auto first = asyncio::create_task(loop.sock_recv(pair.first, 10));
  co_await asyncio::sleep(0s);
  auto second = co_await asyncio::as_result(loop.sock_recv(pair.first, 10));
  EXPECT_THROW(second.value(), asyncio::RuntimeError);
  co_await loop.sock_sendall(pair.second, "x");
  EXPECT_EQ(co_await first, "x");
}

// LOOP-086, failure 45
ASYNC_TEST(Socket, CancelledReceiveLosesNothing) {
  auto& loop = asyncio::get_running_loop();
  auto pair = asyncio::socketpair();
  auto first = asyncio::create_task(loop.sock_recv(pair.first, 10));
  co_await asyncio::sleep(0s);
  co_await loop.sock_sendall(pair.second, "x");
  first.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
  EXPECT_EQ(co_await loop.sock_recv(pair.first, 10), "x");
}

// LOOP-082
ASYNC_TEST(Socket, SendsMoreThanTheSystemTakesAtOnce) {
  auto& loop = asyncio::get_running_loop();
  auto pair = asyncio::socketpair();
  const std::string sent(10'000'000, 'x');
  auto sending = asyncio::create_task(loop.sock_sendall(pair.second, sent));
  std::size_t got = 0;
  while (got < sent.size()) got += (co_await loop.sock_recv(pair.first, 1 << 20)).size();
  EXPECT_EQ(got, sent.size());
  co_await sending;
}
