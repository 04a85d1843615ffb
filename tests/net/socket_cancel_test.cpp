// Operations of sockets that are cancelled, or whose memory runs out.

#include <asyncio/socket.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/log_capture.hpp"
#include "support/sockets.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using asyncio::TaskGroup;
using support::errno_of;
using support::listener;
using support::loop;
using support::receive_all;
using support::require;
using support::tcp_pair;

namespace {

// --- scenarios: a task that has to wait, and one that lets it go on ------------------------------
//
// Each task owns its end, so that the other one is told when it is cancelled.

template <class Body>
Coro<> in_group(Body& body) {
  co_await asyncio::with(TaskGroup(), body);
}

Coro<> send_later(Socket socket, std::string_view data) {
  co_await asyncio::sleep(0s);
  co_await loop().sock_sendall(socket, data);
}

Coro<> receive() {
  auto pair = asyncio::socketpair();
  const auto body = [&](TaskGroup& group) -> Coro<> {
    group.create_task(send_later(std::move(pair.second), "x"));
    const std::string got = co_await loop().sock_recv(pair.first, 10);
    require(got == "x" || got.empty(), "the bytes");
  };
  co_await in_group(body);
}

Coro<> receive_into() {
  auto pair = asyncio::socketpair();
  const auto body = [&](TaskGroup& group) -> Coro<> {
    group.create_task(send_later(std::move(pair.second), "x"));
    std::array<std::byte, 10> buffer{};
    const std::size_t size = co_await loop().sock_recv_into(pair.first, buffer);
    require(size == 0 || (size == 1 && buffer[0] == std::byte{'x'}), "the bytes");
  };
  co_await in_group(body);
}

Coro<> receive_two(Socket& socket, const Address& from) {
  const auto got = co_await loop().sock_recvfrom(socket, 10);
  require(got.data == "x" && got.address == from, "the datagram");
  std::array<std::byte, 10> buffer{};
  const auto again = co_await loop().sock_recvfrom_into(socket, buffer);
  require(again.size == 1 && again.address == from, "the second datagram");
}

Coro<> receive_datagrams() {
  Socket one(Address::Family::ipv4, Socket::Type::datagram);
  Socket two(Address::Family::ipv4, Socket::Type::datagram);
  one.bind({"127.0.0.1", 0});
  two.bind({"127.0.0.1", 0});
  const auto body = [&](TaskGroup& group) -> Coro<> {
    const auto send = [](Socket& from, Address to) -> Coro<> {
      for (int i = 0; i < 2; ++i) {
        co_await asyncio::sleep(0s);
        co_await loop().sock_sendto(from, "x", to);
      }
    };
    group.create_task(send(one, two.getsockname()));
    const Address from = one.getsockname();
    const auto end = co_await asyncio::as_result(
        asyncio::wait_for(receive_two(two, from), asyncio::Duration(20ms)));
    // A sender that was cancelled sends nothing.
    if (!end && !support::is_a<asyncio::TimeoutError>(end.error())) end.value();
  };
  co_await in_group(body);
}

Coro<> serve(Socket server) {
  auto accepted = co_await loop().sock_accept(server);
  co_await asyncio::sleep(0s);
  co_await loop().sock_sendall(accepted.connection, "hello");
}

Coro<> connect_and_accept() {
  Socket server = listener();
  const Address address = server.getsockname();
  const auto body = [&](TaskGroup& group) -> Coro<> {
    group.create_task(serve(std::move(server)));
    co_await support::settle();
    Socket client(Address::Family::ipv4);
    const auto talk = [&]() -> Coro<std::string> {
      co_await loop().sock_connect(client, address);
      co_return co_await receive_all(client);
    };
    const auto end = co_await asyncio::as_result(talk());
    const int error = errno_of(end.error());
    // A server that was cancelled leaves its listener.
    if (error == ECONNREFUSED || error == ECONNRESET) co_return;
    require(end.value() == "hello" || end.value().empty(), "the bytes");
  };
  co_await in_group(body);
}

Coro<> send_much() {
  auto pair = asyncio::socketpair();
  const std::string much = support::pattern(400'000);
  const auto body = [&](TaskGroup& group) -> Coro<> {
    const auto send = [](Socket socket, const std::string& data) -> Coro<> {
      co_await loop().sock_sendall(socket, data);
    };
    group.create_task(send(std::move(pair.first), much));
    const std::string got = co_await receive_all(pair.second);
    require(much.starts_with(got), "the bytes in their order");
  };
  co_await in_group(body);
}

Coro<> send_file() {
  const std::string content = support::pattern(400'000);
  const support::File file(content);
  auto pair = asyncio::socketpair();
  const auto body = [&](TaskGroup& group) -> Coro<> {
    const auto send = [](Socket socket, int fd) -> Coro<> {
      co_await loop().sock_sendfile(socket, fd);
    };
    group.create_task(send(std::move(pair.first), file.fd()));
    const std::string got = co_await receive_all(pair.second);
    require(content.starts_with(got), "bytes in their order");
  };
  co_await in_group(body);
}

// Of no regular file, so that a thread reads it.
Coro<> copy_file() {
  int pipe[2];
  require(::pipe(pipe) == 0, "there are pipes");
  struct Closing {
    int fd;
    ~Closing() { ::close(fd); }
  };
  const Closing closing{pipe[0]};
  require(::write(pipe[1], "hello", 5) == 5, "a pipe can be written");
  ::close(pipe[1]);
  auto pair = asyncio::socketpair();
  const std::size_t sent = co_await loop().sock_sendfile(pair.first, pipe[0]);
  require(sent == 5, "all is sent");
}

Coro<> send_in_the_background(Socket& socket, const std::string& data) {
  co_await loop().sock_sendall(socket, data);
}

}  // namespace

// --- everywhere ---------------------------------------------------------------------------------

// LOOP-086
TEST(SocketCancel, CancellingAnywhereLeavesNothingBehind) {
  using asyncio::testing::cancel_at_each_await;
  EXPECT_EQ(cancel_at_each_await(receive), "");
  EXPECT_EQ(cancel_at_each_await(receive_into), "");
  EXPECT_EQ(cancel_at_each_await(receive_datagrams), "");
  EXPECT_EQ(cancel_at_each_await(connect_and_accept), "");
  EXPECT_EQ(cancel_at_each_await(send_much), "");
}

// NET-135
TEST(SocketCancel, CancellingSendfileAnywhereLeavesNothingBehind) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await(send_file), "");
  EXPECT_EQ(asyncio::testing::cancel_at_each_await(copy_file), "");
}

// LOOP-080
TEST(SocketMemory, AnyAllocationMayFail) {
  const support::LogCapture reports;
  using asyncio::testing::fail_at_each_allocation;
  EXPECT_EQ(fail_at_each_allocation(receive), "");
  EXPECT_EQ(fail_at_each_allocation(receive_into), "");
  EXPECT_EQ(fail_at_each_allocation(receive_datagrams), "");
  EXPECT_EQ(fail_at_each_allocation(connect_and_accept), "");
  EXPECT_EQ(fail_at_each_allocation(send_much), "");
}

// NET-134
TEST(SocketMemory, AnyAllocationOfSendfileMayFail) {
  const support::LogCapture reports;
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(send_file), "");
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(copy_file), "");
}

// LOOP-078: whoever gets an exception still owns the descriptor
TEST(SocketMemory, AdoptingThatFailsLeavesTheDescriptorToTheCaller) {
  const auto adopt = []() -> Coro<> {
    Socket source(Address::Family::ipv4);
    const int fd = source.detach();
    struct Owner {
      int fd;
      ~Owner() {
        if (fd >= 0) require(::close(fd) == 0, "the descriptor is the caller's");
      }
    } owner{fd};
    const Socket adopted = Socket::adopt(fd);
    owner.fd = -1;
    co_await asyncio::sleep(0s);
  };
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(adopt), "");
}

// --- one at a time ------------------------------------------------------------------------------

// LOOP-086, failure 45
ASYNC_TEST(SocketCancel, CancelledReceiveLosesNothing) {
  auto pair = asyncio::socketpair();
  auto first = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  co_await loop().sock_sendall(pair.second, "x");
  first.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
  EXPECT_EQ(co_await loop().sock_recv(pair.first, 10), "x");
}

// LOOP-086, failure 45: in the iteration in which it was woken
ASYNC_TEST(SocketCancel, AReceiveThatIsCancelledAfterItWasWokenLosesNothing) {
  auto pair = asyncio::socketpair();
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  // The poll that sees the byte queues the task behind this one.
  EXPECT_EQ(::send(pair.second.fileno(), "x", 1, 0), 1);
  co_await asyncio::sleep(0s);
  receiving.cancel();
  const auto end = co_await asyncio::as_result(receiving);
  if (end.cancelled()) {
    EXPECT_EQ(co_await loop().sock_recv(pair.first, 10), "x");
  } else {
    EXPECT_EQ(end.value(), "x");
  }
}

// LOOP-086, failure 45: at any moment, with data always about to come
ASYNC_TEST(SocketCancel, AStreamIsCompleteHoweverOftenItsReaderIsCancelled) {
  auto pair = co_await tcp_pair();
  const std::string sent = support::pattern(300'000);
  auto sending = asyncio::create_task(send_in_the_background(pair.second, sent));
  std::string got;
  int cancelled = 0;
  for (unsigned i = 0; got.size() < sent.size(); ++i) {
    // Mostly at once, so that some are cancelled while they take turns.
    auto reading = asyncio::create_task(loop().sock_recv(pair.first, 1 + i % 100));
    for (unsigned passes = i % 4; passes > 0; --passes) co_await asyncio::sleep(0s);
    reading.cancel();
    auto end = co_await asyncio::as_result(std::move(reading));
    if (end.cancelled()) {
      ++cancelled;
    } else {
      got += end.value();
    }
  }
  EXPECT_TRUE(got == sent);
  EXPECT_GT(cancelled, 10);
  co_await sending;
}

// LOOP-086: an accepted connection is not lost
ASYNC_TEST(SocketCancel, ACancelledAcceptLosesNoConnection) {
  Socket server = listener();
  std::vector<Socket> clients;
  std::vector<Socket> accepted;
  for (unsigned i = 0; accepted.size() < 80; ++i) {
    if (clients.size() < 80 && i % 2 == 0) {
      clients.emplace_back(Address::Family::ipv4);
      co_await loop().sock_connect(clients.back(), server.getsockname());
    }
    auto accepting = asyncio::create_task(loop().sock_accept(server));
    for (unsigned passes = i % 3; passes > 0; --passes) co_await asyncio::sleep(0s);
    accepting.cancel();
    auto end = co_await asyncio::as_result(std::move(accepting));
    if (!end.cancelled()) accepted.push_back(std::move(end.value().connection));
    ASYNC_ASSERT_LT(i, 10'000U);
  }
  for (Socket& client : clients) co_await loop().sock_sendall(client, "x");
  for (Socket& socket : accepted) EXPECT_EQ(co_await loop().sock_recv(socket, 1), "x");
}

// LOOP-086, LOOP-087
ASYNC_TEST(SocketCancel, AfterACancellationAnotherTaskMayWaitAtOnce) {
  auto pair = asyncio::socketpair();
  auto first = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  first.cancel();
  // In the same iteration, before the cancelled one has run.
  auto second = asyncio::create_task(loop().sock_recv(pair.first, 10));
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(::send(pair.second.fileno(), "x", 1, 0), 1);
  EXPECT_EQ(co_await second, "x");
}

// LOOP-086
ASYNC_TEST(SocketCancel, ACancelledAcceptLeavesTheListenerAsItWas) {
  Socket server = listener();
  auto accepting = asyncio::create_task(loop().sock_accept(server));
  co_await support::settle();
  accepting.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(std::move(accepting))).cancelled());
  Socket client(Address::Family::ipv4);
  co_await loop().sock_connect(client, server.getsockname());
  const auto accepted = co_await loop().sock_accept(server);
  EXPECT_EQ(accepted.address, client.getsockname());
}

// LOOP-086
ASYNC_TEST(SocketCancel, OfACancelledSendABeginningHasGone) {
  auto pair = asyncio::socketpair();
  const std::string much = support::pattern(1'000'000);
  auto sending = asyncio::create_task(loop().sock_sendall(pair.first, much));
  co_await support::settle();
  sending.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(sending)).cancelled());
  pair.first.close();
  const std::string got = co_await receive_all(pair.second);
  EXPECT_GT(got.size(), 0U);
  EXPECT_TRUE(much.starts_with(got));
}

// LOOP-084, LOOP-086: it goes on in the background
ASYNC_TEST(SocketCancel, AConnectThatWasCancelledCanBeAwaitedAgain) {
  Socket server = listener();
  Socket client(Address::Family::ipv4);
  auto connecting = asyncio::create_task(loop().sock_connect(client, server.getsockname()));
  connecting.cancel();  // before it has begun
  EXPECT_TRUE((co_await asyncio::as_result(connecting)).cancelled());
  auto again = asyncio::create_task(loop().sock_connect(client, server.getsockname()));
  co_await support::settle();
  again.cancel();
  const auto end = co_await asyncio::as_result(again);
  if (end.cancelled()) co_await loop().sock_connect(client, server.getsockname());
  EXPECT_EQ(client.getpeername(), server.getsockname());
}

// LOOP-084, failure 40: a listener that accepts nobody any more is a black hole
ASYNC_TEST(SocketCancel, ConnectsToABlackHoleThatAreCancelledLeaveNothing) {
  Socket server(Address::Family::ipv4);
  server.bind({"127.0.0.1", 0});
  server.listen(0);
  const Address address = server.getsockname();
  std::vector<Socket> fill;
  bool full = false;
  for (int i = 0; i < 10 && !full; ++i) {
    fill.emplace_back(Address::Family::ipv4);
    const auto end = co_await asyncio::as_result(
        asyncio::wait_for(loop().sock_connect(fill.back(), address), asyncio::Duration(50ms)));
    full = !end.has_value();
  }
  if (!full) ASYNC_SKIP() << "the backlog takes everybody";
  const auto before = support::open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    Socket client(Address::Family::ipv4);
    auto connecting = asyncio::create_task(loop().sock_connect(client, address));
    co_await support::settle();
    connecting.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(connecting)).cancelled());
  }
  EXPECT_EQ(support::open_descriptors(), before);
  // Once more while it is in progress: it waits for the one that is.
  Socket client(Address::Family::ipv4);
  for (int i = 0; i < 2; ++i) {
    const auto end = co_await asyncio::as_result(
        asyncio::wait_for(loop().sock_connect(client, address), asyncio::Duration(10ms)));
    EXPECT_FALSE(end.has_value());
    EXPECT_EQ(errno_of(end.error()), 0) << "not EALREADY";
  }
}
