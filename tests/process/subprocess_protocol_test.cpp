// A child process that calls a protocol.

#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess_protocol.hpp>
#include <asyncio/testing.hpp>

#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/processes.hpp"

#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::SubprocessProtocol;
using asyncio::SubprocessTransport;

namespace {

struct Recorder : SubprocessProtocol {
  void connection_made(const SubprocessTransport& transport) override {
    events.push_back("made");
    pid = transport.get_pid();
  }
  void pipe_data_received(int fd, std::string_view data) override { received[fd] += data; }
  void pipe_connection_lost(int fd, std::exception_ptr error) override {
    events.push_back("pipe " + std::to_string(fd) + (error ? " error" : ""));
  }
  void process_exited() override { events.push_back("exited"); }
  void connection_lost(std::exception_ptr error) override {
    over.set();
    events.push_back(error ? "lost by error" : "lost");
  }
  std::vector<std::string> events;
  std::string received[3];
  asyncio::Event over;
  int pid = 0;
};

auto make() { return std::make_unique<Recorder>(); }

int position(const std::vector<std::string>& events, const std::string& event) {
  return static_cast<int>(std::find(events.begin(), events.end(), event) - events.begin());
}

}  // namespace

// PROC-027, PROC-003, PROC-029
ASYNC_TEST(SubprocessProtocol, IsToldOfEverythingAndOfTheEndLast) {
  auto& loop = asyncio::get_running_loop();
  auto [transport, protocol] =
      co_await loop.subprocess_shell(make, "cat; echo to stderr >&2; exit 7");
  EXPECT_EQ(protocol->events, std::vector<std::string>{"made"});
  EXPECT_EQ(protocol->pid, transport.get_pid());
  EXPECT_EQ(transport.get_returncode(), std::nullopt);
  transport.get_pipe_transport(0)->write("hello");
  transport.get_pipe_transport(0)->write_eof();
  co_await protocol->over.wait();
  EXPECT_EQ(protocol->received[1], "hello");
  EXPECT_EQ(protocol->received[2], "to stderr\n");
  EXPECT_EQ(transport.get_returncode(), 7);
  EXPECT_EQ(protocol->events.size(), 6U);
  EXPECT_EQ(protocol->events.back(), "lost");
  for (const char* event : {"pipe 0", "pipe 1", "pipe 2", "exited"}) {
    EXPECT_LT(position(protocol->events, event), 5) << event;
  }
  EXPECT_EQ(transport.get_pipe_transport(3).has_value(), false);
}

// PROC-028: it has written and ended before anybody was told that it began.
ASYNC_TEST(SubprocessProtocol, IsToldOfTheBeginningFirst) {
  auto& loop = asyncio::get_running_loop();
  for (int i = 0; i < 20; ++i) {
    auto [transport, protocol] = co_await loop.subprocess_exec(make, {"echo", "out"});
    co_await protocol->over.wait();
    EXPECT_EQ(protocol->events.front(), "made");
    EXPECT_EQ(protocol->events.back(), "lost");
    EXPECT_EQ(protocol->received[1], "out\n");
  }
}

// PROC-003, PROC-029
ASYNC_TEST(SubprocessProtocol, HasThePipesThatItIsGiven) {
  auto& loop = asyncio::get_running_loop();
  auto [transport, protocol] = co_await loop.subprocess_exec(
      make, {"cat"},
      {.stdin_ = asyncio::subprocess::DEVNULL, .stderr_ = asyncio::subprocess::STDOUT});
  EXPECT_FALSE(transport.get_pipe_transport(0));
  EXPECT_TRUE(transport.get_pipe_transport(1));
  EXPECT_FALSE(transport.get_pipe_transport(2));
  EXPECT_FALSE(transport.get_pipe_transport(-1));
  const std::string pid = std::to_string(transport.get_pid());
  co_await protocol->over.wait();
  EXPECT_EQ(transport.repr(), "<SubprocessTransport closed pid=" + pid + " returncode=0>");
  EXPECT_EQ(transport.get_protocol(), nullptr);
}

// PROC-030
ASYNC_TEST(SubprocessProtocol, CloseKillsOneThatRuns) {
  auto& loop = asyncio::get_running_loop();
  auto [transport, protocol] = co_await loop.subprocess_exec(make, {"sleep", "100"});
  EXPECT_EQ(transport.repr(),
            "<SubprocessTransport pid=" + std::to_string(protocol->pid) + " running>");
  transport.close();
  EXPECT_TRUE(transport.is_closing());
  transport.close();
  co_await protocol->over.wait();
  EXPECT_EQ(transport.get_returncode(), -SIGKILL);
  EXPECT_EQ(protocol->events.back(), "lost");
}

// PROC-030
ASYNC_TEST(SubprocessProtocol, CloseAfterTheEndDoesNothing) {
  auto& loop = asyncio::get_running_loop();
  auto [transport, protocol] = co_await loop.subprocess_exec(make, {"true"});
  co_await protocol->over.wait();
  transport.close();
  EXPECT_EQ(transport.get_returncode(), 0);
  EXPECT_EQ(support::thrown_by([&] { transport.kill(); }).substr(0, 30),
            "system_error: send signal 9 to");
}

// PROC-021, PROC-029
ASYNC_TEST(SubprocessProtocol, SendsSignals) {
  auto& loop = asyncio::get_running_loop();
  for (const int signal : {SIGTERM, SIGKILL, SIGINT}) {
    auto [transport, protocol] = co_await loop.subprocess_exec(make, {"sleep", "100"});
    transport.send_signal(signal);
    co_await protocol->over.wait();
    EXPECT_EQ(transport.get_returncode(), -signal);
  }
}

// The transport may be forgotten.
ASYNC_TEST(SubprocessProtocol, GoesOnWithoutAHandle) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ProtocolPtr<Recorder> protocol;
  {
    auto connected = co_await loop.subprocess_shell(make, "echo x; exit 1");
    protocol = connected.protocol;
  }
  co_await protocol->over.wait();
  EXPECT_EQ(protocol->received[1], "x\n");
}

// A child that does not read.
ASYNC_TEST(SubprocessProtocol, IsToldThatNobodyReadsWhatItWrites) {
  auto& loop = asyncio::get_running_loop();
  auto [transport, protocol] = co_await loop.subprocess_shell(make, "exec 0<&-; exec sleep 100");
  const asyncio::Transport in = *transport.get_pipe_transport(0);
  while (position(protocol->events, "pipe 0") == static_cast<int>(protocol->events.size())) {
    co_await asyncio::sleep(1ms);
  }
  EXPECT_TRUE(in.is_closing());
  EXPECT_EQ(transport.get_returncode(), std::nullopt);
  transport.kill();
  co_await protocol->over.wait();
}

// PROC-005
ASYNC_TEST(SubprocessProtocol, WhatCannotBeStartedIsAnError) {
  auto& loop = asyncio::get_running_loop();
  const std::vector<int> before = support::open_descriptors();
  EXPECT_EQ(co_await support::thrown_by_await(loop.subprocess_exec(make, {"no such program"})),
            "system_error: start \"no such program\": No such file or directory");
  EXPECT_EQ(support::open_descriptors(), before);
}

// PROC-008
TEST(SubprocessProtocol, CancelledWhileItIsStartedKillsIt) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await([]() -> asyncio::Coro<> {
              auto& loop = asyncio::get_running_loop();
              auto [transport, protocol] = co_await loop.subprocess_exec(make, {"cat"});
              transport.close();
              co_await protocol->over.wait();
            }),
            "");
  EXPECT_EQ(support::children(), 0);
}

TEST(SubprocessProtocol, WithoutMemoryItFailsAndLeavesNothing) {
  const support::LogCapture log;
  const std::vector<int> before = support::open_descriptors();
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation([]() -> asyncio::Coro<> {
              auto& loop = asyncio::get_running_loop();
              auto [transport, protocol] = co_await loop.subprocess_exec(make, {"cat"});
              transport.close();
              co_await protocol->over.wait();
            }),
            "");
  EXPECT_EQ(support::children(), 0);
  EXPECT_EQ(support::open_descriptors(), before);
}

// The loop ends first.
TEST(SubprocessProtocol, LoopThatEndsKillsIt) {
  asyncio::ProtocolPtr<Recorder> protocol;
  const std::vector<int> before = support::open_descriptors();
  asyncio::run([&]() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    auto connected = co_await loop.subprocess_exec(make, {"sleep", "100"});
    protocol = connected.protocol;
  });
  EXPECT_EQ(protocol->events, std::vector<std::string>{"made"});
  EXPECT_EQ(support::state_of_process(protocol->pid), 0);
  EXPECT_EQ(support::open_descriptors(), before);
}
