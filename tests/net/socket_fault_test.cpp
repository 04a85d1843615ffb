// System calls that fail, or do less than they were asked for.

#include <asyncio/socket.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/sanitizers.hpp"
#include "support/sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using asyncio::detail::sys::Limit;
using support::errno_of;
using support::is_a;
using support::listener;
using support::loop;
using support::receive_all;

namespace {

// --- scenarios: each side ends by closing its sockets, so that the other one ends, too -----------

Coro<> echo(Socket server) {
  auto accepted = co_await loop().sock_accept(server);
  const std::string got = co_await receive_all(accepted.connection);
  co_await loop().sock_sendall(accepted.connection, got);
}

Coro<> ask(Address address, const std::string& question) {
  Socket client(address.family());
  co_await loop().sock_connect(client, address);
  co_await loop().sock_sendall(client, question);
  client.shutdown(Socket::How::write);
  const std::string answer = co_await receive_all(client);
  if (answer != question) throw std::system_error(EPIPE, std::generic_category(), "no answer");
}

// The errors of both; none: the right bytes have come back. Where the second fails before the first
// could know of it, that is cancelled.
Coro<std::vector<std::exception_ptr>> both(Coro<> one, Coro<> two) {
  auto first = asyncio::create_task(std::move(one));
  auto second = asyncio::create_task(std::move(two));
  std::vector<std::exception_ptr> errors;
  const auto two_end = co_await asyncio::as_result(second);
  if (!two_end) first.cancel();
  const auto one_end = co_await asyncio::as_result(first);
  if (!one_end && !one_end.cancelled()) errors.push_back(one_end.error());
  if (!two_end) errors.push_back(two_end.error());
  co_return errors;
}

Coro<std::vector<std::exception_ptr>> stream() {
  Socket server(Address::Family::ipv4);
  server.bind({"127.0.0.1", 0});
  server.listen();
  const Address address = server.getsockname();
  static const std::string question = support::pattern(200'000);
  co_return co_await both(echo(std::move(server)), ask(address, question));
}

Coro<> send_datagrams(Socket socket, Address to) {
  for (int i = 0; i < 3; ++i) co_await loop().sock_sendto(socket, "datagram", to);
}

Coro<> receive_datagrams(Socket socket, Address from) {
  std::array<std::byte, 100> buffer{};
  for (int i = 0; i < 3; ++i) {
    const auto receive = [&]() -> Coro<Address> {
      if (i == 1) {
        const auto got = co_await loop().sock_recvfrom_into(socket, buffer);
        co_return got.size == 8 ? got.address : Address();
      }
      const auto got = co_await loop().sock_recvfrom(socket, 100);
      co_return got.data == "datagram" ? got.address : Address();
    };
    // A datagram that was not sent does not come.
    const Address address = co_await asyncio::wait_for(receive(), asyncio::Duration(20ms));
    EXPECT_EQ(address, from);
  }
}

Coro<std::vector<std::exception_ptr>> datagrams() {
  Socket one(Address::Family::ipv4, Socket::Type::datagram);
  Socket two(Address::Family::ipv4, Socket::Type::datagram);
  one.bind({"127.0.0.1", 0});
  two.bind({"127.0.0.1", 0});
  const Address from = one.getsockname();
  const Address to = two.getsockname();
  co_return co_await both(send_datagrams(std::move(one), to),
                          receive_datagrams(std::move(two), from));
}

Coro<> send_file(Socket socket, std::size_t size) {
  const support::File file(support::pattern(size));
  const auto end = co_await asyncio::as_result(loop().sock_sendfile(socket, file.fd()));
  const std::int64_t position = file.position();
  EXPECT_LE(position, static_cast<off_t>(size));
  if (!end) std::rethrow_exception(end.error());
  EXPECT_EQ(end.value(), size);
  EXPECT_EQ(position, static_cast<off_t>(size));
}

Coro<> receive_file(Socket socket, std::size_t size) {
  const std::string content = support::pattern(size);
  const std::string got = co_await receive_all(socket);
  EXPECT_TRUE(content.starts_with(got));
}

Coro<std::vector<std::exception_ptr>> sendfile() {
  auto pair = asyncio::socketpair();
  constexpr std::size_t size = 600'000;
  co_return co_await both(send_file(std::move(pair.first), size),
                          receive_file(std::move(pair.second), size));
}

using Scenario = Coro<std::vector<std::exception_ptr>> (*)();

// With the n-th call of a kind failing: how often that was. Each run ends with the right bytes or
// with an error, and one of its errors is the one that was injected.
Coro<std::uint64_t> run_with(Scenario scenario, Call call, int error, std::uint64_t n) {
  const auto before = support::open_descriptors();
  std::vector<std::exception_ptr> errors;
  std::uint64_t injected = 0;
  {
    const Fault fault(call, error, n);
    auto end = co_await asyncio::as_result(asyncio::wait_for(scenario(), asyncio::Duration(5s)));
    injected = fault.injected();
    EXPECT_FALSE(is_a<asyncio::TimeoutError>(end.error())) << "it hangs";
    if (end) {
      errors = std::move(end.value());
    } else {
      errors.push_back(end.error());
    }
  }
  bool told = errors.empty();
  for (const std::exception_ptr& e : errors) {
    EXPECT_TRUE(errno_of(e) != 0 || is_a<asyncio::TimeoutError>(e)) << asyncio::format_exception(e);
    told |= errno_of(e) == error;
  }
  EXPECT_TRUE(told) << "nobody was told";
  if (injected == 0 || error == EINTR) {
    EXPECT_TRUE(errors.empty()) << asyncio::format_exception(errors[0]);
  }
  EXPECT_EQ(support::open_descriptors(), before);
  co_return injected;
}

struct Failing {
  const char* name;
  Call call;
  std::vector<int> errors;
};

const std::vector<Failing>& failing() {
  static const std::vector<Failing> calls{
      {"socket", Call::socket, {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT, EINTR}},
      {"bind", Call::bind, {EADDRINUSE, EACCES, EADDRNOTAVAIL, EINTR}},
      {"listen", Call::listen, {EADDRINUSE, EOPNOTSUPP}},
      {"connect",
       Call::connect,
       {ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EADDRNOTAVAIL, EACCES, EPERM, EINTR}},
      {"accept",
       Call::accept,
       {EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO, EPERM, EHOSTUNREACH, EINTR}},
      {"shutdown", Call::shutdown, {ENOTCONN}},
      {"option", Call::option, {ENOBUFS, ENOMEM, EINTR}},
      {"receive", Call::receive, {ECONNRESET, ENOMEM, ENOBUFS, ETIMEDOUT, EHOSTUNREACH, EINTR}},
      {"send", Call::send, {EPIPE, ECONNRESET, ENOBUFS, ENOMEM, EHOSTUNREACH, EINTR}},
      {"send_file", Call::send_file, {EPIPE, ECONNRESET, EIO, ENOMEM, EOVERFLOW, EINVAL, EINTR}},
      {"epoll_control", Call::epoll_control, {ENOSPC, ENOMEM}},
      {"epoll_wait", Call::epoll_wait, {EINTR}},
  };
  return calls;
}

// Every call of a scenario fails once, with every error that it can have.
Coro<> fail_everywhere(Scenario scenario, const std::vector<Call>& asked_for) {
  for (const Failing& f : failing()) {
    for (const int error : f.errors) {
      const testing::ScopedTrace trace(__FILE__, __LINE__,
                                       std::string(f.name) + " " + std::to_string(error));
      std::uint64_t n = 0;
      while (n < 40 && co_await run_with(scenario, f.call, error, n) > 0) ++n;
      for (const Call call : asked_for) {
        EXPECT_TRUE(call != f.call || n > 0) << "it was not called";
      }
    }
  }
}

}  // namespace

// --- errors -------------------------------------------------------------------------------------

// LOOP-082, failure 92
ASYNC_TEST(SocketFault, AStreamSurvivesTheFailureOfAnyCall) {
  const std::vector<Call> calls{Call::socket, Call::bind,     Call::listen,  Call::connect,
                                Call::accept, Call::shutdown, Call::receive, Call::send};
  co_await fail_everywhere(&stream, calls);
}

// LOOP-083, failure 92
ASYNC_TEST(SocketFault, DatagramsSurviveTheFailureOfAnyCall) {
  const std::vector<Call> calls{Call::socket, Call::bind, Call::receive, Call::send};
  co_await fail_everywhere(&datagrams, calls);
}

// NET-136, failure 92
ASYNC_TEST(SocketFault, SendfileSurvivesTheFailureOfAnyCall) {
  const std::vector<Call> calls{Call::send_file, Call::receive};
  co_await fail_everywhere(&sendfile, calls);
}

ASYNC_TEST(SocketFault, APairThatCannotBeMadeIsAnErrorThatSaysSo) {
  {
    const Fault fault(Call::socket, EMFILE);
    EXPECT_EQ(support::thrown_by([] { (void)asyncio::socketpair(); }),
              "system_error: socketpair: Too many open files");
  }
  auto pair = asyncio::socketpair();
  co_await loop().sock_sendall(pair.first, "x");
}

// LOOP-084: one that is known to be broken when it has ended
ASYNC_TEST(SocketFault, TheErrorOfAConnectThatWasInProgressIsTold) {
  Socket server = listener();
  Socket client(Address::Family::ipv4);
  const Fault fault(Call::option, ETIMEDOUT);
  const auto end = co_await asyncio::as_result(loop().sock_connect(client, server.getsockname()));
  EXPECT_EQ(fault.injected(), 1U);
  EXPECT_EQ(errno_of(end.error()), ETIMEDOUT);
}

// LOOP-085, failure 2: the listener stays
ASYNC_TEST(SocketFault, AnErrorOfAcceptIsItsAwaitersAndTheNextOneGetsTheConnection) {
  Socket server = listener();
  for (const int error : {EMFILE, ENFILE, ECONNABORTED, EPROTO, EPERM, EHOSTUNREACH, ENOBUFS}) {
    auto accepting = asyncio::create_task(loop().sock_accept(server));
    co_await support::settle();
    Socket client(Address::Family::ipv4);
    const Fault fault(Call::accept, error);
    co_await loop().sock_connect(client, server.getsockname());
    const auto end = co_await asyncio::as_result(std::move(accepting));
    EXPECT_EQ(errno_of(end.error()), error);
    const auto accepted =
        co_await asyncio::wait_for(loop().sock_accept(server), asyncio::Duration(5s));
    EXPECT_EQ(accepted.address, client.getsockname());
  }
}

// LOOP-085: the real one
ASYNC_TEST(SocketFault, WithoutDescriptorsAcceptFailsAndWorksAgainWhenThereAreSome) {
  if (support::under_asan) ASYNC_SKIP() << "SKIPPED: UBSan itself needs descriptors";
  Socket server = listener();
  Socket client(Address::Family::ipv4);
  co_await loop().sock_connect(client, server.getsockname());
  rlimit before{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest = ::fcntl(server.fileno(), F_DUPFD, 0);
  ::close(lowest);
  const rlimit none{static_cast<rlim_t>(lowest), before.rlim_max};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    auto end = co_await asyncio::as_result(
        asyncio::wait_for(loop().sock_accept(server), asyncio::Duration(5s)));
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(errno_of(end.error()), EMFILE);
  }
  const auto accepted =
      co_await asyncio::wait_for(loop().sock_accept(server), asyncio::Duration(5s));
  EXPECT_EQ(accepted.address, client.getsockname());
}

// failure 93
ASYNC_TEST(SocketFault, WhatCannotBeWatchedIsAnErrorThatNamesItAndTheLoopLives) {
  for (const int error : {ENOSPC, ENOMEM}) {
    auto pair = asyncio::socketpair();
    const std::string fd = std::to_string(pair.first.fileno());
    {
      const Fault fault(Call::epoll_control, error);
      const auto end = co_await asyncio::as_result(loop().sock_sendall(pair.first, "x"));
      if (fault.injected() == 0) ASYNC_SKIP() << "this backend does without";
      EXPECT_EQ(errno_of(end.error()), error);
      EXPECT_TRUE(support::text_of(end.error()).starts_with("watching descriptor " + fd + ": "));
    }
    EXPECT_EQ(std::to_string(pair.first.fileno()), fd) << "the socket is still the user's";
    co_await loop().sock_sendall(pair.first, "x");
    EXPECT_EQ(co_await loop().sock_recv(pair.second, 10), "x");
    auto other = asyncio::socketpair();
    co_await loop().sock_sendall(other.first, "x");
    EXPECT_EQ(co_await loop().sock_recv(other.second, 10), "x");
  }
}

// failure 93: nor is it lost where memory is what lacks
TEST(SocketFault, ASocketThatCannotBeWatchedStaysItsUsers) {
  const auto scenario = []() -> Coro<> {
    auto pair = asyncio::socketpair();
    const int fd = pair.first.fileno();
    try {
      co_await loop().sock_sendall(pair.first, "x");
      (void)co_await loop().sock_recv(pair.second, 10);
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(pair.first.fileno(), fd);
    }
    co_await loop().sock_sendall(pair.first, "y");
    EXPECT_TRUE((co_await loop().sock_recv(pair.second, 10)).ends_with('y'));
  };
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(scenario), "");
}

// failure 93
ASYNC_TEST(SocketFault, AReaderThatCannotBeWatchedIsAnErrorAndNothingStaysRegistered) {
  auto pair = asyncio::socketpair();
  const Fault fault(Call::epoll_control, ENOSPC);
  const std::string thrown =
      support::thrown_by([&] { loop().add_reader(pair.first.fileno(), [] {}); });
  if (fault.injected() == 0) {
    loop().remove_reader(pair.first.fileno());
    ASYNC_SKIP() << "this backend does without";
  }
  EXPECT_EQ(thrown, "system_error: watching descriptor " + std::to_string(pair.first.fileno()) +
                        " for reading: No space left on device");
  EXPECT_FALSE(loop().remove_reader(pair.first.fileno()));
  co_await loop().sock_sendall(pair.first, "x");
}

// LOOP-082: an error in the middle, of what is sent together
ASYNC_TEST(SocketFault, AnErrorAfterABeginningOfTheBytesIsTold) {
  auto pair = asyncio::socketpair();
  {
    const Limit limit(Call::send, 3);
    const Fault fault(Call::send, ECONNRESET, 2);
    const auto end = co_await asyncio::as_result(loop().sock_sendall(pair.first, "0123456789"));
    EXPECT_EQ(errno_of(end.error()), ECONNRESET);
  }
  pair.first.close();
  EXPECT_EQ(co_await receive_all(pair.second), "012345");
}

// --- less than was asked for --------------------------------------------------------------------

// LOOP-082, failure 47
ASYNC_TEST(SocketFault, AStreamThatIsSentByteForByteIsExact) {
  for (const bool tcp : {false, true}) {
    auto pair = co_await support::pair_by(tcp);
    const std::string sent = support::pattern(20'000);
    const Limit limit(Call::send, 1);
    const auto send = [](Socket socket, const std::string& data) -> Coro<> {
      co_await loop().sock_sendall(socket, data);
    };
    auto sending = asyncio::create_task(send(std::move(pair.first), sent));
    EXPECT_TRUE(co_await receive_all(pair.second) == sent);
    co_await sending;
  }
}

// LOOP-081, LOOP-082: who takes bytes as fast as they are sent
ASYNC_TEST(SocketFault, ASendThatNeverHasToWaitLetsOthersRun) {
  auto pair = asyncio::socketpair();
  const Limit limit(Call::send, 1);
  int turns = 0;
  bool stop = false;
  std::function<void()> count = [&] {
    ++turns;
    if (!stop) loop().call_soon(count);
  };
  loop().call_soon(count);
  co_await loop().sock_sendall(pair.first, support::pattern(200));
  EXPECT_GE(turns, 2);
  stop = true;
  co_await asyncio::sleep(0s);
}

// LOOP-080, failure 3
ASYNC_TEST(SocketFault, ASignalThatInterruptsChangesNothing) {
  auto pair = asyncio::socketpair();
  const Fault receive(Call::receive, EINTR, 0, 5);
  const Fault send(Call::send, EINTR, 0, 5);
  const Fault wait(Call::epoll_wait, EINTR, 0, 5);
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  co_await loop().sock_sendall(pair.second, "x");
  EXPECT_EQ(co_await receiving, "x");
  EXPECT_EQ(receive.injected(), 5U);
  EXPECT_EQ(send.injected(), 5U);
}
