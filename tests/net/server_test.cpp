// How a server listens, serves and closes.

#include <asyncio/server.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "io/fault.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/log_capture.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::Server;
using asyncio::Socket;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using support::difference;
using support::echo;
using support::Folder;
using support::open_descriptors;
using support::pass;
using support::pattern;
using support::thrown_by;
using support::thrown_by_await;

namespace {

/// A line there and back on a connection of its own.
Coro<std::string> ask(Address address, std::string line = "hello\n") {
  auto [reader, writer] = co_await asyncio::open_connection(address);
  writer.write(line);
  std::string answer = co_await reader.readline();
  co_await support::close(writer);
  co_return answer;
}

bool has_ipv6() {
  try {
    Socket socket(Address::Family::ipv6);
    socket.bind({"::1", 0});
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

bool is_socket(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}
bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

/// A socket file whose server has gone without removing it.
void leave_behind(const std::string& path) {
  Socket socket(Address::Family::unix_);
  socket.bind(Address::unix_path(path));
}

/// What the exception handler of the running loop is told while it lives.
class Reports {
 public:
  Reports() {
    asyncio::get_running_loop().set_exception_handler(
        [this](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
          messages.push_back(context.message);
          errors.push_back(support::text_of(context.exception));
        });
  }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;
  ~Reports() { asyncio::get_running_loop().set_exception_handler(nullptr); }

  std::vector<std::string> messages;
  std::vector<std::string> errors;
};

}  // namespace

// --- handlers -----------------------------------------------------------------------------------

// NET-041
ASYNC_TEST(Server, CallsAnyKindOfHandler) {
  struct Counting {
    int& calls;
    Coro<> operator()(StreamReader reader, StreamWriter writer) {
      ++calls;
      writer.write(co_await reader.readline());
    }
  };
  int calls = 0;
  auto object = co_await asyncio::start_server(Counting{calls}, "127.0.0.1", 0);
  EXPECT_EQ(co_await ask(object.sockets().at(0)), "hello\n");
  EXPECT_EQ(co_await ask(object.sockets().at(0)), "hello\n");
  EXPECT_EQ(calls, 2);
  auto plain = co_await asyncio::start_server(
      [](const StreamReader&, const StreamWriter& writer) { writer.write("plain\n"); }, "127.0.0.1",
      0);
  EXPECT_EQ(co_await ask(plain.sockets().at(0)), "plain\n");
  co_await support::close(object);
  co_await support::close(plain);
}

// NET-041
ASYNC_TEST(Server, RunsHandlersAsTasksOfTheirOwn) {
  asyncio::Event go;
  auto handler = [&](StreamReader, StreamWriter writer) -> Coro<> {
    co_await go.wait();
    writer.write("gone\n");
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  std::vector<asyncio::Task<std::string>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(create_task(ask(server.sockets().at(0))));
  while (server.clients() < 5) co_await asyncio::sleep(1ms);
  go.set();
  for (const auto& client : clients) EXPECT_EQ(co_await client, "gone\n");
  co_await support::close(server);
  EXPECT_EQ(server.clients(), 0U);
}

// NET-041: what is behind the limit does not fit a line
ASYNC_TEST(Server, GivesReadersItsLimit) {
  std::optional<std::size_t> limit;
  auto handler = [&](StreamReader reader, StreamWriter) { limit = reader.limit(); };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0, {.limit = 77});
  (void)co_await asyncio::as_result(ask(server.sockets().at(0)));
  EXPECT_EQ(limit, 77U);
  co_await support::close(server);
  EXPECT_EQ(co_await thrown_by_await(
                asyncio::start_server(&echo, "127.0.0.1", 0, asyncio::ServerOptions{.limit = 0})),
            "invalid_argument: StreamReader: Limit cannot be <= 0; leave it out");
}

// NET-042
ASYNC_TEST(Server, ReportsAHandlersErrorAndClosesItsConnection) {
  const Reports reports;
  auto handler = [](StreamReader reader, StreamWriter) -> Coro<> {
    const std::string line = co_await reader.readline();
    throw std::domain_error("what " + line);
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  for (const char* line : {"first\n", "second\n"}) {
    EXPECT_EQ(co_await ask(server.sockets().at(0), line), "");
  }
  ASYNC_ASSERT_EQ(reports.messages.size(), 2U);
  EXPECT_TRUE(reports.messages[0].starts_with("Unhandled exception in client_connected_cb"))
      << reports.messages[0];
  EXPECT_EQ(reports.errors[0], "what first\n");
  EXPECT_EQ(reports.errors[1], "what second\n");
  co_await support::close(server);
}

// NET-043
ASYNC_TEST(Server, ClosesTheConnectionOfACancelledHandlerSilently) {
  const Reports reports;
  std::optional<asyncio::AnyTask> task;
  auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
    task = asyncio::current_task();
    writer.write("wait\n");
    co_await reader.readline();
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  EXPECT_EQ(co_await reader.readline(), "wait\n");
  task->cancel();
  EXPECT_EQ(co_await reader.readline(), "");
  EXPECT_TRUE(reports.messages.empty());
  task.reset();
  co_await support::close(writer);
  co_await support::close(server);
}

// NET-044
ASYNC_TEST(Server, SendsAllThatAHandlerHasWrittenWhenItReturns) {
  constexpr std::size_t much = 6'000'000;
  auto handler = [](StreamReader, StreamWriter writer) -> Coro<> {
    writer.write(pattern(much));
    co_return;
  };
  for (const bool debug : {false, true}) {
    asyncio::get_running_loop().set_debug(debug);
    auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
    EXPECT_EQ(difference(co_await reader.read(), much), "");
    co_await support::close(writer);
    co_await support::close(server);
  }
  asyncio::get_running_loop().set_debug(false);
}

// NET-045, NET-076
ASYNC_TEST(Server, OwnsItsHandlersAndAwaitsThem) {
  asyncio::Event go;
  bool ended = false;
  auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
    (void)co_await reader.readline();
    writer.close();
    co_await go.wait();
    co_await asyncio::sleep(10ms);
    ended = true;
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  EXPECT_EQ(co_await ask(server.sockets().at(0)), "");
  server.close();
  auto waiting = create_task(server.wait_closed());
  co_await asyncio::sleep(10ms);
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(server.clients(), 1U) << "the handler, without its connection";
  go.set();
  co_await waiting;
  EXPECT_TRUE(ended);
}

// --- where it listens ---------------------------------------------------------------------------

// NET-063, NET-074
ASYNC_TEST(Server, ListensOnEveryInterface) {
  auto server = co_await asyncio::start_server(&echo, "", 0);
  const auto sockets = server.sockets();
  ASYNC_ASSERT_GE(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].host(), "0.0.0.0");
  EXPECT_EQ(co_await ask(Address("127.0.0.1", sockets[0].port())), "hello\n");
  if (has_ipv6()) {
    ASYNC_ASSERT_EQ(sockets.size(), 2U);
    EXPECT_EQ(sockets[1].host(), "::");
    EXPECT_EQ(co_await ask(Address("::1", sockets[1].port())), "hello\n");
  }
  co_await support::close(server);
}

// NET-063
ASYNC_TEST(Server, ListensOnSeveralHostsAndOnEachOnce) {
  const std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2", "127.0.0.1"};
  auto server = co_await asyncio::start_server(&echo, hosts, 0);
  const auto sockets = server.sockets();
  ASYNC_ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].host(), "127.0.0.1");
  EXPECT_EQ(sockets[1].host(), "127.0.0.2");
  EXPECT_NE(sockets[0].port(), 0);
  for (const Address& address : sockets) EXPECT_EQ(co_await ask(address), "hello\n");
  EXPECT_EQ(server.repr(), "<Server " + sockets[0].str() + " " + sockets[1].str() + ">");
  co_await support::close(server);
}

// NET-064
ASYNC_TEST(Server, SetsTheOptionsOfItsSockets) {
  // Two at one port only if both allow it.
  auto first = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.reuse_port = true});
  const std::uint16_t port = first.sockets().at(0).port();
  auto second = co_await asyncio::start_server(&echo, "127.0.0.1", port, {.reuse_port = true});
  auto third = co_await asyncio::as_result(asyncio::start_server(&echo, "127.0.0.1", port));
  EXPECT_FALSE(third);
  EXPECT_EQ(co_await ask(first.sockets().at(0)), "hello\n");
  co_await support::close(first);
  EXPECT_EQ(co_await ask(second.sockets().at(0)), "hello\n");
  co_await support::close(second);
  // A port with old connections is free at once.
  auto again = co_await asyncio::start_server(&echo, "127.0.0.1", port);
  EXPECT_EQ(co_await ask(again.sockets().at(0)), "hello\n");
  co_await support::close(again);
}

// NET-064: each family has the port to itself
ASYNC_TEST(Server, IPv6SocketsTakeNoIPv4) {
  if (!has_ipv6()) ASYNC_SKIP() << "no IPv6";
  for (int attempts = 0;; ++attempts) {
    auto six = co_await asyncio::start_server(&echo, "::", 0);
    const std::uint16_t port = six.sockets().at(0).port();
    auto four = co_await asyncio::as_result(asyncio::start_server(&echo, "0.0.0.0", port));
    co_await support::close(six);
    if (four) co_await support::close(four.value());
    if (four) co_return;
    ASYNC_ASSERT_LT(attempts, 20) << "no port is free for IPv4";  // others may have one of them
  }
}

// NET-065
ASYNC_TEST(Server, SaysWhatCannotBeBound) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const Address taken = server.sockets().at(0);
  const auto before = open_descriptors();
  const std::vector<std::string> hosts{"127.0.0.2", "127.0.0.1"};
  EXPECT_EQ(co_await thrown_by_await(asyncio::start_server(&echo, hosts, taken.port())),
            "system_error: error while attempting to bind on address " + taken.str() +
                ": Address already in use");
  EXPECT_EQ(open_descriptors(), before) << "the socket that was bound stays open";
  // An address that this machine does not have is passed over, unless there is no other.
  const std::vector<std::string> absent{"192.0.2.1", "127.0.0.1"};
  auto other = co_await asyncio::start_server(&echo, absent, 0);
  ASYNC_ASSERT_EQ(other.sockets().size(), 1U);
  EXPECT_EQ(other.sockets()[0].host(), "127.0.0.1");
  EXPECT_EQ(co_await thrown_by_await(asyncio::start_server(&echo, "192.0.2.1", 0)),
            "system_error: could not bind on any address out of [192.0.2.1:0]: Cannot assign "
            "requested address");
  co_await support::close(server);
  co_await support::close(other);
}

// NET-065: a socket that is bound and cannot listen
ASYNC_TEST(Server, LeavesNothingOpenWhenItCannotListen) {
  const auto before = open_descriptors();
  const Fault fault(Call::listen, EADDRINUSE, 1);
  const std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2"};
  const std::string error = co_await thrown_by_await(asyncio::start_server(&echo, hosts, 0));
  EXPECT_TRUE(error.starts_with("system_error: listen at 127.0.0.2:")) << error;
  co_await pass();
  EXPECT_EQ(open_descriptors(), before);
}

// NET-066
ASYNC_TEST(Server, RefusesSocketsThatCannotListen) {
  EXPECT_TRUE(
      thrown_by([] {
        (void)asyncio::start_server(&echo, Socket(Address::Family::ipv4, Socket::Type::datagram));
      }).starts_with("invalid_argument: start_server(): A Stream Socket was expected, got"));
  EXPECT_EQ(thrown_by([] { (void)asyncio::start_server(&echo, Socket()); }),
            "invalid_argument: start_server(): there is no socket; make one, or adopt() one");
  co_await pass();
}

// NET-067
ASYNC_TEST(Server, ListensWhenItIsToldTo) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.start_serving = false});
  const Address address = server.sockets().at(0);
  EXPECT_FALSE(server.is_serving());
  EXPECT_FALSE(co_await asyncio::as_result(ask(address)));
  server.start_serving();
  server.start_serving();
  EXPECT_TRUE(server.is_serving());
  EXPECT_EQ(co_await ask(address), "hello\n");
  co_await support::close(server);
  EXPECT_FALSE(server.is_serving());
  EXPECT_EQ(thrown_by([&] { server.start_serving(); }),
            "RuntimeError: start_serving(): the server is closed; start a new one");
  auto forever = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.start_serving = false});
  auto serving = create_task(forever.serve_forever());
  co_await pass();
  EXPECT_TRUE(forever.is_serving());
  forever.close();
  co_await serving;
}

// NET-068
ASYNC_TEST(Server, ServesMoreAtOnceThanItsBacklog) {
  for (const int backlog : {0, 1, 3}) {
    auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0, {.backlog = backlog});
    std::vector<asyncio::Task<std::string>> clients;
    for (int i = 0; i <= backlog; ++i) {  // the system would have more of them wait for seconds
      clients.push_back(create_task(ask(server.sockets().at(0))));
    }
    for (const auto& client : clients) {
      EXPECT_EQ(co_await asyncio::wait_for(client, 20s), "hello\n") << backlog;
    }
    EXPECT_EQ(co_await asyncio::wait_for(ask(server.sockets().at(0)), 20s), "hello\n") << backlog;
    co_await support::close(server);
  }
}

// NET-069
ASYNC_TEST(Server, ReportsAConnectionThatCannotBeSetUp) {
  const Reports reports;
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const Address address = server.sockets().at(0);
  auto [reader, writer] = co_await asyncio::open_connection(address);
  {
    // The client's own registrations have been made.
    const Fault fault(Call::epoll_control, ENOSPC);
    writer.write("x");
    (void)co_await asyncio::as_result(reader.read(1));
    if (fault.injected() == 0) {  // no epoll
      co_await support::close(writer);
      co_await support::close(server);
      co_return;
    }
  }
  ASYNC_ASSERT_EQ(reports.messages.size(), 1U);
  EXPECT_EQ(reports.messages[0],
            "a connection that was accepted could not be set up; it is closed");
  EXPECT_EQ(co_await ask(address), "hello\n") << "the server does not go on";
  writer.abort();
  co_await support::close(server);
}

// NET-072
ASYNC_TEST(Server, TakesASocketThatIsBound) {
  Socket socket(Address::Family::ipv4);
  socket.bind({"127.0.0.1", 0});
  const Address address = socket.getsockname();
  auto server = asyncio::start_server(&echo, std::move(socket));
  EXPECT_EQ(server.sockets(), std::vector<Address>(1, address));
  EXPECT_EQ(co_await ask(address), "hello\n");
  co_await support::close(server);
}

// --- Unix sockets -------------------------------------------------------------------------------

// NET-039, NET-041, NET-070, NET-071
ASYNC_TEST(UnixServer, ServesAndRemovesItsSocketFile) {
  const Folder directory;
  const std::string path = directory / "socket";
  auto server = co_await asyncio::start_unix_server(&echo, path);
  EXPECT_EQ(server.sockets().at(0).path(), path);
  EXPECT_TRUE(is_socket(path));
  auto [reader, writer] = co_await asyncio::open_unix_connection(path);
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  EXPECT_EQ(writer.peername().path(), path);
  server.close();
  EXPECT_FALSE(exists(path));
  writer.write("still here\n");
  EXPECT_EQ(co_await reader.readline(), "still here\n");
  co_await support::close(writer);
  co_await server.wait_closed();
}

// NET-070, failure 51
ASYNC_TEST(UnixServer, ReplacesASocketFileThatWasLeftBehind) {
  const Folder directory;
  const std::string path = directory / "socket";
  leave_behind(path);
  ASYNC_ASSERT_TRUE(is_socket(path));
  auto server = co_await asyncio::start_unix_server(&echo, path);
  EXPECT_EQ(co_await ask(Address::unix_path(path)), "hello\n");
  co_await support::close(server);
}

// NET-070, failure 51
ASYNC_TEST(UnixServer, LeavesFilesOfOthersAlone) {
  const Folder directory;
  const std::string path = directory / "file";
  std::ofstream(path) << "precious";
  const std::string in_use = "system_error: error while attempting to bind on address " + path +
                             ": Address already in use";
  EXPECT_EQ(co_await thrown_by_await(asyncio::start_unix_server(&echo, path)), in_use);
  EXPECT_TRUE(exists(path));
  const std::string target = directory / "target";
  leave_behind(target);
  const std::string link = directory / "link";
  ASYNC_ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
  EXPECT_FALSE(co_await asyncio::as_result(asyncio::start_unix_server(&echo, link)));
  EXPECT_TRUE(is_socket(target));
  EXPECT_EQ(co_await thrown_by_await(asyncio::start_unix_server(&echo, "/nonexistent/dir/socket")),
            "system_error: error while attempting to bind on address /nonexistent/dir/socket: No "
            "such file or directory");
}

// NET-070: CPython has an IndexError for it
ASYNC_TEST(UnixServer, RefusesAnEmptyPath) {
  EXPECT_EQ(co_await thrown_by_await(asyncio::start_unix_server(&echo, "")),
            "invalid_argument: start_unix_server(): the path is empty; give one, or \"@NAME\" for "
            "an abstract name");
}

// NET-070, failure 51
ASYNC_TEST(UnixServer, RefusesAPathThatIsTooLong) {
  const Folder directory;
  const std::string path = "/tmp/" + std::string(103, 'x');  // 108 bytes
  EXPECT_TRUE(
      (co_await thrown_by_await(asyncio::start_unix_server(&echo, path)))
          .starts_with("invalid_argument: Address: the path of a Unix socket has 108 bytes"));
  EXPECT_TRUE(
      (co_await thrown_by_await([](std::string name) -> Coro<> {
        (void)co_await asyncio::open_unix_connection(name);
      }(path)))
          .starts_with("invalid_argument: Address: the path of a Unix socket has 108 bytes"));
  std::string longest = directory / "";
  longest += std::string(107 - longest.size(), 'x');
  auto server = co_await asyncio::start_unix_server(&echo, longest);
  EXPECT_EQ(co_await ask(Address::unix_path(longest)), "hello\n");
  co_await support::close(server);
  EXPECT_FALSE(exists(longest));
}

// NET-070, failure 51
ASYNC_TEST(UnixServer, ListensAtAnAbstractName) {
  const std::string name = "@asyncio-test-" + std::to_string(::getpid());
  auto server = co_await asyncio::start_unix_server(&echo, name);
  EXPECT_EQ(server.sockets().at(0).str(), name);
  EXPECT_EQ(server.repr(), "<Server " + name + ">");
  EXPECT_FALSE(exists(name));
  auto [reader, writer] = co_await asyncio::open_unix_connection(name);
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  co_await support::close(writer);
  // The same name as Python writes it.
  const std::string raw = '\0' + name.substr(1);
  EXPECT_EQ(co_await ask(Address::unix_path(raw)), "hello\n");
  EXPECT_FALSE(co_await asyncio::as_result(asyncio::start_unix_server(&echo, raw)));
  co_await support::close(server);
}

// NET-071
ASYNC_TEST(UnixServer, RemovesItsOwnSocketFileOnly) {
  const Folder directory;
  const std::string path = directory / "socket";
  auto replaced = co_await asyncio::start_unix_server(&echo, path);
  ASYNC_ASSERT_EQ(::rename(path.c_str(), (directory / "old").c_str()), 0);
  leave_behind(path);
  co_await support::close(replaced);
  EXPECT_TRUE(is_socket(path));
  ::unlink(path.c_str());
  auto gone = co_await asyncio::start_unix_server(&echo, path);
  ::unlink(path.c_str());
  co_await support::close(gone);
  auto kept = co_await asyncio::start_unix_server(&echo, path, {.cleanup_socket = false});
  co_await support::close(kept);
  EXPECT_TRUE(is_socket(path));
}

// NET-071: what cannot be looked at or removed stays where it is, and nothing else goes wrong
ASYNC_TEST(UnixServer, ServesAndClosesWhereFilesCannotBeRemoved) {
  const Folder directory;
  const std::string path = directory / "socket";
  leave_behind(path);
  {
    const Fault fault(Call::unlink, EACCES);
    EXPECT_FALSE(co_await asyncio::as_result(asyncio::start_unix_server(&echo, path)));
    EXPECT_EQ(fault.injected(), 1U);
  }
  for (const Call call : {Call::unlink, Call::status}) {
    auto server = co_await asyncio::start_unix_server(&echo, path);
    EXPECT_EQ(co_await ask(Address::unix_path(path)), "hello\n");
    const Fault fault(call, EACCES);
    server.close();
    EXPECT_EQ(fault.injected(), 1U);
    EXPECT_TRUE(is_socket(path));
    co_await server.wait_closed();
  }
}

// NET-071: also if nobody has closed it
TEST(UnixServer, SocketFileGoesWithTheLoop) {
  const Folder directory;
  const std::string path = directory / "socket";
  asyncio::testing::run([&]() -> Coro<> {
    (void)co_await asyncio::start_unix_server(&echo, path);
    EXPECT_TRUE(is_socket(path));
  });
  EXPECT_FALSE(exists(path));
}

// --- the server object --------------------------------------------------------------------------

// NET-074, NET-075, NET-082
ASYNC_TEST(Server, CloseStopsListeningAndNothingElse) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const Address address = server.sockets().at(0);
  EXPECT_TRUE(server.is_serving());
  EXPECT_EQ(&server.get_loop(), &asyncio::get_running_loop());
  EXPECT_EQ(server.repr(), "<Server " + address.str() + ">");
  auto [reader, writer] = co_await asyncio::open_connection(address);
  writer.write("one\n");
  EXPECT_EQ(co_await reader.readline(), "one\n");
  server.close();
  server.close();
  EXPECT_FALSE(server.is_serving());
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_EQ(server.repr(), "<Server closed>");
  EXPECT_FALSE(co_await asyncio::as_result(ask(address)));
  writer.write("two\n");
  EXPECT_EQ(co_await reader.readline(), "two\n");
  co_await support::close(writer);
  co_await server.wait_closed();
}

// NET-075: a server goes on without handles
ASYNC_TEST(Server, GoesOnWhenNobodyHoldsIt) {
  std::optional<Server> server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  const Address address = server->sockets().at(0);
  server.reset();
  EXPECT_EQ(co_await ask(address), "hello\n");
  while (asyncio::all_tasks().size() > 1) co_await asyncio::sleep(1ms);
}

// NET-076
ASYNC_TEST(Server, WaitClosedWaitsForTheCloseAndForAllConnections) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  auto first = create_task(server.wait_closed());
  auto cancelled = create_task(server.wait_closed());
  co_await pass();
  cancelled.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(cancelled)).cancelled());
  EXPECT_FALSE(first.done()) << "nobody has closed it";
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.write("x\n");
  EXPECT_EQ(co_await reader.readline(), "x\n");
  server.close();
  co_await asyncio::sleep(10ms);
  EXPECT_FALSE(first.done()) << "there is a connection";
  co_await support::close(writer);
  co_await first;
  co_await server.wait_closed();
}

// NET-077
ASYNC_TEST(Server, CloseClientsSendsWhatIsLeft) {
  constexpr std::size_t much = 6'000'000;
  asyncio::Event written;
  auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write(pattern(much));
    written.set();
    EXPECT_EQ(co_await reader.read(1), "");
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  co_await written.wait();
  server.close();
  server.close_clients();
  EXPECT_EQ(difference(co_await reader.read(), much), "");
  co_await server.wait_closed();
  co_await support::close(writer);
}

// NET-077
ASYNC_TEST(Server, AbortClientsDropsWhatIsLeft) {
  asyncio::Event written;
  auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write(pattern(6'000'000));
    written.set();
    EXPECT_EQ(co_await reader.read(1), "");
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto other = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  auto [other_reader, other_writer] = co_await asyncio::open_connection(other.sockets().at(0));
  co_await written.wait();
  server.close();
  server.abort_clients();
  co_await asyncio::wait_for(server.wait_closed(), 5s);  // although the client has read nothing
  other_writer.write("of another server\n");
  EXPECT_EQ(co_await other_reader.readline(), "of another server\n");
  writer.abort();
  co_await support::close(other_writer);
  co_await support::close(other);
}

// NET-078
ASYNC_TEST(Server, CancelledServeForeverClosesTheServer) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.write("x\n");
  EXPECT_EQ(co_await reader.readline(), "x\n");
  serving.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(serving)).cancelled());
  EXPECT_FALSE(server.is_serving());
  EXPECT_EQ(server.clients(), 0U);
  EXPECT_EQ(co_await reader.read(), "") << "the idle client does not keep it";
  co_await support::close(writer);
}

// NET-078: it waits for handlers that have something to do at the end
ASYNC_TEST(Server, CancelledServeForeverWaitsForItsHandlers) {
  asyncio::Event may_end;
  auto handler = [&](StreamReader reader, StreamWriter) -> Coro<> {
    co_await reader.read();
    co_await may_end.wait();
  };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  co_await pass();
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  while (server.clients() == 0) co_await asyncio::sleep(1ms);
  serving.cancel();
  EXPECT_EQ(co_await reader.read(), "");
  EXPECT_FALSE(serving.done());
  may_end.set();
  EXPECT_TRUE((co_await asyncio::as_result(serving)).cancelled());
  co_await support::close(writer);
}

// NET-079
ASYNC_TEST(Server, ServesForeverOnce) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  co_await pass();
  EXPECT_EQ(co_await thrown_by_await(server.serve_forever()),
            "RuntimeError: serve_forever(): the server is already being awaited on "
            "serve_forever() by another task; use wait_closed() there");
  server.close();
  co_await serving;
  EXPECT_EQ(co_await thrown_by_await(server.serve_forever()),
            "RuntimeError: serve_forever(): the server is closed; start a new one");
}

// NET-079: after a cancellation it is closed, not occupied
ASYNC_TEST(Server, CancelledServeForeverSaysThatItIsClosed) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  co_await pass();
  serving.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(serving)).cancelled());
  EXPECT_EQ(co_await thrown_by_await(server.serve_forever()),
            "RuntimeError: serve_forever(): the server is closed; start a new one");
}

// NET-080
ASYNC_TEST(Server, ServeForeverReturnsWhenItIsClosed) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  co_await asyncio::sleep(1ms);
  server.close();
  EXPECT_TRUE(co_await asyncio::as_result(serving));
}

// NET-081
ASYNC_TEST(Server, IsClosedAtTheEndOfAWith) {
  auto server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  std::string answer;
  auto body = [&](Server& inner) -> Coro<> { answer = co_await ask(inner.sockets().at(0)); };
  co_await asyncio::with(server, body);
  EXPECT_EQ(answer, "hello\n");
  EXPECT_FALSE(server.is_serving());
  EXPECT_EQ(server.clients(), 0U);
}

// failure 50: accepted by the system, and nobody has looked
ASYNC_TEST(Server, CloseLeavesNoConnectionThatItHasNotAcceptedYet) {
  int handled = 0;
  auto handler = [&](StreamReader, StreamWriter) { ++handled; };
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  co_await pass();
  Socket client(Address::Family::ipv4);
  auto& loop = asyncio::get_running_loop();
  co_await loop.sock_connect(client, server.sockets().at(0));
  server.close();
  co_await asyncio::wait_for(server.wait_closed(), 5s);
  // Served, or closed by the system.
  auto got = co_await asyncio::as_result(asyncio::wait_for(
      [](Socket& s) -> Coro<std::string> {
        co_return co_await asyncio::get_running_loop().sock_recv(s, 1);
      }(client),
      5s));
  EXPECT_TRUE(!got || got.value().empty());
  if (!got) {
    EXPECT_FALSE(support::is_a<asyncio::TimeoutError>(got.error())) << "left open";
  }
}

// failure 50: the handler's task was made and has not begun
ASYNC_TEST(Server, WaitClosedWaitsForAHandlerThatHasNotBegun) {
  int handled = 0;
  auto handler = [&](StreamReader, StreamWriter) { ++handled; };
  for (int turns = 0; turns < 6; ++turns) {
    auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    auto connecting = create_task(asyncio::open_connection(server.sockets().at(0)));
    for (int i = 0; i < turns; ++i) co_await pass();
    server.close();
    co_await asyncio::wait_for(server.wait_closed(), 5s);
    EXPECT_EQ(server.clients(), 0U);
    auto connection = co_await asyncio::as_result(connecting);
    if (connection) connection.value().writer.abort();
    co_await pass();
  }
}

// failure 50, NET-075: from where the server itself is at work
ASYNC_TEST(Server, CanBeClosedWhileItAccepts) {
  std::optional<Server> server;
  auto& loop = asyncio::get_running_loop();
  auto close_it = [&](StreamReader, StreamWriter) -> Coro<> {
    server->close();
    co_return;
  };
  loop.set_task_factory(asyncio::eager_task_factory);  // the handler runs inside the accepting
  server = co_await asyncio::start_server(close_it, "127.0.0.1", 0);
  const Address address = server->sockets().at(0);
  auto first = create_task(asyncio::open_connection(address));
  auto second = create_task(asyncio::open_connection(address));
  co_await asyncio::wait_for(server->wait_closed(), 5s);
  loop.set_task_factory(nullptr);
  for (const auto& task : {first, second}) {
    auto connection = co_await asyncio::as_result(task);
    if (connection) connection.value().writer.abort();
  }
  co_await pass();
}

// failure 1, NET-075: who is told that descriptors are lacking closes it
ASYNC_TEST(Server, CanBeClosedByTheExceptionHandler) {
  std::optional<Server> server = co_await asyncio::start_server(&echo, "127.0.0.1", 0);
  int told = 0;
  auto& loop = asyncio::get_running_loop();
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext&) {
    ++told;
    server->close();
  });
  const Fault fault(Call::accept, EMFILE, 0, 1000);
  auto connecting = create_task(asyncio::open_connection(server->sockets().at(0)));
  while (told == 0) co_await asyncio::sleep(1ms);
  co_await asyncio::wait_for(server->wait_closed(), 5s);
  auto connection = co_await asyncio::as_result(connecting);
  if (connection) connection.value().writer.abort();
  co_await pass();
  loop.set_exception_handler(nullptr);
  EXPECT_EQ(told, 1);
}
