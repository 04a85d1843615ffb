// Server::shutdown(): handlers end, are cancelled, or are left.

#include <asyncio/server.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>

#include "support/log_capture.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::Server;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using support::LogCapture;

namespace {

/// A client that is connected, and whose handler has begun.
Coro<asyncio::Connection> connected(Server server) {
  auto connection = co_await asyncio::open_connection(server.sockets().at(0));
  EXPECT_EQ(co_await connection.reader.readline(), "begun\n");
  co_return connection;
}

/// Time that has passed on the loop's clock. While sockets are waited for, the virtual clock runs
/// as the real one does: the limits of these tests are short.
class Watch {
 public:
  [[nodiscard]] asyncio::Duration passed() const {
    return asyncio::get_running_loop().time() - began_;
  }

 private:
  asyncio::TimePoint began_ = asyncio::get_running_loop().time();
};

}  // namespace

// NET-045
ASYNC_TEST(ServerShutdown, IsOverAtOnceWithoutClients) {
  const LogCapture reports;
  auto server = co_await asyncio::start_server(&support::echo, "127.0.0.1", 0);
  const Watch watch;
  co_await server.shutdown(1h);
  EXPECT_LT(watch.passed(), asyncio::Duration(1min));
  EXPECT_FALSE(server.is_serving());
  co_await server.shutdown(1h);
  EXPECT_TRUE(reports.empty());
}

// NET-045, NET-076
ASYNC_TEST(ServerShutdown, LetsHandlersFinish) {
  const LogCapture reports;
  asyncio::Event go;
  auto handler = [&](StreamReader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    co_await go.wait();
    writer.write("finished\n");
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await connected(server);
  auto ending = create_task(server.shutdown(1h));
  co_await asyncio::sleep(10ms);
  EXPECT_FALSE(ending.done());
  EXPECT_FALSE(server.is_serving());
  go.set();
  EXPECT_EQ(co_await reader.readline(), "finished\n");
  co_await ending;
  EXPECT_EQ(server.clients(), 0U);
  EXPECT_TRUE(reports.empty());
  co_await support::close(writer);
}

// NET-045: who is left is cancelled, and a report says where it waited
ASYNC_TEST(ServerShutdown, CancelsStragglersAndSaysWhereTheyWait) {
  LogCapture reports;
  unsigned waits_at = 0;
  std::vector<std::string> ends;
  auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    waits_at = __LINE__ + 1;
    const auto end = co_await asyncio::as_result(reader.readline());
    ends.emplace_back(end.cancelled() ? "cancelled" : "not cancelled");
    writer.write("bye\n");
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto first = co_await connected(server);
  auto second = co_await connected(server);
  const Watch watch;
  co_await server.shutdown(50ms);
  EXPECT_GE(watch.passed(), asyncio::Duration(50ms));
  EXPECT_EQ(ends, std::vector<std::string>(2, "cancelled"));
  EXPECT_EQ(server.clients(), 0U);
  EXPECT_EQ(co_await first.reader.read(), "bye\n") << "what it writes at the end is sent";
  ASYNC_ASSERT_EQ(reports.count("Server.shutdown(): cancelled at the deadline"), 2);
  const std::string place =
      "server_shutdown_test.cpp\", line " + std::to_string(waits_at) + ", in ";
  EXPECT_EQ(reports.count(place), 2) << reports.lines()[0];
  EXPECT_EQ(reports.count("ignores"), 0);
  co_await support::close(first.writer);
  co_await support::close(second.writer);
}

// NET-045
ASYNC_TEST(ServerShutdown, LeavesAHandlerThatIgnoresItsCancellation) {
  LogCapture reports;
  asyncio::Event go;
  bool ended = false;
  auto handler = [&](StreamReader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    while (!go.is_set()) (void)co_await asyncio::as_result(go.wait());
    ended = true;
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await connected(server);
  const Watch watch;
  co_await asyncio::wait_for(server.shutdown(20ms), 30s);
  EXPECT_GE(watch.passed(), asyncio::Duration(1s));
  EXPECT_FALSE(ended);
  EXPECT_EQ(server.clients(), 1U) << "the handler, without its connection";
  EXPECT_EQ(reports.count("Server.shutdown(): cancelled at the deadline"), 1);
  EXPECT_EQ(reports.count("Server.shutdown(): ignores its cancellation and is left"), 1);
  EXPECT_EQ(co_await reader.read(), "");
  go.set();
  co_await server.wait_closed();
  EXPECT_TRUE(ended);
  co_await support::close(writer);
}

// NET-045: nobody ignores a cancellation who has had no time to take it
ASYNC_TEST(ServerShutdown, DeadlineOfNothingStillLetsHandlersUnwind) {
  LogCapture reports;
  bool unwound = false;
  auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    const auto end = co_await asyncio::as_result(reader.readline());
    co_await asyncio::sleep(5ms);
    unwound = end.cancelled();
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await connected(server);
  co_await server.shutdown(0s);
  EXPECT_TRUE(unwound);
  EXPECT_EQ(server.clients(), 0U);
  EXPECT_EQ(reports.count("ignores"), 0);
  co_await support::close(writer);
}

// NET-045: a handler has returned, and its client does not take what it has written
ASYNC_TEST(ServerShutdown, AbortsAConnectionWhosePeerDoesNotRead) {
  LogCapture reports;
  auto handler = [](StreamReader, StreamWriter writer) {
    writer.write("begun\n");
    writer.write(support::pattern(8'000'000));
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await connected(server);
  co_await asyncio::sleep(10ms);
  EXPECT_EQ(server.clients(), 1U);
  co_await asyncio::wait_for(server.shutdown(10ms), 30s);
  EXPECT_EQ(server.clients(), 0U) << "it is not over when shutdown() returns";
  EXPECT_EQ(reports.count("Server.shutdown()"), 0) << "no handler was left";
  writer.abort();
  co_await asyncio::sleep(0s);
}

// NET-045, NET-078
ASYNC_TEST(ServerShutdown, CanBeCancelled) {
  const LogCapture reports;
  asyncio::Event go;
  auto handler = [&](StreamReader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    co_await go.wait();
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  auto [reader, writer] = co_await connected(server);
  auto ending = create_task(server.shutdown(1h));
  co_await asyncio::sleep(5ms);
  EXPECT_TRUE(serving.done()) << "serve_forever() ends when the server is closed";
  ending.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(ending)).cancelled());
  EXPECT_EQ(server.clients(), 1U);
  auto again = create_task(server.shutdown(1h));
  co_await asyncio::sleep(0s);
  go.set();
  co_await again;
  EXPECT_TRUE(reports.empty());
  co_await support::close(writer);
}

// NET-045: two at once
ASYNC_TEST(ServerShutdown, MayBeAskedForTwice) {
  LogCapture reports;
  auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    (void)co_await reader.readline();
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await connected(server);
  auto patient = create_task(server.shutdown(1h));
  auto hasty = create_task(server.shutdown(10ms));
  co_await asyncio::wait_for(hasty, 30s);
  co_await asyncio::wait_for(patient, 30s);
  EXPECT_EQ(reports.count("cancelled at the deadline"), 1);
  co_await support::close(writer);
}
