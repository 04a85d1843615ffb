// The writing side of a connection, and its end.

#include <asyncio/streams.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "io/fault.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using support::difference;
using support::is_open;
using support::pass;
using support::pattern;
using support::stream_pair;
using support::StreamPair;
using support::thrown_by;
using support::thrown_by_await;

namespace {

constexpr std::size_t much = 4'000'000;  // more than sockets hold

/// "ok" or the error of a task.
template <class T>
Coro<std::string> end_of(T task) {
  const auto result = co_await asyncio::as_result(std::move(task));
  if (result.cancelled()) co_return "cancelled";
  if (result) co_return "ok";
  try {
    std::rethrow_exception(result.error());
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::connection_aborted) co_return "aborted";
    if (error.code() == std::errc::connection_reset) co_return "reset";
    if (error.code() == std::errc::broken_pipe) co_return "broken pipe";
    co_return error.what();
  } catch (const std::exception& error) {
    co_return error.what();
  }
}

/// Writes until the writer is above its high mark.
void fill(const StreamWriter& writer) {
  const std::string data = pattern(1 << 18);
  while (writer.get_write_buffer_size() <= 65536) writer.write(data);
}

}  // namespace

// --- write() and drain() ------------------------------------------------------------------------

// NET-026
ASYNC_TEST(StreamWriter, WritesWithoutWaiting) {
  const StreamPair pair = stream_pair();
  const std::string data = pattern(much);
  pair.near.writer.write(data);
  pair.near.writer.write("");
  pair.near.writer.write(std::as_bytes(std::span("xyz", 3)));
  pair.near.writer.writelines({"one", "", "two"});
  const std::vector<std::string> strings{"three", "four"};
  pair.near.writer.writelines(strings);
  EXPECT_GT(pair.near.writer.get_write_buffer_size(), 0U);
  EXPECT_EQ(difference(co_await pair.far.reader.readexactly(much), much), "");
  EXPECT_EQ(co_await pair.far.reader.readexactly(18), "xyzonetwothreefour");
  EXPECT_EQ(pair.near.writer.get_write_buffer_size(), 0U);
  co_await pair.close();
}

// NET-026, failure 43: what is written may be changed at once
ASYNC_TEST(StreamWriter, KeepsACopyOfWhatItCouldNotSend) {
  const StreamPair pair = stream_pair();
  std::string data = pattern(much);
  pair.near.writer.write(data);
  data.assign(data.size(), 'x');
  EXPECT_EQ(difference(co_await pair.far.reader.readexactly(much), much), "");
  co_await pair.close();
}

// NET-027
ASYNC_TEST(StreamWriter, DrainsAtOnceBelowTheHighMark) {
  const StreamPair pair = stream_pair();
  co_await pair.near.writer.drain();
  pair.near.writer.set_write_buffer_limits(10 * much);
  pair.near.writer.write(pattern(much));
  EXPECT_GT(pair.near.writer.get_write_buffer_size(), 0U);
  co_await pair.near.writer.drain();
  EXPECT_GT(pair.near.writer.get_write_buffer_size(), 0U);
  co_await pair.close();
}

// NET-027
ASYNC_TEST(StreamWriter, DrainsToTheLowMark) {
  const StreamPair pair = stream_pair();
  pair.near.writer.set_write_buffer_limits(1'000'000, 300'000);
  fill(pair.near.writer);
  const std::size_t sent = 4 * much;
  pair.near.writer.write(pattern(sent));
  auto draining = create_task(pair.near.writer.drain());
  co_await pass();
  while (!draining.done()) {
    ASYNC_ASSERT_GT(pair.near.writer.get_write_buffer_size(), 300'000U);
    EXPECT_NE(co_await pair.far.reader.read(100'000), "");
    co_await pass();
    if (pair.near.writer.get_write_buffer_size() <= 300'000) co_await draining;
  }
  EXPECT_LE(pair.near.writer.get_write_buffer_size(), 300'000U);
  co_await pair.close();
}

// NET-027
ASYNC_TEST(StreamWriter, RefusesMarksThatDoNotFit) {
  const StreamPair pair = stream_pair();
  EXPECT_EQ(thrown_by([&] { pair.near.writer.set_write_buffer_limits(5, 6); }),
            "invalid_argument: set_write_buffer_limits(): high (5) must be >= low (6)");
  // Without a high mark whatever is unsent is waited for.
  pair.near.writer.set_write_buffer_limits(0);
  pair.near.writer.write(pattern(much));
  auto draining = create_task(pair.near.writer.drain());
  EXPECT_EQ((co_await pair.far.reader.readexactly(much)).size(), much);
  co_await draining;
  EXPECT_EQ(pair.near.writer.get_write_buffer_size(), 0U);
  co_await pair.close();
}

// NET-028
ASYNC_TEST(StreamWriter, ManyTasksDrain) {
  const StreamPair pair = stream_pair();
  fill(pair.near.writer);
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(create_task(pair.near.writer.drain()));
  co_await pass();
  tasks[3].cancel();
  co_await pass();
  EXPECT_TRUE(tasks[3].cancelled());
  EXPECT_FALSE(tasks[0].done());
  pair.near.writer.close();
  (void)co_await pair.far.reader.read();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(co_await end_of(tasks[static_cast<std::size_t>(i)]), i == 3 ? "cancelled" : "ok");
  }
  co_await pair.close();
}

// NET-029
ASYNC_TEST(StreamWriter, DrainThrowsTheReadersError) {
  const StreamPair pair = stream_pair();
  pair.near.reader.set_exception(std::make_exception_ptr(std::domain_error("of the reader")));
  EXPECT_EQ(co_await end_of(pair.near.writer.drain()), "of the reader");
  co_await pair.close();
}

// NET-029
ASYNC_TEST(StreamWriter, DrainThrowsAfterTheEnd) {
  const StreamPair pair = stream_pair();
  co_await support::close(pair.near.writer);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(co_await thrown_by_await(pair.near.writer.drain()),
              "system_error: drain(): Connection lost: Connection reset by peer");
  }
  co_await pair.close();
}

// NET-030, failure 43
ASYNC_TEST(StreamWriter, LoopThatNeverWaitsNoticesTheEnd) {
  const StreamPair pair = stream_pair();
  pair.far.writer.abort();
  (void)co_await asyncio::as_result(pair.far.writer.wait_closed());
  int rounds = 0;
  std::string error = "ok";
  while (error == "ok" && ++rounds < 100) {
    pair.near.writer.write("data");
    error = co_await end_of(pair.near.writer.drain());
  }
  EXPECT_EQ(error, "broken pipe");
  // A backend that sends behind may learn it from the call after.
  EXPECT_LE(rounds, 3);
  EXPECT_TRUE(pair.near.writer.is_closing());
  EXPECT_EQ(co_await end_of(pair.near.writer.drain()), "broken pipe");
  EXPECT_EQ(co_await end_of(pair.near.writer.wait_closed()), "broken pipe");
  co_await pair.close();
}

// NET-030
ASYNC_TEST(StreamWriter, DrainOfAClosingConnectionLetsOthersRun) {
  const StreamPair pair = stream_pair();
  pair.near.writer.close();
  bool ran = false;
  asyncio::get_running_loop().call_soon([&] { ran = true; });
  for (int i = 0; i < 2; ++i) {  // in whatever order of what is ready
    EXPECT_EQ(co_await end_of(pair.near.writer.drain()), "reset");
  }
  EXPECT_TRUE(ran);
  co_await pair.close();
}

// NET-031, failure 42
ASYNC_TEST(StreamWriter, EndWithoutAnErrorAbortsDrain) {
  const StreamPair pair = stream_pair();
  fill(pair.near.writer);
  auto first = create_task(pair.near.writer.drain());
  auto second = create_task(pair.near.writer.drain());
  co_await pass();
  pair.near.writer.abort();
  EXPECT_EQ(co_await end_of(first), "aborted");
  EXPECT_EQ(co_await end_of(second), "aborted");
  EXPECT_EQ(co_await end_of(pair.near.writer.wait_closed()), "ok");
  co_await pair.close();
}

// NET-031, failure 42
ASYNC_TEST(StreamWriter, BothThatDrainGetTheError) {
  const StreamPair pair = stream_pair();
  fill(pair.near.writer);
  auto first = create_task(pair.near.writer.drain());
  auto second = create_task(pair.near.writer.drain());
  co_await pass();
  pair.far.writer.abort();
  const std::string error = co_await end_of(first);
  EXPECT_TRUE(error == "broken pipe" || error == "reset") << error;
  EXPECT_EQ(co_await end_of(second), error);
  EXPECT_EQ(co_await end_of(pair.near.writer.wait_closed()), error);
  co_await pair.close();
}

// NET-031: of a connection that is closed, drain() tells whether the data was sent
ASYNC_TEST(StreamWriter, DrainOfAnEndThatComesAfterTheDataIsGood) {
  const StreamPair pair = stream_pair();
  pair.near.writer.set_write_buffer_limits(0);
  pair.near.writer.write(pattern(much));
  auto draining = create_task(pair.near.writer.drain());
  co_await pass();
  pair.near.writer.close();
  EXPECT_EQ(difference(co_await pair.far.reader.read(), much), "");
  EXPECT_EQ(co_await end_of(draining), "ok");
  EXPECT_EQ(co_await end_of(pair.near.writer.wait_closed()), "ok");
  co_await pair.close();
}

// --- the end ------------------------------------------------------------------------------------

// NET-025, NET-032, NET-035
ASYNC_TEST(StreamWriter, CloseSendsWhatIsLeftAndReceivesNothingMore) {
  const StreamPair pair = stream_pair();
  auto reading = create_task(pair.near.reader.read(100));
  co_await pass();
  pair.near.writer.write(pattern(much));
  EXPECT_FALSE(pair.near.writer.is_closing());
  pair.near.writer.close();
  pair.near.writer.close();
  EXPECT_TRUE(pair.near.writer.is_closing());
  EXPECT_EQ(difference(co_await pair.far.reader.read(), much), "");
  EXPECT_EQ(co_await reading, "");
  EXPECT_TRUE(pair.near.reader.at_eof());
  co_await pair.near.writer.wait_closed();
  co_await pair.close();
}

// NET-025
ASYNC_TEST(StreamWriter, CloseEndsAReadWithWhatHasArrived) {
  const StreamPair pair = stream_pair();
  pair.far.writer.write("abc");
  auto reading = create_task(pair.near.reader.readexactly(10));
  auto waiting = create_task(asyncio::sleep(20ms));
  co_await waiting;
  pair.near.writer.close();
  try {
    (void)co_await reading;
    ADD_FAILURE() << "read";
  } catch (const asyncio::IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), "abc");
  }
  co_await pair.close();
}

// NET-032
ASYNC_TEST(StreamWriter, CloseSendsWhatIsLeftWithoutAnyHandle) {
  auto sockets = asyncio::socketpair();
  {
    auto near = asyncio::open_connection(std::move(sockets.first));
    near.writer.write(pattern(much));
    near.writer.close();
  }
  auto far = asyncio::open_connection(std::move(sockets.second));
  EXPECT_EQ(difference(co_await far.reader.read(), much), "");
  co_await support::close(far.writer);
}

// NET-032: the loop's end takes what nobody holds
TEST(StreamWriter, IsGoneWithTheLoopThoughItWasStillSending) {
  const auto main = []() -> Coro<> {
    auto sockets = asyncio::socketpair();
    auto near = asyncio::open_connection(std::move(sockets.first));
    near.writer.write(pattern(much));
    near.writer.close();
    co_await pass();  // nobody reads
  };
  EXPECT_EQ(asyncio::testing::run_test(main), "");
}

// NET-033
ASYNC_TEST(StreamWriter, AnyNumberOfTasksWaitForTheEnd) {
  const StreamPair pair = stream_pair();
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(create_task(pair.near.writer.wait_closed()));
  co_await pass();
  EXPECT_FALSE(tasks[0].done());
  tasks[2].cancel();
  const int fd = pair.near.writer.fileno();
  EXPECT_TRUE(is_open(fd));
  pair.near.writer.close();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(co_await end_of(tasks[static_cast<std::size_t>(i)]), i == 2 ? "cancelled" : "ok");
  }
  EXPECT_FALSE(is_open(fd));
  EXPECT_EQ(pair.near.writer.fileno(), -1);
  co_await pair.near.writer.wait_closed();
  co_await pair.close();
}

// NET-033
ASYNC_TEST(StreamWriter, WaitClosedThrowsWhatTheConnectionEndedWith) {
  const StreamPair pair = stream_pair();
  auto waiting = create_task(pair.near.writer.wait_closed());
  {
    const asyncio::detail::sys::Fault fault(asyncio::detail::sys::Call::receive, ECONNRESET, 0,
                                            1000);
    pair.far.writer.write("x");
    auto reading = co_await asyncio::as_result(pair.near.reader.read(1));
    if (reading) {  // a backend that does not receive by recv()
      pair.near.writer.abort();
      (void)co_await asyncio::as_result(waiting);
      co_await pair.close();
      co_return;
    }
  }
  EXPECT_EQ(co_await end_of(waiting), "reset");
  EXPECT_EQ(co_await end_of(pair.near.writer.wait_closed()), "reset");
  EXPECT_TRUE(pair.near.writer.is_closing());
  co_await pair.close();
}

// NET-032: unread data does not keep the end away
ASYNC_TEST(StreamWriter, ClosesWithUnreadData) {
  const StreamPair pair = stream_pair();
  pair.far.writer.write("never read");
  co_await pass();
  co_await asyncio::wait_for(support::close(pair.near.writer), 5s);
  co_await pair.close();
}

// NET-035, failure 46
ASYNC_TEST(StreamWriter, HalfClosedConnectionStillWrites) {
  const StreamPair pair = stream_pair();
  pair.near.writer.write(pattern(much));
  EXPECT_TRUE(pair.near.writer.can_write_eof());
  pair.near.writer.write_eof();
  pair.near.writer.write_eof();
  EXPECT_FALSE(pair.near.writer.is_closing());
  EXPECT_EQ(thrown_by([&] { pair.near.writer.write("more"); }),
            "RuntimeError: Cannot call write() after write_eof()");
  EXPECT_EQ(difference(co_await pair.far.reader.read(), much), "");
  // The other way goes on.
  for (int i = 0; i < 10; ++i) {
    pair.far.writer.write("answer\n");
    co_await pair.far.writer.drain();
    EXPECT_EQ(co_await pair.near.reader.readline(), "answer\n");
  }
  pair.far.writer.close();
  EXPECT_EQ(co_await pair.near.reader.read(), "");
  pair.near.writer.write_eof();
  pair.near.writer.close();
  pair.near.writer.write_eof();
  co_await pair.close();
}

// NET-035
ASYNC_TEST(StreamWriter, WritesNothingWhenItIsLost) {
  const support::LogCapture reports;
  const StreamPair pair = stream_pair();
  co_await support::close(pair.near.writer);
  for (int i = 0; i < 4; ++i) pair.near.writer.write("dropped");
  EXPECT_TRUE(reports.empty());
  pair.near.writer.write("dropped");  // the fifth, as in CPython
  EXPECT_EQ(reports.count("the connection is lost"), 1);
  pair.near.writer.write("dropped");
  EXPECT_EQ(reports.count("the connection is lost"), 2);
  EXPECT_EQ(pair.near.writer.get_write_buffer_size(), 0U);
  pair.near.writer.write_eof();
  pair.near.writer.abort();
  co_await pair.close();
}

// --- about it -----------------------------------------------------------------------------------

// NET-036
ASYNC_TEST(StreamWriter, TellsItsAddresses) {
  auto server = co_await asyncio::start_server(&support::echo, "127.0.0.1", 0);
  const auto address = server.sockets().at(0);
  auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", address.port());
  EXPECT_EQ(writer.peername(), address);
  EXPECT_EQ(writer.get_extra_info("peername"), address.str());
  EXPECT_EQ(writer.get_extra_info("sockname"), writer.sockname().str());
  EXPECT_EQ(writer.get_extra_info("cipher"), std::nullopt);
  EXPECT_EQ(writer.get_extra_info("no such thing"), std::nullopt);
  EXPECT_EQ(writer.repr(),
            "<StreamWriter " + writer.sockname().str() + " -> " + address.str() + ">");
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  EXPECT_EQ(::getsockopt(writer.fileno(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_NE(no_delay, 0) << "NET-056";
  co_await support::close(writer);
  EXPECT_EQ(writer.repr(), "<StreamWriter closed>");
  EXPECT_EQ(writer.get_extra_info("peername"), address.str()) << "it was asked for before";
  co_await support::close(server);
}

// NET-034, NET-038
ASYNC_TEST(StreamWriter, LastHandleAbortsWhatIsNotClosed) {
  const StreamPair pair = stream_pair();
  int fd = -1;
  StreamReader far_reader;
  {
    auto sockets = asyncio::socketpair();
    auto near = asyncio::open_connection(std::move(sockets.first));
    fd = near.writer.fileno();
    const StreamWriter copy = near.writer;
    auto far = asyncio::open_connection(std::move(sockets.second));
    far_reader = far.reader;
    near.writer.write(pattern(much));
    co_await pass();
    EXPECT_TRUE(is_open(fd));
    far.writer.close();
  }
  co_await pass();
  co_await pass();
  EXPECT_FALSE(is_open(fd));
  co_await pair.close();
}

// NET-038
TEST(StreamWriter, IsReportedInDebugModeIfItWasNotClosed) {
  const support::LogCapture reports;
  const auto main = []() -> Coro<> {
    auto sockets = asyncio::socketpair();
    {
      auto dropped = asyncio::open_connection(std::move(sockets.first));
    }
    co_await pass();
    {
      auto closed = asyncio::open_connection(std::move(sockets.second));
      closed.writer.close();
    }
    co_await pass();
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_EQ(reports.count("unclosed StreamWriter"), 1);
  asyncio::testing::run(main, {.debug = false});
  EXPECT_EQ(reports.count("unclosed StreamWriter"), 1);
}

// --- open_connection() --------------------------------------------------------------------------

// NET-039, NET-060
ASYNC_TEST(OpenConnection, TakesALimit) {
  const StreamPair pair = stream_pair({.limit = 3});
  pair.far.writer.write("12345\n");
  EXPECT_EQ(pair.near.reader.limit(), 3U);
  EXPECT_TRUE(co_await asyncio::as_result(pair.near.reader.readexactly(1)));
  EXPECT_EQ(co_await thrown_by_await(pair.near.reader.readuntil()),
            "LimitOverrunError: Separator is found, but chunk is longer than limit");
  co_await pair.close();
  EXPECT_EQ(co_await thrown_by_await(
                asyncio::open_connection("127.0.0.1", 1, asyncio::ConnectionOptions{.limit = 0})),
            "invalid_argument: StreamReader: Limit cannot be <= 0; leave it out");
}

// NET-040
ASYNC_TEST(OpenConnection, ThrowsWhatConnectingHasMet) {
  asyncio::Socket bound(asyncio::Address::Family::ipv4);
  bound.bind({"127.0.0.1", 0});
  const auto address = bound.getsockname();  // nobody listens there
  EXPECT_EQ(co_await thrown_by_await(asyncio::open_connection(address)),
            "system_error: connect to " + address.str() + ": Connection refused");
  EXPECT_EQ(co_await thrown_by_await(asyncio::open_unix_connection("/nonexistent/socket")),
            "system_error: connect to /nonexistent/socket: No such file or directory");
}

// NET-040
ASYNC_TEST(OpenConnection, ReadsThrowAfterAReset) {
  auto reset = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    EXPECT_EQ(co_await reader.readexactly(1), "x");
    const linger at_once{1, 0};
    ::setsockopt(writer.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    writer.abort();
  };
  auto server = co_await asyncio::start_server(reset, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.write("x");
  EXPECT_EQ(co_await end_of(reader.read(1)), "reset");
  EXPECT_EQ(co_await end_of(reader.readline()), "reset");
  EXPECT_TRUE(writer.is_closing());
  EXPECT_EQ(co_await end_of(writer.drain()), "reset");
  EXPECT_EQ(co_await end_of(writer.wait_closed()), "reset");
  co_await support::close(server);
}

// NET-016, NET-040: what has arrived before the reset is read
ASYNC_TEST(OpenConnection, DataBeforeAnErrorIsDelivered) {
  const StreamPair pair = stream_pair();
  pair.far.writer.write("first\nsecond");
  EXPECT_EQ(co_await pair.near.reader.readline(), "first\n");
  pair.near.reader.set_exception(std::make_exception_ptr(std::domain_error("broken")));
  EXPECT_EQ(co_await pair.near.reader.readexactly(6), "second");
  EXPECT_EQ(co_await end_of(pair.near.reader.read(1)), "broken");
  co_await pair.close();
}

// NET-015
ASYNC_TEST(OpenConnection, OneTaskAtATimeWaitsForAConnectionsData) {
  const StreamPair pair = stream_pair();
  auto first = create_task(pair.near.reader.read(1));
  co_await pass();
  EXPECT_TRUE(
      (co_await end_of(pair.near.reader.readline())).starts_with("StreamReader.readline()"));
  pair.far.writer.write("x");
  EXPECT_EQ(co_await first, "x");
  co_await pair.close();
}

// NET-086: a read that never has to wait for the peer leaves the loop to others
ASYNC_TEST(OpenConnection, LongReadLetsOthersRun) {
  const StreamPair pair = stream_pair();
  for (const StreamWriter* writer : {&pair.near.writer, &pair.far.writer}) {
    const int size = 1 << 22;
    ::setsockopt(writer->fileno(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    ::setsockopt(writer->fileno(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  pair.far.writer.write(pattern(much));
  const std::size_t there = much - pair.far.writer.get_write_buffer_size();
  if (there < 400'000) {
    co_await pair.close();
    ASYNC_SKIP() << "the system's buffers are small";
  }
  int turns = 0;
  bool over = false;
  auto ticking = create_task([&]() -> Coro<> {
    while (!over) {
      ++turns;
      co_await asyncio::sleep(0s);
    }
  });
  co_await pass();
  EXPECT_EQ((co_await pair.near.reader.readexactly(there)).size(), there);
  EXPECT_GE(static_cast<std::size_t>(turns), there / (std::size_t{256} * 1024));
  over = true;
  co_await ticking;
  co_await pair.close();
}

// NET-018, failure 45
ASYNC_TEST(OpenConnection, CancelledReadOfAConnectionLosesNothing) {
  const StreamPair pair = stream_pair();
  std::string got;
  const std::string sent = pattern(20'000);
  auto writing = create_task([&]() -> Coro<> {
    for (std::size_t i = 0; i < sent.size(); i += 100) {
      pair.far.writer.write(std::string_view(sent).substr(i, 100));
      co_await pass();
      if (i % 700 == 0) co_await pass();
    }
  });
  for (int round = 0; got.size() < sent.size(); ++round) {
    ASYNC_ASSERT_LT(round, 10'000);
    auto reading =
        create_task(round % 2 == 0 ? pair.near.reader.read(70) : pair.near.reader.readexactly(130));
    for (int i = 0; i < round % 4; ++i) co_await pass();
    if (round % 3 != 0 || got.size() + 130 > sent.size()) reading.cancel();
    const auto result = co_await asyncio::as_result(reading);
    if (result) got += result.value();
    if (got.size() + 130 > sent.size() && writing.done()) {
      got += co_await pair.near.reader.readexactly(sent.size() - got.size());
    }
  }
  EXPECT_EQ(difference(got, sent.size()), "");
  co_await writing;
  co_await pair.close();
}
