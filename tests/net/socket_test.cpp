// What sockets do when nothing disturbs them.

#include <asyncio/socket.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using support::errno_of;
using support::listener;
using support::loop;
using support::receive_all;
using support::receive_exactly;
using support::tcp_pair;

namespace {

Coro<> echo_once(Socket& server) {
  auto accepted = co_await loop().sock_accept(server);
  const std::string data = co_await loop().sock_recv(accepted.connection, 100);
  co_await loop().sock_sendall(accepted.connection, data);
}

// Echoes over a listener at that address.
Coro<> echo_at(const Address& address) {
  Socket server = listener(address);
  auto echo = asyncio::create_task(echo_once(server));
  Socket client(address.family());
  const Address bound = server.getsockname();
  co_await loop().sock_connect(client, bound);
  co_await loop().sock_sendall(client, "hello");
  EXPECT_EQ(co_await loop().sock_recv(client, 100), "hello");
  co_await echo;
  EXPECT_EQ(co_await loop().sock_recv(client, 100), "");
}

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
bool is_closed_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

}  // namespace

// --- connections --------------------------------------------------------------------------------

// LOOP-080, LOOP-082, LOOP-084, LOOP-085
ASYNC_TEST(Socket, EchoesOverIPv4) { co_await echo_at(Address("127.0.0.1", 0)); }

// LOOP-080, LOOP-084
ASYNC_TEST(Socket, EchoesOverIPv6) { co_await echo_at(Address("::1", 0)); }

// NET-061
ASYNC_TEST(Socket, EchoesOverAUnixPath) {
  const support::Folder folder;
  const std::string path = folder / "x.sock";
  co_await echo_at(Address::unix_path(path));
  EXPECT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// NET-061
ASYNC_TEST(Socket, EchoesOverAnAbstractUnixName) {
  co_await echo_at(Address::unix_path("@asyncio socket_test " + std::to_string(::getpid())));
}

// LOOP-084
ASYNC_TEST(Socket, ADualStackListenerTakesIPv4Too) {
  Socket server(Address::Family::ipv6);
  server.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  server.bind({"::", 0});
  server.listen();
  Socket client(Address::Family::ipv4);
  co_await loop().sock_connect(client, {"127.0.0.1", server.getsockname().port()});
  auto accepted = co_await loop().sock_accept(server);
  EXPECT_EQ(accepted.address.host(), "::ffff:127.0.0.1");
  EXPECT_EQ(accepted.address.port(), client.getsockname().port());
}

// LOOP-085
ASYNC_TEST(Socket, AnAcceptedConnectionIsNonBlockingAndNamesItsPeer) {
  Socket server = listener();
  auto accepting = asyncio::create_task(loop().sock_accept(server));
  co_await support::settle();
  Socket client(Address::Family::ipv4);
  co_await loop().sock_connect(client, server.getsockname());
  auto accepted = co_await std::move(accepting);
  EXPECT_EQ(accepted.address, client.getsockname());
  EXPECT_EQ(accepted.address, accepted.connection.getpeername());
  EXPECT_TRUE(is_nonblocking(accepted.connection.fileno()));
  EXPECT_TRUE(is_closed_on_exec(accepted.connection.fileno()));
}

// LOOP-084
ASYNC_TEST(Socket, RefusedConnectionNamesTheAddress) {
  Socket server = listener();
  const Address address = server.getsockname();
  server.close();
  Socket client(Address::Family::ipv4);
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_connect(client, address)),
            "system_error: connect to " + address.str() + ": Connection refused");
}

// LOOP-084
ASYNC_TEST(Socket, ARefusedSocketCanConnectElsewhere) {
  Socket closed = listener();
  const Address nobody = closed.getsockname();
  closed.close();
  Socket server = listener();
  Socket client(Address::Family::ipv4);
  const auto refused = co_await asyncio::as_result(loop().sock_connect(client, nobody));
  EXPECT_EQ(errno_of(refused.error()), ECONNREFUSED);
  // The system wants to be asked twice.
  const auto aborted = co_await asyncio::as_result(loop().sock_connect(client, nobody));
  EXPECT_EQ(errno_of(aborted.error()), ECONNABORTED);
  co_await loop().sock_connect(client, server.getsockname());
  auto accepted = co_await loop().sock_accept(server);
  co_await loop().sock_sendall(accepted.connection, "x");
  EXPECT_EQ(co_await loop().sock_recv(client, 10), "x");
}

// LOOP-084
ASYNC_TEST(Socket, AUnixListenerWhoseBacklogIsFullIsAnErrorAndNotASuccess) {
  const Address address = Address::unix_path("@asyncio full backlog " + std::to_string(::getpid()));
  Socket server(Address::Family::unix_);
  server.bind(address);
  server.listen(0);
  std::vector<Socket> clients;
  int error = 0;
  for (int i = 0; i < 20 && error == 0; ++i) {
    clients.emplace_back(Address::Family::unix_);
    const auto end = co_await asyncio::as_result(loop().sock_connect(clients.back(), address));
    error = errno_of(end.error());
  }
  EXPECT_EQ(error, EBUSY);
}

// --- receiving and sending ----------------------------------------------------------------------

// LOOP-080
ASYNC_TEST(Socket, ReceivesIntoABuffer) {
  auto pair = asyncio::socketpair();
  co_await loop().sock_sendall(pair.first, "hello");
  std::array<std::byte, 3> buffer{};
  EXPECT_EQ(co_await loop().sock_recv_into(pair.second, buffer), 3U);
  EXPECT_EQ(std::memcmp(buffer.data(), "hel", 3), 0);
  EXPECT_EQ(co_await loop().sock_recv_into(pair.second, buffer), 2U);
  EXPECT_EQ(std::memcmp(buffer.data(), "lol", 3), 0);
  pair.first.close();
  EXPECT_EQ(co_await loop().sock_recv_into(pair.second, buffer), 0U);
}

// LOOP-080
ASYNC_TEST(Socket, OfNoBytesNothingIsWaitedFor) {
  auto pair = co_await tcp_pair();
  EXPECT_EQ(co_await loop().sock_recv(pair.first, 0), "");
  EXPECT_EQ(co_await loop().sock_recv_into(pair.first, {}), 0U);
  co_await loop().sock_sendall(pair.first, "");
  co_await loop().sock_sendall(pair.second, "x");
  EXPECT_EQ(co_await loop().sock_recv(pair.first, 10), "x");
}

// LOOP-082
ASYNC_TEST(Socket, SendsMoreThanTheSystemTakesAtOnce) {
  for (const bool tcp : {false, true}) {
    auto pair = co_await support::pair_by(tcp);
    const std::string sent = support::pattern(5'000'000);
    auto sending = asyncio::create_task(loop().sock_sendall(pair.second, sent));
    const std::string got = co_await receive_exactly(pair.first, sent.size());
    EXPECT_TRUE(got == sent);
    co_await sending;
  }
}

// LOOP-080
ASYNC_TEST(Socket, ReceivesMuchIntoABuffer) {
  auto pair = co_await tcp_pair();
  const std::string sent = support::pattern(2'000'000);
  auto sending = asyncio::create_task(loop().sock_sendall(pair.second, sent));
  std::string got(sent.size(), '\0');
  auto left = std::as_writable_bytes(std::span(got));
  while (!left.empty()) left = left.subspan(co_await loop().sock_recv_into(pair.first, left));
  EXPECT_TRUE(got == sent);
  co_await sending;
}

// LOOP-082: both ways at the same time
ASYNC_TEST(Socket, ReadingAndWritingWaitIndependently) {
  auto pair = co_await tcp_pair();
  const std::string one = support::pattern(3'000'000);
  const std::string two(2'000'000, 'y');
  auto send_one = asyncio::create_task(loop().sock_sendall(pair.first, one));
  auto send_two = asyncio::create_task(loop().sock_sendall(pair.second, two));
  auto get_one = asyncio::create_task(receive_exactly(pair.second, one.size()));
  auto get_two = asyncio::create_task(receive_exactly(pair.first, two.size()));
  EXPECT_TRUE(co_await get_one == one);
  EXPECT_TRUE(co_await get_two == two);
  co_await send_one;
  co_await send_two;
}

// LOOP-080: a short read does not always mean that nothing is left
ASYNC_TEST(Socket, WhatIsSentAlongWithADescriptorEndsAReadAndTheRestIsThere) {
  auto pair = asyncio::socketpair();
  char byte = 'a';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = pair.first.fileno();
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  EXPECT_EQ(::sendmsg(pair.first.fileno(), &message, 0), 1);
  EXPECT_EQ(::send(pair.first.fileno(), "b", 1, 0), 1);
  const std::string got =
      co_await asyncio::wait_for(receive_exactly(pair.second, 2), asyncio::Duration(5s));
  EXPECT_EQ(got, "ab");
}

// LOOP-080: the same of TCP
ASYNC_TEST(Socket, UrgentDataEndsAReadAndTheRestIsThere) {
  auto pair = co_await tcp_pair();
  const int fd = pair.first.fileno();
  EXPECT_EQ(::send(fd, "abc", 3, 0), 3);
  EXPECT_EQ(::send(fd, "!", 1, MSG_OOB), 1);
  EXPECT_EQ(::send(fd, "def", 3, 0), 3);
  const std::string got =
      co_await asyncio::wait_for(receive_exactly(pair.second, 6), asyncio::Duration(5s));
  EXPECT_EQ(got, "abcdef");
}

// LOOP-080: the end comes with the last bytes
ASYNC_TEST(Socket, TheEndIsFoundThoughItCameTogetherWithData) {
  for (int i = 0; i < 20; ++i) {
    auto pair = co_await tcp_pair();
    co_await loop().sock_sendall(pair.first, "last");
    pair.first.close();
    if (i % 2 == 0) co_await asyncio::sleep(0s);
    EXPECT_EQ(co_await asyncio::wait_for(receive_all(pair.second), asyncio::Duration(5s)), "last");
  }
}

// LOOP-080: a local shutdown ends what waits
ASYNC_TEST(Socket, ShutdownEndsAWaitingReceive) {
  auto pair = co_await tcp_pair();
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  pair.first.shutdown(Socket::How::read);
  EXPECT_EQ(co_await receiving, "");
  pair.first.shutdown(Socket::How::write);
  EXPECT_EQ(co_await loop().sock_recv(pair.second, 10), "");
}

// LOOP-082: an error, and no SIGPIPE
ASYNC_TEST(Socket, SendingToWhoHasClosedIsAnError) {
  auto pair = asyncio::socketpair();
  pair.second.close();
  const auto end = co_await asyncio::as_result(loop().sock_sendall(pair.first, "x"));
  EXPECT_EQ(errno_of(end.error()), EPIPE);
}

// LOOP-080
ASYNC_TEST(Socket, AResetIsAnErrorOfTheWaitingReceive) {
  auto pair = co_await tcp_pair();
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(pair.second.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  pair.second.close();
  const auto end = co_await asyncio::as_result(receiving);
  EXPECT_EQ(errno_of(end.error()), ECONNRESET);
}

// --- what is not an operation -------------------------------------------------------------------

TEST(SocketObject, TellsWhatItIs) {
  const Socket udp(Address::Family::ipv6, Socket::Type::datagram);
  EXPECT_EQ(udp.family(), Address::Family::ipv6);
  EXPECT_EQ(udp.type(), Socket::Type::datagram);
  EXPECT_TRUE(is_nonblocking(udp.fileno()));
  EXPECT_TRUE(is_closed_on_exec(udp.fileno()));
  const Socket packets(Address::Family::unix_, Socket::Type::seqpacket);
  EXPECT_EQ(packets.type(), Socket::Type::seqpacket);
  EXPECT_THROW((void)Socket{Address::Family::none}, std::invalid_argument);
}

TEST(SocketObject, OptionsAreTheSystems) {
  Socket socket(Address::Family::ipv4);
  EXPECT_EQ(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 0);
  socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
  EXPECT_EQ(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(support::thrown_by([&] { socket.setsockopt(SOL_SOCKET, -5, 1); }),
            "system_error: setsockopt(level 1, option -5, value 1): Protocol not available");
}

TEST(SocketObject, ErrorsNameTheAddress) {
  const Socket first = listener();
  Socket second(Address::Family::ipv4);
  EXPECT_EQ(support::thrown_by([&] { second.bind(first.getsockname()); }),
            "system_error: bind " + first.getsockname().str() + ": Address already in use");
  EXPECT_EQ(support::thrown_by([&] { (void)second.getpeername(); }),
            "system_error: getpeername: Transport endpoint is not connected");
  second.close();
  EXPECT_THROW((void)second.getsockname(), std::system_error);
}

ASYNC_TEST(Socket, ReprNamesBothEnds) {
  auto pair = co_await tcp_pair();
  EXPECT_EQ(pair.first.repr(), "<Socket fd=" + std::to_string(pair.first.fileno()) + " " +
                                   pair.first.getsockname().str() + " -> " +
                                   pair.second.getsockname().str() + ">");
}
