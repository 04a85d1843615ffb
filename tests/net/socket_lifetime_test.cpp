// How sockets begin and end, and what of that the waiting notice.

#include <asyncio/socket.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using support::errno_of;
using support::is_a;
using support::is_open;
using support::listener;
using support::loop;

namespace {

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

// Without anything of ours between.
std::array<int, 2> raw_pair() {
  std::array<int, 2> fds{-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
  return fds;
}

}  // namespace

// --- closing ------------------------------------------------------------------------------------

// LOOP-086
ASYNC_TEST(Socket, ClosingEndsWhatWaits) {
  auto pair = asyncio::socketpair();
  const std::string much(1'000'000, 'x');
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  auto sending = asyncio::create_task(loop().sock_sendall(pair.first, much));
  co_await support::settle();
  const int fd = pair.first.fileno();
  pair.first.close();
  EXPECT_FALSE(is_open(fd));
  pair.first.close();
  EXPECT_EQ(co_await support::thrown_by_await(receiving),
            "system_error: sock_recv(): the socket was closed meanwhile: Bad file descriptor");
  const auto end = co_await asyncio::as_result(sending);
  EXPECT_EQ(errno_of(end.error()), EBADF);
}

// LOOP-086
ASYNC_TEST(Socket, DestroyingOrReplacingItEndsWhatWaits) {
  auto pair = asyncio::socketpair();
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  pair.first = Socket(Address::Family::ipv4);
  const auto end = co_await asyncio::as_result(receiving);
  EXPECT_EQ(errno_of(end.error()), EBADF);
  EXPECT_EQ(co_await loop().sock_recv(pair.second, 10), "");
}

// LOOP-086: an object that is moved is the same socket
ASYNC_TEST(Socket, MovingItLeavesWhatWaitsAlone) {
  auto pair = asyncio::socketpair();
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  const Socket moved = std::move(pair.first);
  co_await loop().sock_sendall(pair.second, "x");
  EXPECT_EQ(co_await receiving, "x");
  EXPECT_FALSE(pair.first);  // NOLINT(bugprone-use-after-move): what is left of it
}

// LOOP-080
ASYNC_TEST(Socket, AClosedOneAndNoneAreErrors) {
  auto pair = asyncio::socketpair();
  pair.first.close();
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_recv(pair.first, 10)),
            "system_error: sock_recv(): the socket is closed: Bad file descriptor");
  EXPECT_EQ(pair.first.fileno(), -1);
  EXPECT_EQ(pair.first.repr(), "<Socket closed>");
  Socket none;
  EXPECT_FALSE(none);
  EXPECT_THROW((void)loop().sock_recv(none, 10), std::invalid_argument);
  EXPECT_THROW(none.listen(), std::system_error);
}

// failure 4
ASYNC_TEST(Socket, AReusedNumberDoesNotGetTheEventOfTheClosedOne) {
  auto one = asyncio::socketpair();
  auto two = asyncio::socketpair();
  std::optional<asyncio::SocketPair> fresh;
  std::vector<std::string> log;
  // Whichever goes on first closes the other's socket and opens one, quiet, with its number.
  const auto read = [&](asyncio::SocketPair& own, asyncio::SocketPair& other) -> Coro<> {
    auto end = co_await asyncio::as_result(loop().sock_recv(own.first, 10));
    if (!end) {
      log.push_back(errno_of(end.error()) == EBADF ? "closed" : "?");
      co_return;
    }
    log.push_back(end.value());
    const int number = other.first.fileno();
    other.first.close();
    fresh = asyncio::socketpair();
    EXPECT_EQ(fresh->first.fileno(), number);
    auto quiet = co_await asyncio::as_result(
        asyncio::wait_for(loop().sock_recv(fresh->first, 10), asyncio::Duration(20ms)));
    log.push_back(is_a<asyncio::TimeoutError>(quiet.error()) ? "quiet" : "an event of the dead");
    co_await loop().sock_sendall(fresh->second, "y");
    log.push_back(co_await loop().sock_recv(fresh->first, 10));
  };
  auto first = asyncio::create_task(read(one, two));
  auto second = asyncio::create_task(read(two, one));
  co_await support::settle();
  EXPECT_EQ(::send(one.second.fileno(), "x", 1, 0), 1);
  EXPECT_EQ(::send(two.second.fileno(), "x", 1, 0), 1);
  co_await first;
  co_await second;
  EXPECT_EQ(log, (std::vector<std::string>{"x", "closed", "quiet", "y"}));
}

// failure 4: forgotten by its user, not by the loop
ASYNC_TEST(Socket, AReaderThatWasForgottenDoesNotTakeANewSocketWithIt) {
  const auto fds = raw_pair();
  loop().add_reader(fds[0], [] {});
  ::close(fds[0]);
  auto pair = asyncio::socketpair();
  EXPECT_EQ(pair.first.fileno(), fds[0]);
  const auto refused = co_await asyncio::as_result(loop().sock_recv(pair.first, 10));
  EXPECT_TRUE(is_a<asyncio::RuntimeError>(refused.error()));
  loop().remove_reader(fds[0]);
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  EXPECT_EQ(::send(pair.second.fileno(), "x", 1, 0), 1);
  EXPECT_EQ(co_await receiving, "x");
  ::close(fds[1]);
}

// failure 5
ASYNC_TEST(Socket, ClosingOneWhoseDuplicateLivesLeavesNoRegistration) {
  auto pair = asyncio::socketpair();
  const int duplicate = ::dup(pair.first.fileno());
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  pair.first.close();
  const auto end = co_await asyncio::as_result(receiving);
  EXPECT_EQ(errno_of(end.error()), EBADF);
  EXPECT_EQ(::send(pair.second.fileno(), "x", 1, 0), 1);
  pollfd events{loop().fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&events, 1, 0), 0);
  ::close(duplicate);
}

// LOOP-086: whatever the system was asked to wait for.
ASYNC_TEST(Socket, TheAddressIsFreeAsSoonAsItIsClosed) {
  for (const auto type : {Socket::Type::datagram, Socket::Type::stream}) {
    Socket socket(Address::Family::ipv4, type);
    socket.bind(Address("127.0.0.1", 0));
    if (type == Socket::Type::stream) socket.listen();
    const Address address = socket.getsockname();
    auto waiting = asyncio::create_task([&]() -> Coro<> {
      if (type == Socket::Type::stream) {
        (void)co_await loop().sock_accept(socket);
      } else {
        (void)co_await loop().sock_recv(socket, 10);
      }
    });
    co_await support::settle();
    socket.close();
    Socket next(Address::Family::ipv4, type);
    next.bind(address);
    EXPECT_EQ(next.getsockname(), address);
    EXPECT_EQ(errno_of((co_await asyncio::as_result(waiting)).error()), EBADF);
  }
}

ASYNC_TEST(Socket, NobodyConnectsToAListenerThatIsClosed) {
  Socket server = listener();
  const Address address = server.getsockname();
  auto accepting = asyncio::create_task(loop().sock_accept(server));
  co_await support::settle();
  server.close();
  Socket client(Address::Family::ipv4);
  const auto connected = co_await asyncio::as_result(loop().sock_connect(client, address));
  EXPECT_EQ(errno_of(connected.error()), ECONNREFUSED);
  EXPECT_EQ(errno_of((co_await asyncio::as_result(std::move(accepting))).error()), EBADF);
}

// As a worker goes on that has inherited the listener of its parent.
ASYNC_TEST(Socket, AListenerWhoseDuplicateIsClosedGoesOn) {
  Socket server = listener();
  auto duplicate = Socket::adopt(::dup(server.fileno()));
  auto accepting = asyncio::create_task(loop().sock_accept(server));
  co_await support::settle();
  server.close();
  EXPECT_EQ(errno_of((co_await asyncio::as_result(std::move(accepting))).error()), EBADF);
  Socket client(Address::Family::ipv4);
  auto connecting = asyncio::create_task(loop().sock_connect(client, duplicate.getsockname()));
  const auto accepted = co_await loop().sock_accept(duplicate);
  co_await connecting;
  EXPECT_EQ(accepted.address, client.getsockname());
}

// --- adopting and detaching ---------------------------------------------------------------------

// LOOP-078
ASYNC_TEST(Socket, AdoptingMakesItNonBlocking) {
  const auto fds = raw_pair();
  EXPECT_FALSE(is_nonblocking(fds[0]));
  Socket adopted = Socket::adopt(fds[0]);
  EXPECT_EQ(adopted.fileno(), fds[0]);
  EXPECT_TRUE(is_nonblocking(fds[0]));
  EXPECT_EQ(adopted.family(), Address::Family::unix_);
  EXPECT_EQ(adopted.type(), Socket::Type::stream);
  EXPECT_EQ(::send(fds[1], "x", 1, 0), 1);
  EXPECT_EQ(co_await loop().sock_recv(adopted, 10), "x");
  ::close(fds[1]);
}

// LOOP-078
TEST(SocketAdopt, WhatIsNoSocketIsRefusedAndStaysTheCallers) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  try {
    (void)Socket::adopt(pipe[0]);
    ADD_FAILURE() << "adopted a pipe";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), ENOTSOCK);
  }
  EXPECT_TRUE(is_open(pipe[0]));
  EXPECT_FALSE(is_nonblocking(pipe[0]));
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_THROW((void)Socket::adopt(-1), std::system_error);
}

// LOOP-078
ASYNC_TEST(Socket, ADetachedDescriptorIsTheCallersAndCanBeAdoptedAgain) {
  auto pair = asyncio::socketpair();
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  const int fd = pair.first.detach();
  EXPECT_TRUE(is_open(fd));
  EXPECT_FALSE(pair.first);
  EXPECT_EQ(pair.first.detach(), -1);
  const auto end = co_await asyncio::as_result(receiving);
  EXPECT_EQ(errno_of(end.error()), EBADF);
  loop().add_reader(fd, [] {});  // it is not watched any more
  loop().remove_reader(fd);
  Socket again = Socket::adopt(fd);
  co_await loop().sock_sendall(pair.second, "x");
  EXPECT_EQ(co_await loop().sock_recv(again, 10), "x");
}

// LOOP-078
TEST(SocketAdopt, OneThatWasNeverUsedIsDetachedAsItIs) {
  const auto fds = raw_pair();
  Socket socket = Socket::adopt(fds[0]);
  EXPECT_EQ(socket.detach(), fds[0]);
  EXPECT_EQ(Socket().detach(), -1);
  EXPECT_TRUE(is_open(fds[0]));
  ::close(fds[0]);
  ::close(fds[1]);
}

// --- loops --------------------------------------------------------------------------------------

namespace {

Coro<> send_x(Socket& socket) { co_await loop().sock_sendall(socket, "x"); }
Coro<std::string> receive_by(asyncio::EventLoop& other, Socket& socket) {
  co_return co_await other.sock_recv(socket, 10);
}

}  // namespace

// LOOP-078: a socket belongs to the loop that it is first used with
TEST(SocketLoops, OneOfAnotherLoopIsRefusedUnlessItIsDetached) {
  auto one = asyncio::new_event_loop();
  auto two = asyncio::new_event_loop();
  auto pair = asyncio::socketpair();
  one->run_until_complete(send_x(pair.first));
  EXPECT_THROW(two->run_until_complete(send_x(pair.first)), asyncio::RuntimeError);
  one->close();
  EXPECT_THROW(two->run_until_complete(send_x(pair.first)), asyncio::RuntimeError);
  Socket adopted = Socket::adopt(pair.first.detach());
  two->run_until_complete(send_x(adopted));
  EXPECT_EQ(two->run_until_complete(receive_by(*two, pair.second)), "xx");
  two->close();
}

// LOOP-078: nothing would ever wake the task
TEST(SocketLoops, AnOperationOfALoopThatDoesNotRunIsRefused) {
  auto one = asyncio::new_event_loop();
  auto two = asyncio::new_event_loop();
  auto pair = asyncio::socketpair();
  EXPECT_THROW(one->run_until_complete(receive_by(*two, pair.first)), asyncio::RuntimeError);
  two->close();
  EXPECT_THROW(one->run_until_complete(receive_by(*two, pair.first)), asyncio::RuntimeError);
  one->close();
}

// LOOP-046
TEST(SocketLoops, ASocketMayOutliveItsLoop) {
  auto pair = asyncio::socketpair();
  {
    auto loop = asyncio::new_event_loop();
    loop->run_until_complete(send_x(pair.first));
    loop->close();
  }
  const int fd = pair.first.fileno();
  EXPECT_TRUE(is_open(fd));
  pair.first.close();
  EXPECT_FALSE(is_open(fd));
}

// LOOP-046
TEST(SocketLoops, ClosingALoopWhoseTasksWaitForSocketsFreesThem) {
  const auto before = support::open_descriptors();
  support::LogCapture reports;
  {
    auto loop = asyncio::new_event_loop();
    auto pair = std::make_shared<asyncio::SocketPair>(asyncio::socketpair());
    auto task = loop->create_task([](std::shared_ptr<asyncio::SocketPair> own) -> Coro<> {
      co_await asyncio::get_running_loop().sock_recv(own->first, 10);
    }(pair));
    auto other = loop->create_task([](asyncio::SocketPair& shared) -> Coro<> {
      co_await asyncio::get_running_loop().sock_recv(shared.second, 10);
    }(*pair));
    pair.reset();
    loop->call_soon([&] { loop->stop(); });
    loop->run_forever();
    loop->close();
  }
  EXPECT_EQ(reports.count("Task was destroyed but it is pending"), 2);
  EXPECT_EQ(support::open_descriptors(), before);
}

// --- operations as objects ----------------------------------------------------------------------

// LOOP-080: nothing happens before it is awaited
ASYNC_TEST(Socket, AnOperationMayBeStoredMovedAndDropped) {
  auto pair = asyncio::socketpair();
  co_await loop().sock_sendall(pair.first, "hello");
  {
    [[maybe_unused]] auto dropped = loop().sock_recv(pair.second, 10);
  }
  auto stored = loop().sock_recv(pair.second, 10);
  auto moved = std::move(stored);
  const Socket owner = std::move(pair.second);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(co_await std::move(moved), "hello");
}

// LOOP-080
ASYNC_TEST(Socket, AnOperationThatWasMovedFromIsRefused) {
  auto pair = asyncio::socketpair();
  auto receive = loop().sock_recv(pair.second, 1);
  [[maybe_unused]] const auto taken = std::move(receive);
  // NOLINTNEXTLINE(bugprone-use-after-move)
  EXPECT_EQ(co_await support::thrown_by_await(std::move(receive)),
            "RuntimeError: sock_recv(): this was moved from or awaited already; call it again");
}

// LOOP-080
ASYNC_TEST(Socket, AnAddressIsCopied) {
  Socket server = listener();
  Socket client(Address::Family::ipv4);
  std::optional<Address> address = server.getsockname();
  auto connecting = loop().sock_connect(client, *address);
  address.reset();
  co_await std::move(connecting);
  EXPECT_EQ(client.getpeername(), server.getsockname());
}
