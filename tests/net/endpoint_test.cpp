// What the epoll backend remembers of the descriptors that it watches: its readiness, and who
// waits. What of that users can see is tested with sockets; this is of epoll's endpoints alone.

#include "loop/endpoint.hpp"

#include <asyncio/error.hpp>

#include "io/backend_epoll.hpp"
#include "io/fault.hpp"
#include "loop/backend.hpp"
#include "support/descriptors.hpp"
#include "support/sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

using asyncio::detail::Backend;
using asyncio::detail::Descriptor;
using asyncio::detail::Endpoint;
using asyncio::detail::IoObserver;
using asyncio::detail::Operation;
using asyncio::detail::Way;
using asyncio::detail::would_block;
using support::is_open;

namespace {

struct Told : IoObserver {
  Told() : IoObserver{[](IoObserver& self) noexcept { ++static_cast<Told&>(self).times; }} {}
  int times = 0;
};

class Endpoints : public testing::Test {
 protected:
  void poll() { backend->poll(0, false); }
  std::unique_ptr<Endpoint> open(int fd, Descriptor kind = Descriptor::socket) {
    return backend->open(fd, kind);
  }
  static std::array<int, 2> pair(int type = SOCK_STREAM) {
    std::array<int, 2> fds{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    return fds;
  }
  static void put(int fd, const std::string& text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static std::array<int, 2> tcp() {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(server, generic, size), 0);
    EXPECT_EQ(::listen(server, 1), 0);
    EXPECT_EQ(::getsockname(server, generic, &size), 0);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(client, generic, size), 0);
    const int accepted = ::accept4(server, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ::close(server);
    return {accepted, client};
  }

  std::unique_ptr<Backend> backend = asyncio::detail::make_epoll_backend();
  std::array<std::byte, 100> buffer{};
};

}  // namespace

// LOOP-080
TEST_F(Endpoints, WhatIsNotKnownToBeReadableIsNotRead) {
  const auto fds = pair();
  const auto endpoint = open(fds[0]);
  EXPECT_FALSE(endpoint->may(Way::read));
  EXPECT_TRUE(endpoint->may(Way::write));
  put(fds[1], "x");
  const asyncio::detail::sys::Fault counter(asyncio::detail::sys::Call::receive, EIO, 1000);
  EXPECT_EQ(endpoint->receive(buffer), would_block);
  EXPECT_EQ(counter.seen(), 0U);
  poll();
  EXPECT_TRUE(endpoint->may(Way::read));
  EXPECT_EQ(endpoint->receive(buffer), 1);
  EXPECT_EQ(counter.seen(), 1U);
  ::close(fds[1]);
}

// LOOP-080: a call is saved where less than asked for means that nothing is left
TEST_F(Endpoints, OnlyOfTcpAShortReadMeansThatNothingIsLeft) {
  const auto connected = tcp();
  const auto endpoint = open(connected[0]);
  put(connected[1], "hello");
  poll();
  EXPECT_EQ(endpoint->receive(buffer), 5);
  EXPECT_FALSE(endpoint->may(Way::read));
  put(connected[1], "again");
  poll();
  EXPECT_EQ(endpoint->receive(std::span(buffer).first(5)), 5);
  EXPECT_TRUE(endpoint->may(Way::read));  // it was no less than there was room for
  EXPECT_EQ(endpoint->receive(buffer), would_block);
  EXPECT_FALSE(endpoint->may(Way::read));
  put(connected[1], "the end");
  ::close(connected[1]);
  poll();
  EXPECT_TRUE(endpoint->hung_up());
  EXPECT_EQ(endpoint->receive(buffer), 7);
  EXPECT_EQ(endpoint->receive(buffer), 0);
  EXPECT_TRUE(endpoint->may(Way::read));

  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const auto fds = pair(type);
    const auto other = open(fds[0]);
    put(fds[1], "one");
    put(fds[1], "two");
    poll();
    EXPECT_EQ(other->receive(buffer), type == SOCK_STREAM ? 6 : 3);
    EXPECT_TRUE(other->may(Way::read));
    ::close(fds[1]);
  }
}

// LOOP-080
TEST_F(Endpoints, WhoWaitsIsToldOnce) {
  const auto fds = pair();
  const auto endpoint = open(fds[0]);
  poll();
  Told told;
  EXPECT_FALSE(backend->busy());
  endpoint->wait(Way::read, told);
  EXPECT_TRUE(endpoint->awaited(Way::read));
  EXPECT_FALSE(endpoint->awaited(Way::write));
  EXPECT_TRUE(backend->busy());
  poll();
  EXPECT_EQ(told.times, 0);
  put(fds[1], "x");
  poll();
  EXPECT_EQ(told.times, 1);
  EXPECT_FALSE(endpoint->awaited(Way::read));
  EXPECT_FALSE(backend->busy());
  put(fds[1], "x");
  poll();
  EXPECT_EQ(told.times, 1);
  ::close(fds[1]);
}

// LOOP-086
TEST_F(Endpoints, WhoStopsWaitingIsNotTold) {
  const auto fds = pair();
  const auto endpoint = open(fds[0]);
  Told told;
  endpoint->wait(Way::read, told);
  endpoint->stop_waiting(Way::read);
  EXPECT_FALSE(backend->busy());
  endpoint->stop_waiting(Way::read);
  EXPECT_FALSE(backend->busy());
  put(fds[1], "x");
  poll();
  EXPECT_EQ(told.times, 0);
  EXPECT_TRUE(endpoint->may(Way::read));
  ::close(fds[1]);
}

// LOOP-077
TEST_F(Endpoints, AHangUpTellsBothWays) {
  const auto fds = pair();
  const auto endpoint = open(fds[0]);
  const std::string much(1'000'000, 'x');
  const iovec part{const_cast<char*>(much.data()), much.size()};
  while (endpoint->send(&part, 1) > 0) {
  }
  EXPECT_FALSE(endpoint->may(Way::write));
  poll();
  Told reader;
  Told writer;
  endpoint->wait(Way::read, reader);
  endpoint->wait(Way::write, writer);
  ::close(fds[1]);
  poll();
  EXPECT_EQ(reader.times, 1);
  EXPECT_EQ(writer.times, 1);
  EXPECT_TRUE(endpoint->hung_up());
  EXPECT_EQ(endpoint->send(&part, 1), -EPIPE);
}

// LOOP-086
TEST_F(Endpoints, WhatIsReleasedTellsWhoWaits) {
  const auto fds = pair();
  auto endpoint = open(fds[0]);
  Told told;
  endpoint->wait(Way::read, told);
  EXPECT_EQ(endpoint->release(), fds[0]);
  EXPECT_EQ(told.times, 1);
  EXPECT_FALSE(backend->busy());
  EXPECT_EQ(endpoint->release(), -1);
  endpoint.reset();
  EXPECT_TRUE(is_open(fds[0]));
  endpoint = open(fds[0]);  // it is not registered any more
  endpoint.reset();
  EXPECT_FALSE(is_open(fds[0]));
  ::close(fds[1]);
}

// LOOP-046
TEST_F(Endpoints, OneMayOutliveItsBackend) {
  const auto fds = pair();
  auto endpoint = open(fds[0]);
  Told told;
  endpoint->wait(Way::read, told);
  backend.reset();
  endpoint->stop_waiting(Way::read);
  endpoint.reset();
  EXPECT_FALSE(is_open(fds[0]));
  ::close(fds[1]);
}

// failure 5
TEST_F(Endpoints, NoEventComesForOneThatIsClosedThoughADuplicateLives) {
  const auto fds = pair();
  const int duplicate = ::dup(fds[0]);
  auto endpoint = open(fds[0]);
  put(fds[1], "x");  // an event is pending when it goes
  endpoint.reset();
  pollfd events{backend->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&events, 1, 0), 0);
  poll();
  ::close(duplicate);
  ::close(fds[1]);
}

// failure 5
TEST_F(Endpoints, AChildThatClosesItsCopyDoesNotUnregisterItsParents) {
  const auto fds = pair();
  auto endpoint = open(fds[0]);
  poll();
  const pid_t child = ::fork();
  if (child == 0) {
    endpoint.reset();
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Told told;
  endpoint->wait(Way::read, told);
  put(fds[1], "x");
  poll();
  EXPECT_EQ(told.times, 1);
  ::close(fds[1]);
}

// LOOP-075
TEST_F(Endpoints, WhatIsWatchedOtherwiseIsRefusedAndStaysTheCallers) {
  const auto fds = pair();
  Operation watch{Operation::Kind::watch_readable, fds[0], [](Operation&, int) {}};
  backend->submit(watch);
  EXPECT_THROW((void)open(fds[0]), asyncio::RuntimeError);
  EXPECT_TRUE(is_open(fds[0]));
  backend->cancel(watch);
  EXPECT_NO_THROW((void)open(fds[0])) << "what was refused is not remembered";
  EXPECT_FALSE(is_open(fds[0]));
  ::close(fds[1]);
}

// LOOP-075
TEST_F(Endpoints, AnEndpointIsNotWatchedOtherwise) {
  const auto fds = pair();
  const auto endpoint = open(fds[0]);
  Operation watch{Operation::Kind::watch_readable, fds[0], [](Operation&, int) {}};
  EXPECT_THROW(backend->submit(watch), asyncio::RuntimeError);
  EXPECT_FALSE(backend->busy());
  Told told;
  endpoint->wait(Way::read, told);
  put(fds[1], "x");
  poll();
  EXPECT_EQ(told.times, 1);
  ::close(fds[1]);
}

// failure 4
TEST_F(Endpoints, AForgottenWatchOfItsNumberDoesNotUnregisterIt) {
  const auto old = pair();
  Operation watch{Operation::Kind::watch_readable, old[0], [](Operation&, int) {}};
  backend->submit(watch);
  ::close(old[0]);
  const auto fds = pair();
  ASSERT_EQ(fds[0], old[0]);
  const auto endpoint = open(fds[0]);
  backend->cancel(watch);
  Told told;
  endpoint->wait(Way::read, told);
  put(fds[1], "x");
  poll();
  EXPECT_EQ(told.times, 1);
  ::close(fds[1]);
  ::close(old[1]);
}

// failure 7
TEST_F(Endpoints, WhatCannotBePolledIsRefusedAndStaysTheCallers) {
  const auto before = support::open_descriptors();
  for (const char* path : {"/proc/self/exe", "/dev/null", "/"}) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0) << path;
    try {
      (void)open(fd, Descriptor::pipe);
      ADD_FAILURE() << path << " was accepted";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code().value(), EPERM) << path;
    }
    EXPECT_EQ(::close(fd), 0) << path;
  }
  EXPECT_EQ(support::open_descriptors(), before);
}

// LOOP-081
TEST_F(Endpoints, OthersAreDueNowAndThen) {
  const auto fds = pair();
  const auto endpoint = open(fds[0]);
  int due = 0;
  for (int i = 0; i < 640; ++i) due += endpoint->fairness.is_due() ? 1 : 0;
  EXPECT_EQ(due, 10);
  ::close(fds[1]);
}
