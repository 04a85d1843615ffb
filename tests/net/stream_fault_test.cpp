// Streams and servers while the system refuses, the peer goes, and the loop ends.

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/run.hpp>
#include <asyncio/server.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "io/fault.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/sanitizers.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using support::difference;
using support::echo;
using support::open_descriptors;
using support::pass;
using support::pattern;
using support::stream_pair;
using support::StreamPair;

namespace {

/// What the process has computed so far.
std::chrono::microseconds cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return std::chrono::microseconds(t.tv_sec * 1'000'000 + t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// A line there and back on a connection of its own.
Coro<std::string> ask(Address address) {
  auto [reader, writer] = co_await asyncio::open_connection(address);
  writer.write("hello\n");
  std::string answer = co_await reader.readline();
  co_await support::close(writer);
  co_return answer;
}

/// Counts what the exception handler of the running loop is told while it lives.
class Reports {
 public:
  Reports() {
    asyncio::get_running_loop().set_exception_handler(
        [this](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
          texts.push_back(context.message + ": " + support::text_of(context.exception));
        });
  }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;
  ~Reports() { asyncio::get_running_loop().set_exception_handler(nullptr); }

  std::vector<std::string> texts;
};

/// Runs a function in a process of its own. Returns: its exit code, or 1000 and the signal.
template <class F>
int in_child(F run) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(run());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace

// --- accepting ----------------------------------------------------------------------------------

// failure 1, NET-068
ASYNC_TEST(StreamFault, LackOfDescriptorsPausesTheAcceptingForASecond) {
  auto& loop = asyncio::get_running_loop();
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    const Reports reports;
    auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
    co_await pass();
    std::vector<asyncio::Task<std::string>> clients;
    const auto began = loop.time();
    std::uint64_t attempts = 0;
    {
      std::optional<Fault> fault;
      fault.emplace(Call::accept, error, 0, 1000);
      for (int i = 0; i < 5; ++i) clients.push_back(create_task(ask(server.sockets().at(0))));
      co_await asyncio::sleep(error == EMFILE ? 2200ms : 100ms);
      attempts = fault->seen();
    }
    const std::size_t expected = error == EMFILE ? 3 : 1;  // at 0, 1 and 2 seconds
    if (attempts == 0) {                                   // a backend that does not call accept()
      for (const auto& client : clients) (void)co_await asyncio::as_result(client);
      co_await support::close(server);
      continue;
    }
    EXPECT_EQ(attempts, expected) << "it spins";
    ASYNC_ASSERT_EQ(reports.texts.size(), expected);
    EXPECT_TRUE(reports.texts[0].starts_with("socket.accept() out of system resource"))
        << reports.texts[0];
    for (const auto& client : clients) {
      EXPECT_EQ(co_await asyncio::wait_for(client, 20s), "hello\n");
    }
    EXPECT_LT(loop.time() - began, asyncio::Duration(10s));
    EXPECT_EQ(reports.texts.size(), expected);
    co_await support::close(server);
  }
}

namespace {

/// A server whose process may open no more descriptors for its first two seconds, with five clients
/// waiting.
/// Returns: 0 if all went well, else what did not.
int without_descriptors() {
  support::LogCapture reports;
  int result = 0;
  asyncio::run([&]() -> Coro<> {
    auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.start_serving = false});
    const Address address = server.sockets().at(0);
    auto& loop = asyncio::get_running_loop();
    std::vector<asyncio::Socket> clients;
    for (int i = 0; i < 5; ++i) {
      clients.emplace_back(Address::Family::ipv4);
      co_await loop.sock_sendall(clients.back(), std::string_view());  // watched from here on
    }
    co_await asyncio::sleep(10ms);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit now = before;
    now.rlim_cur = static_cast<rlim_t>(open_descriptors().back()) + 1;
    for (rlim_t fd = 0; fd < now.rlim_cur; ++fd) {  // no gaps
      if (::fcntl(static_cast<int>(fd), F_GETFD) < 0 && ::dup2(2, static_cast<int>(fd)) < 0)
        result |= 1;
    }
    ::setrlimit(RLIMIT_NOFILE, &now);
    // An accept of the ring's keeps the limit that there was when it was asked for.
    server.start_serving();
    for (auto& client : clients) {
      co_await loop.sock_connect(client, address);
      co_await loop.sock_sendall(client, "hello\n");
    }
    const auto cpu = cpu_time();
    co_await asyncio::sleep(2100ms);
    if (cpu_time() - cpu > 100ms) result |= 2;  // 5 %
    ::setrlimit(RLIMIT_NOFILE, &before);
    const int told = reports.count("socket.accept() out of system resource");
    if (told < 1 || told > 4) result |= 4;
    for (auto& client : clients) {
      const std::string answer = co_await asyncio::wait_for(loop.sock_recv(client, 10), 10s);
      if (answer != "hello\n") result |= 8;
      client.close();
    }
    if (co_await ask(address) != "hello\n") result |= 8;
    co_await server.shutdown(5s);
  });
  return result;
}

}  // namespace

// failure 1, NET-068
TEST(StreamFault, ServerSurvivesARealLackOfDescriptors) {
  if (support::under_asan) GTEST_SKIP() << "SKIPPED: UBSan itself needs descriptors";
  EXPECT_EQ(in_child(&without_descriptors), 0)
      << "1: not set up, 2: computes, 4: reports, 8: not served";
}

// failure 2, NET-068
ASYNC_TEST(StreamFault, ErrorOfOneConnectionLeavesTheListenerAlone) {
  const Reports reports;
  for (const int error : {ECONNABORTED, EPROTO, EPERM, EHOSTUNREACH, ENETDOWN}) {
    auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
    co_await pass();
    const Fault fault(Call::accept, error, 0, 3);
    const auto began = asyncio::get_running_loop().time();
    EXPECT_EQ(co_await asyncio::wait_for(ask(server.sockets().at(0)), 5s), "hello\n");
    EXPECT_LT(asyncio::get_running_loop().time() - began, asyncio::Duration(900ms)) << "paused";
    co_await support::close(server);
  }
  EXPECT_TRUE(reports.texts.empty());
}

// failure 1, NET-068: what nobody has foreseen must not stop the accepting for good
ASYNC_TEST(StreamFault, UnknownErrorPausesTheAccepting) {
  const Reports reports;
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  co_await pass();
  const Fault fault(Call::accept, EIO);
  EXPECT_EQ(co_await asyncio::wait_for(ask(server.sockets().at(0)), 10s), "hello\n");
  EXPECT_EQ(reports.texts.size(), fault.injected());
  co_await support::close(server);
}

// --- the peer goes ------------------------------------------------------------------------------

// failure 39
TEST(StreamFault, LostPeerIsAnErrorAndNeverASignal) {
  const auto lose = [] {
    std::signal(SIGPIPE, SIG_DFL);
    int result = 0;
    asyncio::run([&]() -> Coro<> {
      for (const bool tcp : {true, false}) {
        auto server = co_await asyncio::start_server(
            [](StreamReader, StreamWriter writer) { writer.abort(); }, "127.0.0.1", 0);
        std::optional<StreamPair> pair;
        std::optional<asyncio::Connection> near;
        if (tcp) {
          near = co_await asyncio::open_connection(server.sockets().at(0));
          (void)co_await asyncio::as_result(near->reader.read());
        } else {
          pair.emplace(stream_pair());
          near = pair->near;
          pair->far.writer.abort();
          (void)co_await asyncio::as_result(pair->far.writer.wait_closed());
        }
        std::string error;
        for (int i = 0; i < 100 && error.empty(); ++i) {
          near->writer.write("one");
          near->writer.writelines({"two", "three"});
          auto drained = co_await asyncio::as_result(near->writer.drain());
          if (!drained) error = support::text_of(drained.error());
          if (i > 5) co_await asyncio::sleep(1ms);
        }
        if (error.find("Broken pipe") == error.npos &&
            error.find("Connection reset") == error.npos) {
          result |= 1;
        }
        auto closed = co_await asyncio::as_result(support::close(near->writer));
        if (closed) result |= 2;  // wait_closed() throws it, too
        co_await support::close(server);
      }
    });
    return result;
  };
  EXPECT_EQ(in_child(lose), 0) << "1: no error, 2: wait_closed() does not tell, above 1000: signal";
}

// failure 41
ASYNC_TEST(StreamFault, PeerThatNeverReadsCostsNoMoreThanTheHighMark) {
  const StreamPair pair = stream_pair();
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  std::size_t most = 0;
  std::size_t written = 0;
  auto writing = create_task([&]() -> Coro<> {
    const std::string chunk = pattern(64 * 1024);
    for (int i = 0; i < 16384; ++i) {
      pair.near.writer.write(chunk);
      written += chunk.size();
      most = std::max(most, pair.near.writer.get_write_buffer_size());
      co_await pair.near.writer.drain();
    }
  });
  // Others are served meanwhile.
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(co_await asyncio::wait_for(ask(server.sockets().at(0)), 5s), "hello\n");
  }
  EXPECT_FALSE(writing.done());
  EXPECT_LE(most, std::size_t{2} * 64 * 1024);
  EXPECT_LT(written, std::size_t{64} * 1024 * 1024) << "the system takes all of it?";
  writing.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(writing)).cancelled());
  co_await pair.close();
  co_await support::close(server);
}

// failure 42, NET-031: also those who wait for the end, and for data
ASYNC_TEST(StreamFault, EverybodyIsToldOfALostConnection) {
  const StreamPair pair = stream_pair();
  pair.near.writer.write(pattern(4'000'000));
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(create_task(pair.near.writer.drain()));
  for (int i = 0; i < 3; ++i) tasks.push_back(create_task(pair.near.writer.wait_closed()));
  auto reading = create_task(pair.near.reader.read(1));
  co_await pass();
  pair.far.writer.abort();
  for (const auto& task : tasks) {
    EXPECT_FALSE(co_await asyncio::as_result(asyncio::wait_for(task, 5s)));
  }
  (void)co_await asyncio::as_result(asyncio::wait_for(reading, 5s));
  co_await pair.close();
}

// --- partial writes -----------------------------------------------------------------------------

// failure 47, NET-026: a few bytes at a time, with EAGAIN in between
ASYNC_TEST(StreamFault, BytesStayInOrderWhenTheSystemTakesFew) {
  auto sockets = asyncio::socketpair();
  const int small = 1;  // the system's least
  for (auto* socket : {&sockets.first, &sockets.second}) {
    socket->setsockopt(SOL_SOCKET, SO_SNDBUF, small);
    socket->setsockopt(SOL_SOCKET, SO_RCVBUF, small);
  }
  auto near = asyncio::open_connection(std::move(sockets.first));
  auto far = asyncio::open_connection(std::move(sockets.second));
  constexpr std::size_t size = 200'000;
  auto writing = create_task([&]() -> Coro<> {
    const std::string data = pattern(size);
    const std::string_view all = data;
    std::size_t at = 0;
    for (std::size_t i = 0; at < size; ++i) {
      const std::size_t n = std::min(i * 7919 % 3000 + 1, size - at);
      near.writer.writelines({all.substr(at, n / 2), all.substr(at + n / 2, n - n / 2)});
      at += n;
      if (i % 5 == 0) co_await near.writer.drain();
    }
    co_await support::close(near.writer);
  });
  std::string got;
  for (std::size_t i = 1; got.size() < size; ++i) {
    const std::string some = co_await far.reader.read(i * 31 % 500 + 1);
    ASYNC_ASSERT_NE(some, "");
    got += some;
  }
  EXPECT_EQ(difference(got, size), "");
  co_await writing;
  co_await support::close(far.writer);
}

// failure 47, NET-093: EAGAIN at each of the first calls. Only of receiving, and while more comes:
// nobody is told again of what has always been possible.
ASYNC_TEST(StreamFault, CallThatMustBeRepeatedLosesNothing) {
  for (std::uint64_t nth = 0; nth < 8; ++nth) {
    const StreamPair pair = stream_pair();
    const Fault fault(Call::receive, EAGAIN, nth, 2);
    auto writing = create_task([&]() -> Coro<> {
      for (std::size_t i = 0; i < 30; ++i) {
        pair.near.writer.write(pattern(1000, i * 1000));
        co_await asyncio::sleep(500us);
      }
      co_await support::close(pair.near.writer);
    });
    const std::string got = co_await asyncio::wait_for(pair.far.reader.read(), 20s);
    EXPECT_EQ(difference(got, 30'000), "");
    co_await writing;
    co_await pair.close();
  }
}

// failure 47, NET-097
ASYNC_TEST(StreamFault, WritesMoreLinesThanASystemCallTakes) {
  const StreamPair pair = stream_pair();
  const std::string data = pattern(5 * IOV_MAX + 17);
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i < data.size(); ++i)
    parts.push_back(std::string_view(data).substr(i, 1));
  parts.insert(parts.begin() + 100, 300, std::string_view());
  pair.near.writer.writelines(std::span<const std::string_view>(parts));
  pair.near.writer.close();
  EXPECT_EQ(difference(co_await pair.far.reader.read(), data.size()), "");
  co_await pair.close();
}

// failure 46: the end comes while there is still data to be sent
ASYNC_TEST(StreamFault, EndOfThePeerLeavesTheOtherWayAlone) {
  const StreamPair pair = stream_pair();
  pair.near.writer.write(pattern(4'000'000));
  pair.far.writer.write("end");
  pair.far.writer.write_eof();
  EXPECT_EQ(co_await pair.near.reader.read(), "end");
  pair.near.writer.write(pattern(1000, 4'000'000));
  pair.near.writer.write_eof();
  EXPECT_EQ(difference(co_await pair.far.reader.read(), 4'001'000), "");
  co_await pair.close();
}

// --- every call, every error --------------------------------------------------------------------

namespace {

/// Several requests and much data over one connection of a server of its own. Its errors are the
/// system's, or an early end of the data; its data is right.
Coro<> conversation() {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const auto talk = [](Address address) -> Coro<> {
    auto [reader, writer] = co_await asyncio::open_connection(address);
    for (std::size_t i = 0; i < 3; ++i) {
      writer.writelines({"one ", "two\n"});
      co_await writer.drain();
      const std::string line = co_await reader.readline();
      if (line.empty()) co_return writer.abort();
      EXPECT_EQ(line, "one two\n");
    }
    constexpr std::size_t much = 400'000;
    writer.write(pattern(much));
    writer.write_eof();
    const std::string all = co_await reader.read();
    EXPECT_EQ(difference(all, std::min(all.size(), much)), "");
    co_await support::close(writer);
  };
  const auto end = co_await asyncio::as_result(talk(server.sockets().at(0)));
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
  co_await pass();
  (void)end.value();
}

std::string disturbed(Call call, int error, std::uint64_t nth, bool& injected) {
  const support::LogCapture reports;
  const auto before = open_descriptors();
  const auto cpu = cpu_time();
  std::string problems;
  bool out_of_time = false;
  {
    std::optional<Fault> fault;
    const auto main = [&]() -> Coro<> {
      fault.emplace(call, error, nth);
      try {
        co_await asyncio::wait_for(conversation(), 4s);
      } catch (const asyncio::TimeoutError&) {
        out_of_time = true;
      } catch (const std::system_error&) {
      } catch (const asyncio::IncompleteReadError&) {
      }
    };
    problems = asyncio::testing::run_test(main);
    injected = fault->injected() > 0;
  }
  if (out_of_time) problems += "it hangs\n";
  if (open_descriptors() != before) problems += "descriptors are left\n";
  if (cpu_time() - cpu > 3s) problems += "it spins\n";
  if (problems.empty()) return "";
  return "call " + std::to_string(static_cast<int>(call)) + " number " + std::to_string(nth) +
         " with error " + std::to_string(error) + ": " + problems;
}

}  // namespace

// failure 92
TEST(StreamFault, NoErrorOfNoCallHangsLeaksOrChangesBytes) {
  struct Case {
    Call call;
    std::vector<int> errors;
  };
  const std::vector<Case> cases{
      {Call::socket, {EMFILE, ENOBUFS, EAFNOSUPPORT}},
      {Call::connect, {ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL, EAGAIN}},
      {Call::bind, {EADDRINUSE, EACCES, EADDRNOTAVAIL}},
      {Call::listen, {EADDRINUSE}},
      {Call::accept, {EMFILE, ECONNABORTED, ENOMEM}},
      {Call::shutdown, {ENOBUFS}},  // ENOTCONN says that the peer has gone, which a read tells
      {Call::option, {ENOPROTOOPT, ENOBUFS}},
      {Call::receive, {ECONNRESET, ETIMEDOUT, ENOMEM}},
      {Call::send, {ECONNRESET, EPIPE, ENOBUFS}},
      {Call::epoll_control, {ENOSPC, ENOMEM}},
  };
  for (const Case& c : cases) {
    for (const int error : c.errors) {
      bool injected = true;
      for (std::uint64_t nth = 0; injected && nth < 60; ++nth) {
        EXPECT_EQ(disturbed(c.call, error, nth, injected), "");
      }
    }
  }
}

// failure 92: the loop's own wait
TEST(StreamFault, FailedWaitLeavesTheLoopWithAnError) {
  const support::LogCapture reports;
  const auto before = open_descriptors();
  for (std::uint64_t nth = 0; nth < 5; ++nth) {
    std::uint64_t injected = 0;
    try {
      const Fault fault(Call::epoll_wait, EBADF, nth);
      try {
        asyncio::testing::run(&conversation);
      } catch (...) {
        injected = fault.injected();
        throw;
      }
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EBADF);
      EXPECT_EQ(injected, 1U);
    } catch (const asyncio::CancelledError&) {
      ADD_FAILURE() << "the error is lost";
    }
    EXPECT_EQ(open_descriptors(), before);
    const Fault interrupted(Call::epoll_wait, EINTR, nth, 3);
    EXPECT_EQ(asyncio::testing::run_test(&conversation), "");
  }
}

// --- the loop ends ------------------------------------------------------------------------------

namespace {

/// Leaves tasks behind that are suspended on everything that streams and servers have.
Coro<> leave_all_suspended(int& unwound) {
  struct Unwind {
    int& count;
    ~Unwind() { ++count; }
  };
  const auto hold = [&unwound](auto make) -> Coro<> {
    const Unwind unwind{unwound};
    co_await make();
  };
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const Address address = server.sockets().at(0);
  auto unserved = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.start_serving = false});
  const auto start = [&](auto make) { (void)create_task(hold(std::move(make))); };
  start([=]() -> Coro<> { co_await server.serve_forever(); });
  start([=]() -> Coro<> { co_await server.wait_closed(); });
  start([=]() -> Coro<> { co_await unserved.wait_closed(); });
  start([=]() -> Coro<> {
    auto [reader, writer] = co_await asyncio::open_connection(address);
    (void)co_await reader.read();
  });
  start([=]() -> Coro<> {
    auto [reader, writer] = co_await asyncio::open_connection(address);
    (void)co_await reader.readline();
  });
  start([=]() -> Coro<> {
    auto [reader, writer] = co_await asyncio::open_connection(address);
    co_await writer.wait_closed();
  });
  start([]() -> Coro<> {
    const StreamPair pair = stream_pair();
    pair.near.writer.write(pattern(4'000'000));
    co_await pair.near.writer.drain();
  });
  start([]() -> Coro<> {
    const StreamPair pair = stream_pair();
    pair.near.writer.write(pattern(4'000'000));
    pair.near.writer.close();
    co_await pair.near.writer.wait_closed();
  });
  for (int i = 0; i < 5; ++i) co_await asyncio::sleep(1ms);
}
constexpr int suspended = 8;

}  // namespace

// failure 95, NET-034
TEST(StreamFault, RunEndsWithEverythingSuspended) {
  const auto before = open_descriptors();
  for (const bool debug : {false, true}) {
    const support::LogCapture reports;  // in debug mode of what was not closed
    int unwound = 0;
    asyncio::testing::run([&] { return leave_all_suspended(unwound); }, {.debug = debug});
    EXPECT_EQ(unwound, suspended);
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(debug || reports.empty()) << reports.lines()[0];
  }
}

// failure 96
TEST(StreamFault, ClosedLoopLeavesNoDescriptorOpen) {
  const support::LogCapture reports;  // tasks are destroyed while they are pending
  const auto before = open_descriptors();
  int unwound = 0;
  std::optional<asyncio::Server> server;
  std::optional<asyncio::Connection> connection;
  {
    auto loop = asyncio::new_event_loop();
    loop->run_until_complete(leave_all_suspended(unwound));
    loop->run_until_complete([&]() -> Coro<> {
      server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
      connection = co_await asyncio::open_connection(server->sockets().at(0));
      connection->writer.write(pattern(5'000'000));
    }());
    loop->close();
    // Handles that outlive the loop are of no use and do no harm.
    EXPECT_FALSE(server->is_serving());
    EXPECT_TRUE(server->sockets().empty());
    EXPECT_EQ(server->clients(), 0U);
    server->close();
    server->close_clients();
    server->abort_clients();
    EXPECT_EQ(support::thrown_by([&] { server->start_serving(); }),
              "RuntimeError: start_serving(): the server is closed; start a new one");
    EXPECT_EQ(support::thrown_by([&] { (void)server->get_loop(); }),
              "RuntimeError: get_loop(): the event loop of this server was closed");
    EXPECT_TRUE(connection->writer.is_closing());
    connection->writer.write("x");
    connection->writer.close();
    connection->writer.abort();
    EXPECT_EQ(connection->writer.fileno(), -1);
    EXPECT_EQ(connection->writer.repr(), "<StreamWriter closed>");
  }
  EXPECT_EQ(unwound, suspended);
  connection.reset();
  server.reset();
  EXPECT_EQ(open_descriptors(), before);
}

// failure 96: the ready queue still holds a turn of each
TEST(StreamFault, LoopMayBeClosedInTheMiddleOfATurn) {
  const auto before = open_descriptors();
  for (int turns = 0; turns < 8; ++turns) {
    const support::LogCapture reports;
    auto loop = asyncio::new_event_loop();
    std::vector<asyncio::Server> servers;
    std::vector<asyncio::Task<asyncio::Connection>> clients;
    loop->run_until_complete([&]() -> Coro<> {
      for (int i = 0; i < 3; ++i) {
        servers.push_back(co_await asyncio::start_server(&echo, "127.0.0.1", 0));
        const Address address = servers.back().sockets().at(0);
        clients.push_back(create_task(asyncio::open_connection(address)));
      }
      for (int i = 0; i < turns; ++i) co_await pass();
      servers[0].close();
      servers[1].abort_clients();
    }());
    loop->close();
    clients.clear();
    servers.clear();
    loop.reset();
    EXPECT_EQ(open_descriptors(), before) << "after " << turns << " turns";
  }
}
