// Sockets whose messages have edges: UDP, Unix datagrams, packets.

#include <asyncio/socket.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/sockets.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using support::errno_of;
using support::loop;

namespace {

Socket udp(const Address& address = Address("127.0.0.1", 0)) {
  Socket socket(address.family(), Socket::Type::datagram);
  socket.bind(address);
  return socket;
}

template <class A>
auto soon(A awaitable) {
  return asyncio::wait_for(std::move(awaitable), asyncio::Duration(5s));
}

}  // namespace

// LOOP-080, LOOP-083
ASYNC_TEST(DatagramSocket, SendsAndTellsWhereItComesFrom) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    Socket one = udp(Address(host, 0));
    Socket two = udp(Address(host, 0));
    const Address to = two.getsockname();
    auto receiving = asyncio::create_task(loop().sock_recvfrom(two, 100));
    co_await support::settle();
    EXPECT_EQ(co_await loop().sock_sendto(one, "hello", to), 5U);
    const auto got = co_await soon(std::move(receiving));
    EXPECT_EQ(got.data, "hello");
    EXPECT_EQ(got.address, one.getsockname());
  }
}

// LOOP-080
ASYNC_TEST(DatagramSocket, ReceivesIntoABufferAndTellsWhereItComesFrom) {
  Socket one = udp();
  Socket two = udp();
  std::array<std::byte, 3> buffer{};
  auto receiving = asyncio::create_task(loop().sock_recvfrom_into(two, buffer));
  co_await support::settle();
  co_await loop().sock_sendto(one, "hello", two.getsockname());
  const auto got = co_await soon(std::move(receiving));
  EXPECT_EQ(got.size, 3U);  // the rest is cut off
  EXPECT_EQ(std::memcmp(buffer.data(), "hel", 3), 0);
  EXPECT_EQ(got.address, one.getsockname());
  co_await loop().sock_sendto(one, "x", two.getsockname());
  EXPECT_EQ((co_await soon(loop().sock_recvfrom_into(two, buffer))).size, 1U);
}

// LOOP-080: the next one is another datagram, though this was shorter than the room for it
ASYNC_TEST(DatagramSocket, EveryDatagramThatIsThereIsReceived) {
  Socket one = udp();
  Socket two = udp();
  std::array<std::byte, 100> buffer{};
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) {
      co_await loop().sock_sendto(one, std::string(static_cast<std::size_t>(i + 1), 'x'),
                                  two.getsockname());
    }
    EXPECT_EQ(co_await soon(loop().sock_recv(two, 100)), "x");
    EXPECT_EQ(co_await soon(loop().sock_recv_into(two, buffer)), 2U);
    EXPECT_EQ((co_await soon(loop().sock_recvfrom(two, 100))).data, "xxx");
    EXPECT_EQ((co_await soon(loop().sock_recvfrom_into(two, buffer))).size, 4U);
    EXPECT_EQ(co_await soon(loop().sock_recv(two, 3)), "xxx");  // cut off
  }
}

// LOOP-080, LOOP-083
ASYNC_TEST(DatagramSocket, AnEmptyDatagramIsADatagram) {
  Socket one = udp();
  Socket two = udp();
  EXPECT_EQ(co_await loop().sock_sendto(one, "", two.getsockname()), 0U);
  EXPECT_EQ(co_await loop().sock_sendto(one, "x", two.getsockname()), 1U);
  const auto empty = co_await soon(loop().sock_recvfrom(two, 100));
  EXPECT_EQ(empty.data, "");
  EXPECT_EQ(empty.address, one.getsockname());
  EXPECT_EQ(co_await soon(loop().sock_recv(two, 100)), "x");
}

// LOOP-080: of no bytes, the datagram is taken all the same
ASYNC_TEST(DatagramSocket, ReceivingNoBytesFromTakesADatagram) {
  Socket one = udp();
  Socket two = udp();
  for (const char* text : {"first", "second", "third"}) {
    co_await loop().sock_sendto(one, text, two.getsockname());
  }
  EXPECT_EQ((co_await soon(loop().sock_recvfrom(two, 0))).data, "");
  EXPECT_EQ(co_await soon(loop().sock_recv(two, 100)), "second");
  EXPECT_EQ(co_await loop().sock_recv(two, 0), "");  // asks for nothing
  EXPECT_EQ(co_await soon(loop().sock_recv(two, 100)), "third");
}

// LOOP-083
ASYNC_TEST(DatagramSocket, OneThatIsTooLongIsAnErrorThatNamesTheAddress) {
  Socket one = udp();
  Socket two = udp();
  const Address to = two.getsockname();
  const std::string much(70'000, 'x');
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendto(one, much, to)),
            "system_error: sendto " + to.str() + ": Message too long");
  EXPECT_EQ(co_await loop().sock_sendto(one, "x", to), 1U);
  EXPECT_EQ(co_await soon(loop().sock_recv(two, 10)), "x");
}

// LOOP-082, LOOP-084
ASYNC_TEST(DatagramSocket, OneThatIsConnectedSendsAndReceivesWithoutAddresses) {
  Socket one = udp();
  Socket two = udp();
  co_await loop().sock_connect(one, two.getsockname());
  EXPECT_EQ(one.getpeername(), two.getsockname());
  co_await loop().sock_sendall(one, "hello");
  EXPECT_EQ(co_await loop().sock_sendto(one, "again", Address()), 5U);
  EXPECT_EQ(co_await soon(loop().sock_recv(two, 100)), "hello");
  EXPECT_EQ(co_await soon(loop().sock_recv(two, 100)), "again");
}

// LOOP-080: what came back from a port where nobody is
ASYNC_TEST(DatagramSocket, ThatNobodyIsThereIsAnErrorAndTheSocketGoesOn) {
  Socket one = udp();
  Socket two = udp();
  const Address gone = two.getsockname();
  two.close();
  co_await loop().sock_connect(one, gone);
  co_await loop().sock_sendall(one, "x");
  const auto end = co_await asyncio::as_result(soon(loop().sock_recv(one, 10)));
  EXPECT_EQ(errno_of(end.error()), ECONNREFUSED);
  Socket three = udp(gone);
  co_await loop().sock_sendto(three, "hello", one.getsockname());
  EXPECT_EQ(co_await soon(loop().sock_recv(one, 10)), "hello");
}

// LOOP-083
ASYNC_TEST(DatagramSocket, ADualStackSocketReachesIPv4) {
  Socket one(Address::Family::ipv6, Socket::Type::datagram);
  one.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  one.bind({"::", 0});
  Socket two = udp();
  co_await loop().sock_sendto(one, "x", {"::ffff:127.0.0.1", two.getsockname().port()});
  const auto got = co_await soon(loop().sock_recvfrom(two, 10));
  EXPECT_EQ(got.address, Address("127.0.0.1", one.getsockname().port()));
}

// NET-061, LOOP-083
ASYNC_TEST(DatagramSocket, OfUnixOverAbstractNames) {
  const std::string name = "@asyncio datagram " + std::to_string(::getpid());
  Socket one = udp(Address::unix_path(name + " 1"));
  Socket two = udp(Address::unix_path(name + " 2"));
  co_await loop().sock_sendto(one, "x", two.getsockname());
  const auto got = co_await soon(loop().sock_recvfrom(two, 10));
  EXPECT_EQ(got.data, "x");
  EXPECT_EQ(got.address, Address::unix_path(name + " 1"));
}

// NET-061
ASYNC_TEST(DatagramSocket, AnUnnamedUnixSenderHasNoAddress) {
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  co_await loop().sock_sendall(pair.first, "x");
  const auto got = co_await soon(loop().sock_recvfrom(pair.second, 10));
  EXPECT_EQ(got.data, "x");
  EXPECT_EQ(got.address.path(), "");
}

// LOOP-082, LOOP-083: a Unix datagram socket blocks when the receiver is full
ASYNC_TEST(DatagramSocket, AFullReceiverIsWaitedForAndNothingIsLost) {
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  constexpr int count = 2000;
  const auto send = [](Socket& socket) -> Coro<> {
    for (int i = 0; i < count; ++i) {
      const std::string text = std::to_string(i);
      if (i % 2 == 0) {
        co_await loop().sock_sendall(socket, text);
      } else {
        co_await loop().sock_sendto(socket, text, Address());
      }
    }
  };
  auto sending = asyncio::create_task(send(pair.first));
  for (int i = 0; i < count; ++i) {
    ASYNC_ASSERT_EQ(co_await soon(loop().sock_recv(pair.second, 100)), std::to_string(i));
  }
  co_await sending;
}

// LOOP-080
ASYNC_TEST(DatagramSocket, PacketsOfAConnectionStayApart) {
  auto pair = asyncio::socketpair(Socket::Type::seqpacket);
  for (const char* text : {"one", "two", "three"}) co_await loop().sock_sendall(pair.first, text);
  pair.first.close();
  for (const char* text : {"one", "two", "three", ""}) {
    EXPECT_EQ(co_await soon(loop().sock_recv(pair.second, 100)), text);
  }
}
