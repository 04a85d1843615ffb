// EventLoop::sendfile().

#include <asyncio/as_result.hpp>
#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "io/fault.hpp"
#include "support/backend.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using support::File;
using support::Line;
using support::Log;
using support::Script;
using support::until;

namespace {

enum class Way { any, copying };

/// Where the system refuses the native way, the other one is taken.
class Refused {
 public:
  explicit Refused(Way way) {
    if (way == Way::copying) fault_.emplace(Call::send_file, EINVAL, 0, 1'000'000);
  }

 private:
  std::optional<Fault> fault_;
};

Coro<> close(const Line& line, Script& script) {
  line.transport.abort();
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

Coro<std::size_t> send(const Line& line, const File& file, std::int64_t offset = 0,
                       std::optional<std::size_t> count = std::nullopt) {
  return asyncio::get_running_loop().sendfile(line.transport, file.fd(), offset, count);
}

/// For tests of both ways.
constexpr Way ways[] = {Way::any, Way::copying};

}  // namespace

// NET-129, NET-130
ASYNC_TEST(TransportSendfile, SendsAWholeFile) {
  const std::string text = support::pattern(3'000'000);
  const File file(text);
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file));
    EXPECT_TRUE(co_await support::all_from(line, text.size()) == text);
    EXPECT_EQ(co_await sending, text.size());
    EXPECT_EQ(file.position(), 3'000'000);
    EXPECT_FALSE(line.transport.is_closing());
    co_await close(line, script);
  }
}

// NET-129, NET-130
ASYNC_TEST(TransportSendfile, SendsAPartOfIt) {
  const std::string text = support::pattern(1'000'000);
  const File file(text);
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file, 1000, 500'000));
    EXPECT_TRUE(co_await support::all_from(line, 500'000) == text.substr(1000, 500'000));
    EXPECT_EQ(co_await sending, 500'000U);
    EXPECT_EQ(file.position(), 501'000);
    // More than there is: to its end.
    auto rest = asyncio::create_task(send(line, file, 900'000, 500'000));
    EXPECT_TRUE(co_await support::all_from(line, 100'000) == text.substr(900'000));
    EXPECT_EQ(co_await rest, 100'000U);
    EXPECT_EQ(file.position(), 1'000'000);
    co_await close(line, script);
  }
}

// NET-129, NET-130: nothing to send leaves the position alone.
ASYNC_TEST(TransportSendfile, NothingIsSentOfAnEmptyFileOrBehindTheEnd) {
  const File empty;
  const File file("text");
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::line_to(script);
    EXPECT_EQ(co_await send(line, empty), 0U);
    EXPECT_EQ(co_await send(line, file, 100), 0U);
    EXPECT_EQ(file.position(), 0);
    EXPECT_EQ(line.arrived(), "");
    co_await close(line, script);
  }
}

// NET-129: in order, also if much of it is unsent when the file's turn comes.
ASYNC_TEST(TransportSendfile, WhatIsWrittenBeforeAndAfterKeepsItsPlace) {
  const std::string text = support::pattern(300'000);
  const File file(text);
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    line.transport.write(text + "before");
    auto sending = asyncio::create_task([](const Line& l, const File& f) -> Coro<std::size_t> {
      const std::size_t sent = co_await send(l, f);
      l.transport.write("after");
      co_return sent;
    }(line, file));
    const std::string expected = text + "before" + text + "after";
    EXPECT_TRUE(co_await support::all_from(line, expected.size()) == expected);
    EXPECT_EQ(co_await sending, text.size());
    // What was written before has paused the protocol, which hears of the rest when it may write.
    EXPECT_TRUE(co_await until([&] { return script.has("resume"); }));
    EXPECT_EQ(script.log, (Log{"made", "pause", "resume"}));
    co_await close(line, script);
  }
}

// NET-132
ASYNC_TEST(TransportSendfile, NobodyElseWritesAndNothingIsReceivedMeanwhile) {
  const std::string text = support::pattern(1'000'000);
  const File file(text);
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file));
    co_await asyncio::sleep(5ms);
    EXPECT_EQ(support::thrown_by([&] { line.transport.write("x"); }),
              "RuntimeError: unable to write; sendfile is in progress");
    EXPECT_EQ(support::thrown_by([&] { line.transport.writelines({"x"}); }),
              "RuntimeError: unable to writelines; sendfile is in progress");
    EXPECT_EQ(co_await support::thrown_by_await(send(line, file)),
              "RuntimeError: unable to sendfile; sendfile is in progress");
    EXPECT_FALSE(line.transport.is_reading());
    line.send("data");
    co_await asyncio::sleep(5ms);
    EXPECT_EQ(script.received, "");
    EXPECT_TRUE(co_await support::all_from(line, text.size()) == text);
    EXPECT_EQ(co_await sending, text.size());
    EXPECT_TRUE(line.transport.is_reading());
    EXPECT_TRUE(co_await until([&] { return script.received == "data"; }));
    line.transport.write("x");
    EXPECT_EQ(co_await support::all_from(line, 1), "x");
    co_await close(line, script);
  }
}

// NET-132: who has paused stays paused.
ASYNC_TEST(TransportSendfile, PausedTransportStaysPaused) {
  const File file("text");
  Script script;
  const Line line = co_await support::line_to(script);
  line.transport.pause_reading();
  EXPECT_EQ(co_await send(line, file), 4U);
  EXPECT_FALSE(line.transport.is_reading());
  co_await close(line, script);
}

// NET-098, NET-132: the end is told behind the file.
ASYNC_TEST(TransportSendfile, WriteEofMeanwhileComesAfterTheFile) {
  const std::string text = support::pattern(500'000);
  const File file(text);
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file));
    co_await asyncio::sleep(2ms);
    line.transport.write_eof();
    EXPECT_TRUE(co_await support::all_from(line, text.size() + 1) == text);
    EXPECT_TRUE(line.ended());
    EXPECT_EQ(co_await sending, text.size());
    co_await close(line, script);
  }
}

// NET-131
ASYNC_TEST(TransportSendfile, RefusesWhatMakesNoSense) {
  const File file("text");
  Script script;
  const Line line = co_await support::line_to(script);
  EXPECT_EQ(co_await support::thrown_by_await(send(line, file, -1)),
            "invalid_argument: sendfile(): offset must be a non-negative integer (got -1)");
  EXPECT_EQ(co_await support::thrown_by_await(send(line, file, 0, 0)),
            "invalid_argument: sendfile(): count must be a positive integer (got 0)");
  EXPECT_TRUE(
      (co_await support::thrown_by_await(asyncio::get_running_loop().sendfile(line.transport, -1)))
          .ends_with("sendfile(): reading the file: Bad file descriptor"));
  auto other = asyncio::testing::new_virtual_loop();
  EXPECT_TRUE((co_await support::thrown_by_await(other->sendfile(line.transport, file.fd())))
                  .starts_with("RuntimeError: sendfile(): the transport belongs to another loop"));
  other->close();
  EXPECT_FALSE(line.transport.is_closing());
  EXPECT_TRUE(line.transport.is_reading());
  line.transport.write_eof();
  EXPECT_EQ(co_await support::thrown_by_await(send(line, file)),
            "RuntimeError: Cannot call sendfile() after write_eof()");
  line.transport.close();
  EXPECT_TRUE((co_await support::thrown_by_await(send(line, file)))
                  .starts_with("RuntimeError: sendfile(): Transport is closing"));
  co_await close(line, script);
}

// NET-131
ASYNC_TEST(TransportSendfile, WithoutAFallbackWhatTheSystemRefusesIsAnError) {
  const File file("text");
  Script script;
  const Line line = co_await support::line_to(script);
  {
    const Fault fault(Call::send_file, EINVAL);
    auto sending =
        asyncio::get_running_loop().sendfile(line.transport, file.fd(), 0, std::nullopt, false);
    const auto end = co_await asyncio::as_result(std::move(sending));
    EXPECT_TRUE(support::is_a<asyncio::SendfileNotAvailableError>(end.error()));
    EXPECT_EQ(line.arrived(), "");
    EXPECT_FALSE(line.transport.is_closing());
  }
  co_await close(line, script);
}

// NET-129: the system does it, where the backend lets it.
ASYNC_TEST(TransportSendfile, TheSystemSendsTheFile) {
  if (support::on_the_ring()) co_return;
  const File file("text");
  Script script;
  const Line line = co_await support::line_to(script);
  const Fault counts(Call::send_file, EINVAL, 1000);
  auto sending =
      asyncio::get_running_loop().sendfile(line.transport, file.fd(), 0, std::nullopt, false);
  EXPECT_EQ(co_await std::move(sending), 4U);
  EXPECT_GT(counts.seen(), 0U);
  EXPECT_EQ(line.arrived(), "text");
  co_await close(line, script);
}

// NET-129: a pipe has no positions.
ASYNC_TEST(TransportSendfile, SendsWhatIsInAPipe) {
  int ends[2];
  ASYNC_ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(::write(ends[1], "text", 4), 4);
  ::close(ends[1]);
  Script script;
  const Line line = co_await support::line_to(script);
  EXPECT_EQ(co_await asyncio::get_running_loop().sendfile(line.transport, ends[0]), 4U);
  EXPECT_EQ(co_await support::all_from(line, 4), "text");
  ::close(ends[0]);
  co_await close(line, script);
}

// failure 48
ASYNC_TEST(TransportSendfile, FileThatShrinksMeanwhileEndsWhereItEnds) {
  const std::string text = support::pattern(1'000'000);
  for (const Way way : ways) {
    const File file(text);
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file));
    co_await asyncio::sleep(5ms);
    const std::string first = line.arrived(1000);
    file.truncate(300'000);
    std::string all = first;
    while (!sending.done()) {
      all += line.arrived();
      co_await asyncio::sleep(1ms);
    }
    all += line.arrived();
    EXPECT_EQ(co_await sending, all.size());
    EXPECT_LE(all.size(), 700'000U);
    EXPECT_TRUE(all.substr(0, 300'000) == text.substr(0, 300'000));
    EXPECT_EQ(file.position(), static_cast<std::int64_t>(all.size()));
    co_await close(line, script);
  }
}

// failure 48: positions above 2 GiB, of a file with a hole.
ASYNC_TEST(TransportSendfile, PositionsAreNotCutOff) {
  constexpr std::int64_t far = std::int64_t{5} << 30;
  const File file;
  file.truncate(far);
  EXPECT_EQ(::pwrite(file.fd(), "text", 4, far), 4);
  for (const Way way : ways) {
    const Refused refused(way);
    Script script;
    const Line line = co_await support::line_to(script);
    EXPECT_EQ(co_await send(line, file, far - 4), 8U);
    EXPECT_EQ(co_await support::all_from(line, 8), std::string(4, '\0') + "text");
    EXPECT_EQ(file.position(), far + 4);
    co_await close(line, script);
  }
}

// NET-130, NET-133, failure 39
ASYNC_TEST(TransportSendfile, PeerThatGoesMeanwhileIsTheConnectionsError) {
  const std::string text = support::pattern(2'000'000);
  for (const Way way : ways) {
    const File file(text);
    const Refused refused(way);
    Script script;
    Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file));
    EXPECT_TRUE(co_await until([&] { return !line.arrived(10'000).empty(); }));
    line.peer.close();
    const auto end = co_await asyncio::as_result(sending);
    EXPECT_TRUE(support::is_a<std::system_error>(end.error())) << support::text_of(end.error());
    EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
    EXPECT_TRUE(support::text_of(script.error).ends_with("Broken pipe"))
        << support::text_of(script.error);
    EXPECT_EQ(support::text_of(script.error), support::text_of(end.error()));
    EXPECT_GT(file.position(), 0);
    EXPECT_LT(file.position(), 2'000'000);
    script.transport.reset();
  }
}

// NET-133: the peer has gone before.
ASYNC_TEST(TransportSendfile, PeerThatHasGoneIsTheConnectionsError) {
  for (const Way way : ways) {
    const File file("text");
    const Refused refused(way);
    Script script;
    script.keep_open = true;
    Line line = co_await support::line_to(script);
    line.peer.close();
    co_await asyncio::sleep(5ms);
    const auto end = co_await asyncio::as_result(send(line, file));
    EXPECT_TRUE(support::text_of(end.error()).ends_with("Broken pipe"))
        << support::text_of(end.error());
    EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
    script.transport.reset();
  }
}

// NET-131
ASYNC_TEST(TransportSendfile, CloseAndAbortMeanwhileEndIt) {
  const std::string text = support::pattern(2'000'000);
  for (const Way way : ways) {
    for (const bool abruptly : {false, true}) {
      const File file(text);
      const Refused refused(way);
      Script script;
      Line line = co_await support::narrow_line_to(script);
      auto sending = asyncio::create_task(send(line, file));
      co_await asyncio::sleep(5ms);
      if (abruptly) {
        line.transport.abort();
      } else {
        line.transport.close();
      }
      (void)co_await support::all_from(line, text.size());
      const auto end = co_await asyncio::as_result(sending);
      EXPECT_EQ(
          support::text_of(end.error()),
          "sendfile(): the connection was closed meanwhile: Software caused connection abort");
      EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
      EXPECT_EQ(script.error, nullptr);
      script.transport.reset();
    }
  }
}

// NET-130: an error of the file is not one of the connection.
ASYNC_TEST(TransportSendfile, ErrorOfTheFileLeavesTheConnectionOpen) {
  const std::string text = support::pattern(2'000'000);
  const File file(text);
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  const Fault fault(Call::send_file, EIO, 3);
  auto sending = asyncio::create_task(send(line, file));
  std::string all;
  while (!sending.done()) {
    all += line.arrived();
    co_await asyncio::sleep(1ms);
  }
  all += line.arrived();
  const auto end = co_await asyncio::as_result(sending);
  if (fault.injected() > 0) {
    EXPECT_EQ(support::text_of(end.error()), "sendfile(): Input/output error");
  }
  EXPECT_EQ(file.position(), static_cast<std::int64_t>(all.size()));
  EXPECT_TRUE(all == text.substr(0, all.size()));
  EXPECT_FALSE(line.transport.is_closing());
  line.transport.write("goes on");
  EXPECT_EQ(co_await support::all_from(line, 7), "goes on");
  co_await close(line, script);
}

// NET-130: what has gone out before a cancellation is where the position says.
ASYNC_TEST(TransportSendfile, CancellationLeavesTheConnectionOpenAndThePositionTrue) {
  const std::string text = support::pattern(2'000'000);
  for (const Way way : ways) {
    const File file(text);
    const Refused refused(way);
    Script script;
    const Line line = co_await support::narrow_line_to(script);
    auto sending = asyncio::create_task(send(line, file));
    std::string all;
    EXPECT_TRUE(co_await until([&] {
      all += line.arrived(1000);
      return !all.empty();
    }));
    sending.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(sending)).cancelled());
    const auto sent = static_cast<std::size_t>(file.position());
    EXPECT_GT(sent, 0U);
    EXPECT_TRUE(line.transport.is_reading());
    line.transport.write("goes on");
    all += co_await support::all_from(line, sent + 7 - all.size());
    EXPECT_TRUE(all == text.substr(0, sent) + "goes on");
    co_await close(line, script);
  }
}

namespace {

/// Sends a file that does not fit into the system's buffers, and reads it, in both ways.
Coro<> send_a_file(Way way) {
  const Refused refused(way);
  const std::string text(100'000, 'x');
  const File file(text);
  asyncio::SocketPair pair = asyncio::socketpair();
  pair.first.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
  auto factory = [] { return std::make_unique<asyncio::Protocol>(); };
  auto connecting = asyncio::get_running_loop().create_connection(factory, std::move(pair.first));
  auto [transport, protocol] = co_await std::move(connecting);
  auto sending = asyncio::create_task(asyncio::get_running_loop().sendfile(transport, file.fd()));
  std::size_t got = 0;
  std::vector<char> buffer(65536);
  while (!sending.done()) {
    const ssize_t n = ::recv(pair.second.fileno(), buffer.data(), buffer.size(), 0);
    if (n > 0) got += static_cast<std::size_t>(n);
    co_await asyncio::sleep(n > 0 ? 0ms : 1ms);
  }
  const std::size_t sent = co_await sending;
  for (ssize_t n = 1; n > 0; got += static_cast<std::size_t>(n > 0 ? n : 0)) {
    n = ::recv(pair.second.fileno(), buffer.data(), buffer.size(), 0);
  }
  support::require(sent == text.size() && got == sent, "a file is sent to its end");
  transport.abort();
}

}  // namespace

// NET-130, failure 96
TEST(TransportSendfile, CancellationAtAnyAwaitLeavesNothing) {
  const support::LogCapture reports;
  for (const Way way : ways) {
    EXPECT_EQ(asyncio::testing::cancel_at_each_await([way] { return send_a_file(way); }), "");
  }
}

TEST(TransportSendfile, AllocationThatFailsLeavesNothing) {
  const support::LogCapture reports;
  for (const Way way : ways) {
    EXPECT_EQ(asyncio::testing::fail_at_each_allocation([way] { return send_a_file(way); }), "");
  }
}

// failure 96
TEST(TransportSendfile, LoopThatClosesMeanwhileLeavesNothing) {
  const support::LogCapture reports;
  const std::int64_t before = asyncio::detail::live_blocks();
  for (const Way way : ways) {
    const Refused refused(way);
    const File file(support::pattern(2'000'000));
    Script script;
    auto loop = asyncio::testing::new_virtual_loop();
    std::optional<Line> line;
    auto begin = [&]() -> Coro<> {
      line.emplace(co_await support::narrow_line_to(script));
      (void)asyncio::create_task(send(*line, file));
      EXPECT_TRUE(co_await until([&] { return !line->arrived(1000).empty(); }));
    };
    loop->run_until_complete(begin());
    loop->close();
    EXPECT_EQ(reports.count("Task was destroyed but it is pending"), way == Way::any ? 1 : 2);
    EXPECT_EQ(script.alive, 0);
    EXPECT_GT(file.position(), 0);
    EXPECT_EQ(line->transport.fileno(), -1);
  }
  asyncio::detail::forget_failures();
  EXPECT_EQ(asyncio::detail::live_blocks(), before);
}
