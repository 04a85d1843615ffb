// Clients and servers, disturbed at each of their awaits and allocations.

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/server.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/streams.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <new>
#include <string>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using support::echo;
using support::pass;
using support::pattern;
using support::require;
using support::stream_pair;
using support::StreamPair;

namespace {

/// The other end may be disturbed, too: its connection ends, or its last words do not come. What
/// comes is right.
bool is_the_others(const std::exception_ptr& error) {
  return support::is_a<std::system_error>(error) ||
         support::is_a<asyncio::IncompleteReadError>(error);
}

/// The body, and then the server's end, whatever came of it.
template <class Body>
Coro<> with_server(asyncio::Server server, Body& body) {
  const auto end = co_await asyncio::as_result(body(server.sockets().at(0)));
  server.close();
  server.abort_clients();
  const auto closed = co_await asyncio::as_result(server.wait_closed());
  require(!server.is_serving(), "a closed server does not serve");
  require(closed.has_value() ? server.clients() == 0 : true, "wait_closed() waits for all");
  // Cancelled or short of memory, somebody may be left: a server that is closed is not reopened.
  if (!end && !is_the_others(end.error())) end.value();
  closed.value();
}

Coro<> echo_with_a_client() {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const auto talk = [](Address address) -> Coro<> {
    auto [reader, writer] = co_await asyncio::open_connection(address);
    writer.writelines({"hello", "\n"});
    co_await writer.drain();
    const std::string line = co_await reader.readline();
    require(line == "hello\n" || line.empty(), "a line comes back whole");
    writer.write(pattern(100'000));
    writer.write_eof();
    const std::string all = co_await reader.read();
    require(pattern(all.size()) == all, "bytes come back in order");
    writer.close();
    co_await writer.wait_closed();
    require(writer.fileno() == -1, "wait_closed() waits for the end");
  };
  co_await with_server(server, talk);
}

Coro<> connecting() {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const auto connect_twice = [](Address address) -> Coro<> {
    auto first = create_task(asyncio::open_connection(address));
    auto second = create_task([](Address to) -> Coro<> {
      auto dropped = co_await asyncio::open_connection(to.host(), to.port());
    }(address));
    auto end = co_await asyncio::as_result(second);
    auto connection = co_await asyncio::as_result(first);
    if (connection) co_await support::close(connection.value().writer);
    end.value();
  };
  co_await with_server(server, connect_twice);
}

Coro<> starting() {
  const std::string name = "@asyncio-inject-test";
  auto first = co_await asyncio::start_unix_server(&echo, name);
  auto second = co_await asyncio::as_result(asyncio::start_unix_server(&echo, name));
  require(!second, "a name is taken once");
  auto lazy = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.start_serving = false});
  auto serving = create_task(lazy.serve_forever());
  co_await pass();
  lazy.close();
  const auto end = co_await asyncio::as_result(serving);
  first.close();
  co_await first.wait_closed();
  if (!end.cancelled()) end.value();
}

/// Two tasks in drain() and one that reads what they wait for.
Coro<> draining() {
  const StreamPair pair = stream_pair();
  constexpr std::size_t much = 1'000'000;
  pair.near.writer.write(pattern(much));
  auto first = create_task(pair.near.writer.drain());
  auto second = create_task(pair.near.writer.drain());
  const auto read = [&]() -> Coro<> {
    const std::string all = co_await pair.far.reader.readexactly(much);
    require(all == pattern(much), "bytes come in order");
  };
  auto end = co_await asyncio::as_result(read());
  if (end) require(pair.near.writer.get_write_buffer_size() == 0, "all was sent");
  pair.near.writer.abort();
  pair.far.writer.abort();
  for (const auto& task : {first, second}) {
    const auto drained = co_await asyncio::as_result(task);
    if (!drained && !drained.cancelled() && !is_the_others(drained.error())) drained.value();
  }
  if (!end && !is_the_others(end.error())) end.value();
}

Coro<> waiting_for_the_end() {
  const StreamPair pair = stream_pair();
  auto first = create_task(pair.near.writer.wait_closed());
  auto second = create_task(pair.near.writer.wait_closed());
  auto reading = create_task(pair.far.reader.read());
  co_await pass();
  pair.near.writer.write("last words");
  pair.near.writer.close();
  for (const auto& task : {first, second}) {
    const auto closed = co_await asyncio::as_result(task);
    if (!closed && !closed.cancelled() && !is_the_others(closed.error())) closed.value();
  }
  const auto got = co_await asyncio::as_result(reading);
  if (got) require(got.value() == "last words", "what was written before close() is sent");
  pair.far.writer.close();
  co_await pair.far.writer.wait_closed();
}

template <bool patient>
Coro<> shutting_down() {
  const auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write("begun\n");
    co_await writer.drain();
    writer.write(co_await reader.readline());
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  const auto end_it = [&](Address address) -> Coro<> {
    auto [reader, writer] = co_await asyncio::open_connection(address);
    (void)co_await reader.readline();
    auto ending =
        create_task(server.shutdown(patient ? asyncio::Duration(1h) : asyncio::Duration(1ms)));
    co_await pass();
    if (patient) writer.write("end\n");
    const auto end = co_await asyncio::as_result(ending);
    end.value();  // the handler may go on if it failed
    const std::string answer = co_await reader.read();
    require(answer.empty() || (patient && answer == "end\n"), "an answer comes whole");
  };
  co_await with_server(server, end_it);
}

Coro<> reading_with_limits() {
  StreamReader reader(10);
  std::string got;
  auto feed = create_task([](StreamReader to) -> Coro<> {
    for (const char* text : {"ab\nc", "d\n", "ef", "g\n", "hijklm"}) {
      to.feed_data(text);
      co_await asyncio::sleep(1s);
    }
    to.feed_eof();
  }(reader));
  const auto read = [&]() -> Coro<> {
    while (true) {
      auto line = co_await asyncio::as_result(asyncio::wait_for(reader.readline(), 1500ms));
      if (line && line.value().empty()) co_return;
      if (line) {
        got += line.value();
      } else if (!support::is_a<asyncio::TimeoutError>(line.error())) {
        line.value();
      }
      if (feed.done() && !reader.at_eof() && got.size() > 14) co_return;
      if (feed.done()) reader.feed_eof();
    }
  };
  const auto end = co_await asyncio::as_result(read());
  feed.cancel();
  const auto fed = co_await asyncio::as_result(feed);
  require(std::string("ab\ncd\nefg\nhijklm").starts_with(got), "no byte is lost or doubled");
  if (end && fed) require(got.size() == 16, "all comes");
  end.value();
  if (!fed.cancelled()) fed.value();
}

/// What went wrong when the scenario was cancelled at each await, and when each allocation failed.
std::string disturbances(Coro<> (*scenario)()) {
  const support::LogCapture reports;  // of handlers that were short of memory
  std::string problems = asyncio::testing::cancel_at_each_await(scenario);
  problems += asyncio::testing::fail_at_each_allocation(scenario);
  constexpr std::size_t enough = 3000;
  if (problems.size() > enough) problems.resize(enough);
  return problems;
}

}  // namespace

// failure 91, NET-039, NET-041, NET-043
TEST(StreamDisturbed, Echoes) { EXPECT_EQ(disturbances(&echo_with_a_client), ""); }

// failure 91, NET-054, NET-062
TEST(StreamDisturbed, Connects) { EXPECT_EQ(disturbances(&connecting), ""); }

// failure 91, NET-065, NET-078
TEST(StreamDisturbed, StartsServers) { EXPECT_EQ(disturbances(&starting), ""); }

// failure 91, NET-028
TEST(StreamDisturbed, Drains) { EXPECT_EQ(disturbances(&draining), ""); }

// failure 91, NET-032, NET-033
TEST(StreamDisturbed, WaitsForTheEnd) { EXPECT_EQ(disturbances(&waiting_for_the_end), ""); }

// failure 91, NET-045
TEST(StreamDisturbed, ShutsDown) { EXPECT_EQ(disturbances(&shutting_down<true>), ""); }

// failure 91, NET-045
TEST(StreamDisturbed, ShutsDownAtOnce) { EXPECT_EQ(disturbances(&shutting_down<false>), ""); }

// failure 91, NET-018
TEST(StreamDisturbed, ReadsWithLimits) { EXPECT_EQ(disturbances(&reading_with_limits), ""); }
