// Protocols, systems and programs that misbehave.

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>
#include <asyncio/wait_for.hpp>

#include "io/fault.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"
#include "support/torture.hpp"
#include "testing/leftovers.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::KeyboardInterrupt;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using asyncio::testing::detail::Leftovers;
using support::Line;
using support::Log;
using support::Script;
using support::until;

namespace {

/// Lets a connection be called in every way, and waits for its end.
Coro<> through_all_calls(Script& script) {
  script.texts = false;
  Line line = co_await support::narrow_line_to(script);
  if (script.transport) line.transport.write(support::pattern(200'000));
  (void)::send(line.peer.fileno(), "data", 4, MSG_NOSIGNAL);
  for (int silent = 0; silent < 5 && !script.has("lost");) {
    silent = line.arrived().empty() ? silent + 1 : 0;
    co_await asyncio::sleep(silent > 0 ? 1ms : 0ms);
  }
  line.peer.close();
  for (int i = 0; i < 20 && !script.has("lost"); ++i) co_await asyncio::sleep(1ms);
  line.transport.abort();  // whatever was done: now it ends
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

const std::vector<std::string> calls = {"made", "data", "eof", "pause", "resume", "lost"};

/// Collects what is reported.
class Handler {
 public:
  explicit Handler(Log& log) {
    asyncio::get_running_loop().set_exception_handler(
        [&log](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
          log.push_back(context.message);
        });
  }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  ~Handler() { asyncio::get_running_loop().set_exception_handler(nullptr); }
};

std::string report_for(const std::string& call) {
  if (call == "made") return "Fatal error: protocol.connection_made() call failed.";
  if (call == "data") return "Fatal error: protocol.data_received() call failed.";
  if (call == "eof") return "Fatal error: protocol.eof_received() call failed.";
  if (call == "pause") return "protocol.pause_writing() failed";
  if (call == "resume") return "protocol.resume_writing() failed";
  return "protocol.connection_lost() failed";
}

bool is_fatal(const std::string& call) { return call == "made" || call == "data" || call == "eof"; }

}  // namespace

// NET-088, NET-090, NET-110
ASYNC_TEST(ProtocolFault, ExceptionOfEachCallIsReportedAndEndsTheConnectionIfItMust) {
  const std::vector<std::function<void()>> throws = {
      [] { throw std::runtime_error("no"); }, [] { throw std::bad_alloc(); }, [] { throw 42; },
      [] { throw asyncio::CancelledError("no"); }};
  for (const std::string& call : calls) {
    for (const auto& fail : throws) {
      Log messages;
      const Handler handler(messages);
      Script script;
      script.acts[call] = fail;
      co_await through_all_calls(script);
      ASYNC_ASSERT_FALSE(messages.empty()) << call;
      EXPECT_EQ(messages.front(), report_for(call));
      EXPECT_EQ(script.count("lost"), 1) << call;
      EXPECT_EQ(script.error != nullptr, is_fatal(call)) << call;
      EXPECT_EQ(script.alive, 0) << call;
    }
  }
}

// NET-090: an error of the system is the connection's end, and nothing to report but in debug mode.
ASYNC_TEST(ProtocolFault, SystemErrorsOfAProtocolAreReportedInDebugModeOnly) {
  auto& loop = asyncio::get_running_loop();
  const bool was_debug = loop.get_debug();
  for (const bool debug : {false, true}) {
    loop.set_debug(debug);
    Log messages;
    const Handler handler(messages);
    Script script;
    script.acts["data"] = [] { throw std::system_error(EIO, std::generic_category(), "mine"); };
    const Line line = co_await support::line_to(script);
    line.send("data");
    EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
    EXPECT_EQ(support::text_of(script.error), "mine: Input/output error");
    EXPECT_EQ(messages, debug ? (Log{report_for("data")}) : Log());
    script.transport.reset();
  }
  loop.set_debug(was_debug);
}

namespace {

/// Runs it to its end. Returns: how often KeyboardInterrupt has left the loop.
int interrupts(asyncio::EventLoop& loop, Coro<> coro) {
  int n = 0;
  asyncio::Task<> task = loop.create_task(std::move(coro));
  while (!task.done()) {
    try {
      loop.run_until_complete(task);
    } catch (const KeyboardInterrupt&) {
      ++n;
    }
  }
  return n;
}

}  // namespace

// The library's rule: nothing but KeyboardInterrupt leaves the loop, and that from everywhere.
TEST(ProtocolFault, KeyboardInterruptOfEachCallLeavesTheLoopAndEndsTheConnection) {
  for (const std::string& call : calls) {
    const Leftovers leftovers;
    {
      const support::LogCapture reports;
      Script script;
      bool thrown = false;
      script.acts[call] = [&] {
        if (!std::exchange(thrown, true)) throw KeyboardInterrupt();
      };
      auto loop = asyncio::testing::new_virtual_loop();
      EXPECT_EQ(interrupts(*loop, through_all_calls(script)), 1) << call;
      loop->run_until_complete(asyncio::sleep(1ms));  // it may have ended that, too
      script.transport.reset();
      EXPECT_EQ(script.count("lost"), 1) << call;
      EXPECT_EQ(script.alive, 0) << call;
      loop->close();
    }
    EXPECT_EQ(leftovers.describe(), "") << call;
  }
}

// The same of a server's factory; the server goes on.
TEST(ProtocolFault, KeyboardInterruptOfAFactoryLeavesTheLoopAndTheServerGoesOn) {
  const Leftovers leftovers;
  {
    Script script;
    bool thrown = false;
    auto loop = asyncio::testing::new_virtual_loop();
    std::optional<asyncio::Server> server;
    std::vector<asyncio::Socket> clients;
    auto factory = [&] {
      if (!std::exchange(thrown, true)) throw KeyboardInterrupt();
      return std::make_unique<support::Recorder>(script);
    };
    auto program = [&]() -> Coro<> {
      auto& running = asyncio::get_running_loop();
      server = co_await running.create_server(factory, "127.0.0.1", 0);
      for (int i = 0; i < 2; ++i) {
        clients.emplace_back(asyncio::Address::Family::ipv4);
        co_await running.sock_connect(clients.back(), server->sockets().at(0));
        EXPECT_TRUE(co_await until([&] { return thrown; }));
      }
      EXPECT_TRUE(co_await until([&] { return script.has("made"); }));
    };
    EXPECT_EQ(interrupts(*loop, program()), 1);
    script.transport.reset();
    server.reset();
    clients.clear();
    loop->close();
    EXPECT_EQ(script.alive, 0);
  }
  EXPECT_EQ(leftovers.describe(), "");
}

// Each act inside of each call: one end, nothing left.
ASYNC_TEST(ProtocolFault, EveryCallMayDoAnythingToItsTransport) {
  const std::vector<std::pair<std::string, std::function<void(Script&)>>> acts = {
      {"close", [](Script& s) { s.transport->close(); }},
      {"abort", [](Script& s) { s.transport->abort(); }},
      {"pause", [](Script& s) { s.transport->pause_reading(); }},
      {"pause and resume",
       [](Script& s) {
         s.transport->pause_reading();
         s.transport->resume_reading();
       }},
      {"write", [](Script& s) { s.transport->write("x"); }},
      {"write much and close",
       [](Script& s) {
         s.transport->write(support::pattern(200'000));
         s.transport->close();
       }},
      {"limits", [](Script& s) { s.transport->set_write_buffer_limits(0); }},
      {"drop", [](Script& s) { s.transport.reset(); }},
      {"close and throw",
       [](Script& s) {
         s.transport->close();
         throw std::runtime_error("no");
       }},
  };
  const support::LogCapture reports;
  for (const std::string& call : calls) {
    for (const auto& [name, act] : acts) {
      SCOPED_TRACE(name + " in " + call);
      Script script;
      bool done = false;
      script.acts[call] = [&script, &done, fn = &act] {
        if (!std::exchange(done, true) && script.transport) (*fn)(script);
      };
      co_await through_all_calls(script);
      EXPECT_EQ(script.count("made"), 1);
      EXPECT_EQ(script.count("lost"), 1);
      EXPECT_LE(script.count("eof"), 1);
      EXPECT_EQ(script.log.back(), "lost");
      EXPECT_EQ(script.alive, 0);
    }
  }
}

// NET-091: another protocol set inside of each call hears the rest.
ASYNC_TEST(ProtocolFault, EveryCallMaySetAnotherProtocol) {
  for (const std::string& call : calls) {
    SCOPED_TRACE(call);
    Script first;
    Script second;
    first.texts = second.texts = false;
    first.acts[call] = [&] {
      first.transport->set_protocol(std::make_unique<support::Recorder>(second));
      EXPECT_EQ(first.alive, 1);  // the call is inside it
      second.transport = first.transport;
    };
    Line line = co_await support::narrow_line_to(first);
    line.transport.write(support::pattern(300'000));
    line.send("data");
    (void)co_await support::all_from(line, 300'000);
    co_await asyncio::sleep(2ms);
    line.peer.close();
    EXPECT_TRUE(co_await until([&] { return line.transport.fileno() < 0; }));
    EXPECT_EQ(first.count("lost") + second.count("lost"), 1);
    EXPECT_EQ(first.count("data") + second.count("data"), 1);
    EXPECT_EQ(first.count("resume") + second.count("resume"), 1);
    EXPECT_EQ(first.log.back(), call);
    first.transport.reset();
    second.transport.reset();
    EXPECT_EQ(first.alive + second.alive, 0);
  }
}

// failure 92: the n-th system call of each kind fails, in a program with a client and a server.
TEST(ProtocolFault, FailingSystemCallsEndInAnErrorOrDoNoHarm) {
  const std::vector<std::pair<Call, std::vector<int>>> faults = {
      {Call::socket, {EMFILE, ENOBUFS}},
      {Call::connect, {ECONNREFUSED, ETIMEDOUT, EADDRNOTAVAIL}},
      {Call::bind, {EADDRINUSE, EACCES}},
      {Call::listen, {EADDRINUSE}},
      {Call::accept, {ECONNABORTED, EMFILE, EPERM}},
      {Call::option, {ENOPROTOOPT, EINVAL}},
      {Call::receive, {ECONNRESET, ETIMEDOUT}},
      {Call::send, {EPIPE, ECONNRESET, ENOBUFS}},
      {Call::shutdown, {ENOTCONN, EIO}},
      {Call::epoll_control, {ENOMEM, ENOSPC}},
  };
  const auto program = [](bool& served) -> Coro<> {
    struct Echo : asyncio::Protocol {
      std::optional<asyncio::Transport> transport;
      void connection_made(const asyncio::Transport& t) override { transport = t; }
      void data_received(std::string_view data) override { transport->write(data); }
    };
    auto& loop = asyncio::get_running_loop();
    auto server =
        co_await loop.create_server([] { return std::make_unique<Echo>(); }, "127.0.0.1", 0);
    Script script;
    script.texts = false;
    auto factory = [&] { return std::make_unique<support::Recorder>(script); };
    auto connecting = loop.create_connection(factory, "127.0.0.1", server.sockets().at(0).port());
    auto [transport, protocol] = co_await std::move(connecting);
    transport.write(std::string(100'000, 'x'));
    for (int i = 0; i < 3000 && script.received.size() < 100'000 && !script.has("lost"); ++i) {
      co_await asyncio::sleep(1ms);
    }
    served = script.received.size() == 100'000;
    transport.write_eof();
    for (int i = 0; i < 50 && !script.has("lost"); ++i) co_await asyncio::sleep(1ms);
    transport.abort();
    EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
    script.transport.reset();
    server.close();
    EXPECT_TRUE(served || script.error != nullptr || script.has("eof"));
    server.abort_clients();
    co_await server.wait_closed();
  };
  for (const auto& [call, errors] : faults) {
    for (const int error : errors) {
      for (std::uint64_t nth = 0; nth < 6; ++nth) {
        SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + " number " +
                     std::to_string(nth) + ": errno " + std::to_string(error));
        const support::LogCapture reports;
        bool served = false;
        bool failed = false;
        const auto disturbed = [&]() -> Coro<> {
          const Fault fault(call, error, nth);
          const auto end = co_await asyncio::as_result(program(served));
          failed = !end;
          EXPECT_TRUE(end || support::is_a<std::system_error>(end.error()))
              << support::text_of(end.error());
          if (fault.injected() == 0) {
            EXPECT_TRUE(served);
          }
        };
        EXPECT_EQ(asyncio::testing::run_test(disturbed), "");
      }
    }
  }
}

namespace {

/// Counts, and allocates nothing.
struct Calls {
  int made = 0;
  int lost = 0;
  std::size_t bytes = 0;
};
struct Counting : asyncio::Protocol {
  explicit Counting(std::shared_ptr<Calls> c) : calls(std::move(c)) {}
  void connection_made(const asyncio::Transport&) override { ++calls->made; }
  void data_received(std::string_view data) override { calls->bytes += data.size(); }
  void connection_lost(std::exception_ptr) override { ++calls->lost; }
  std::shared_ptr<Calls> calls;
};

/// What a program does with a connection, for the injections below.
Coro<> some_program() {
  const auto calls_made = std::make_shared<Calls>();
  const Calls& told = *calls_made;
  asyncio::SocketPair pair = asyncio::socketpair();
  pair.first.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
  auto factory = [&] { return std::make_unique<Counting>(calls_made); };
  auto connecting = asyncio::get_running_loop().create_connection(factory, std::move(pair.first));
  auto [transport, protocol] = co_await std::move(connecting);
  const std::string text(100'000, 'x');
  transport.write(text);
  transport.writelines({"one", "two"});
  (void)::send(pair.second.fileno(), "data", 4, MSG_NOSIGNAL);
  std::size_t got = 0;
  std::vector<char> buffer(65536);
  for (int i = 0; i < 5000 && got < text.size() + 6 && told.lost == 0; ++i) {
    const ssize_t n = ::recv(pair.second.fileno(), buffer.data(), buffer.size(), 0);
    if (n > 0) got += static_cast<std::size_t>(n);
    co_await asyncio::sleep(n > 0 ? 0ms : 1ms);
  }
  transport.close();
  for (int i = 0; i < 5000 && told.lost == 0; ++i) co_await asyncio::sleep(1ms);
  support::require(told.made == 1 && told.lost == 1, "a connection is made and lost once");
  support::require(told.bytes == 4 || got < text.size(), "what has come is told");
}

}  // namespace

// NET-054: a creator that is cancelled leaves nothing open.
TEST(ProtocolFault, CancellationAtAnyAwaitLeavesNothing) {
  const support::LogCapture reports;
  EXPECT_EQ(asyncio::testing::cancel_at_each_await([] { return some_program(); }), "");
  EXPECT_TRUE(reports.empty());
}

// NET-054
ASYNC_TEST(ProtocolFault, CreatorThatIsCancelledClosesItsConnection) {
  Script script;
  asyncio::SocketPair pair = asyncio::socketpair();
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto creating = asyncio::create_task(loop.create_connection(factory, std::move(pair.first)));
  script.acts["made"] = [&] { creating.cancel(); };
  EXPECT_TRUE((co_await asyncio::as_result(creating)).cancelled());
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  EXPECT_EQ(script.log, (Log{"made", "lost"}));
  script.transport.reset();
}

TEST(ProtocolFault, AllocationThatFailsLeavesNothing) {
  const support::LogCapture reports;
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation([] { return some_program(); }), "");
}
