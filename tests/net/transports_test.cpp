// How connections and servers of protocols are made.

#include <asyncio/transports.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"
#include "support/sockets.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using support::has_nodelay;
using support::Log;
using support::Recorder;
using support::Script;
using support::until;

namespace {

auto recorder_of(Script& script) {
  return [&script] { return std::make_unique<Recorder>(script); };
}

struct Echo : asyncio::Protocol {
  std::optional<asyncio::Transport> transport;
  void connection_made(const asyncio::Transport& t) override { transport = t; }
  void data_received(std::string_view data) override { transport->write(data); }
};

std::unique_ptr<Echo> echo() { return std::make_unique<Echo>(); }

/// Says hello, hears it, and closes.
Coro<> say_hello(asyncio::Transport transport, Script& script) {
  transport.write("hello");
  EXPECT_TRUE(co_await until([&] { return script.received == "hello"; }));
  transport.close();
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

Coro<> close(asyncio::Server server) {
  server.close();
  co_await server.wait_closed();
}

}  // namespace

// NET-056, NET-057
ASYNC_TEST(Transports, TheFactoryIsCalledOnceWhenTheConnectionIsUp) {
  auto& loop = asyncio::get_running_loop();
  auto server = co_await loop.create_server(echo, "127.0.0.1", 0);
  Script script;
  int made = 0;
  auto factory = [&] {
    ++made;
    return std::make_unique<Recorder>(script);
  };
  const Address address = server.sockets().at(0);
  auto [transport, protocol] =
      co_await loop.create_connection(factory, "127.0.0.1", address.port());
  EXPECT_EQ(made, 1);
  EXPECT_EQ(script.log, (Log{"made"}));
  EXPECT_EQ(script.transport, transport);
  EXPECT_EQ(transport.get_protocol(), protocol.get());
  EXPECT_EQ(transport.peername(), address);
  EXPECT_TRUE(has_nodelay(transport.fileno()));
  co_await say_hello(transport, script);
  co_await close(server);
}

// NET-057: what is not up has no protocol.
ASYNC_TEST(Transports, RefusedConnectionCallsNoFactory) {
  Socket unused(Address::Family::ipv4);
  unused.bind({"127.0.0.1", 0});
  const std::uint16_t port = unused.getsockname().port();
  unused.close();
  bool made = false;
  auto factory = [&] {
    made = true;
    return echo();
  };
  auto& loop = asyncio::get_running_loop();
  EXPECT_TRUE(
      (co_await support::thrown_by_await(loop.create_connection(factory, "127.0.0.1", port)))
          .ends_with("Connection refused"));
  EXPECT_FALSE(made);
}

// NET-057
ASYNC_TEST(Transports, WhatTheFactoryThrowsIsThrownAndNothingStaysOpen) {
  auto& loop = asyncio::get_running_loop();
  auto fail = []() -> std::unique_ptr<Echo> { throw std::runtime_error("no"); };
  auto nothing = []() -> std::unique_ptr<Echo> { return nullptr; };
  asyncio::SocketPair first = asyncio::socketpair();
  asyncio::SocketPair second = asyncio::socketpair();
  EXPECT_EQ(co_await support::thrown_by_await(loop.create_connection(fail, std::move(first.first))),
            "runtime_error: no");
  EXPECT_TRUE(
      (co_await support::thrown_by_await(loop.create_connection(nothing, std::move(second.first))))
          .starts_with("invalid_argument: create_connection(): the protocol factory has "
                       "returned null"));
  char byte = 0;
  EXPECT_EQ(::recv(first.second.fileno(), &byte, 1, 0), 0);
  EXPECT_EQ(::recv(second.second.fileno(), &byte, 1, 0), 0);
}

// NET-057
ASYNC_TEST(Transports, ServerGoesOnWhenAFactoryThrows) {
  const support::LogCapture reports;
  auto& loop = asyncio::get_running_loop();
  Script script;
  int n = 0;
  auto factory = [&]() -> std::unique_ptr<Recorder> {
    if (++n == 1) throw std::runtime_error("no");
    if (n == 2) return nullptr;
    return std::make_unique<Recorder>(script);
  };
  auto server = co_await loop.create_server(factory, "127.0.0.1", 0);
  std::vector<Socket> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(Address::Family::ipv4);
    co_await loop.sock_connect(clients.back(), server.sockets().at(0));
  }
  EXPECT_TRUE(co_await until([&] { return script.has("made"); }));
  EXPECT_EQ(reports.count("a connection that was accepted could not be set up"), 2);
  EXPECT_EQ(server.clients(), 1U);
  clients.clear();
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
  co_await close(server);
}

// NET-046, NET-059
ASYNC_TEST(Transports, SocketOfAnotherKindIsRefused) {
  auto& loop = asyncio::get_running_loop();
  Socket datagram(Address::Family::ipv4, Socket::Type::datagram);
  EXPECT_NE((co_await support::thrown_by_await(loop.create_connection(echo, std::move(datagram))))
                .find("A Stream Socket was expected, got "),
            std::string::npos);
  Socket ip(Address::Family::ipv4);
  EXPECT_NE((co_await support::thrown_by_await(loop.create_unix_connection(echo, std::move(ip))))
                .find("A UNIX Domain Stream Socket was expected, got "),
            std::string::npos);
  Socket other(Address::Family::ipv4);
  EXPECT_NE(support::thrown_by([&] {
              (void)loop.create_unix_server(echo, std::move(other), asyncio::ServerOptions());
            }).find("A UNIX Domain Stream Socket was expected, got "),
            std::string::npos);
  EXPECT_TRUE((co_await support::thrown_by_await(loop.create_connection(echo, Socket())))
                  .starts_with("invalid_argument: "));
}

// NET-056, NET-060
ASYNC_TEST(Transports, SocketThatIsConnectedBecomesATransport) {
  auto& loop = asyncio::get_running_loop();
  auto server = co_await loop.create_server(echo, "127.0.0.1", 0);
  Socket socket(Address::Family::ipv4);
  co_await loop.sock_connect(socket, server.sockets().at(0));
  EXPECT_FALSE(has_nodelay(socket.fileno()));
  Script script;
  auto [transport, protocol] =
      co_await loop.create_connection(recorder_of(script), std::move(socket));
  EXPECT_TRUE(has_nodelay(transport.fileno()));
  co_await say_hello(transport, script);
  co_await close(server);
}

// NET-060: one that is not connected is the protocol's to find out.
ASYNC_TEST(Transports, SocketThatIsNotConnectedIsLostWithItsError) {
  Script script;
  auto& loop = asyncio::get_running_loop();
  auto [transport, protocol] =
      co_await loop.create_connection(recorder_of(script), Socket(Address::Family::ipv4));
  EXPECT_TRUE(co_await until([&] { return script.has("lost") || script.has("eof"); }));
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

// A task that receives from a socket would hear nothing any more.
ASYNC_TEST(Transports, SocketThatATaskWaitsForIsRefused) {
  auto& loop = asyncio::get_running_loop();
  asyncio::SocketPair pair = asyncio::socketpair();
  Socket socket = std::move(pair.first);
  auto receiving = asyncio::create_task([](Socket& s) -> Coro<std::string> {
    co_return co_await asyncio::get_running_loop().sock_recv(s, 10);
  }(socket));
  co_await asyncio::sleep(1ms);
  EXPECT_TRUE((co_await support::thrown_by_await(loop.create_connection(echo, std::move(socket))))
                  .starts_with("RuntimeError: create_connection(): an operation still waits for "));
  receiving.cancel();
  (void)co_await asyncio::as_result(receiving);
}

// NET-058
ASYNC_TEST(Transports, AcceptedSocketBecomesATransport) {
  auto& loop = asyncio::get_running_loop();
  Socket listener(Address::Family::ipv4);
  listener.bind({"127.0.0.1", 0});
  listener.listen();
  Socket client(Address::Family::ipv4);
  co_await loop.sock_connect(client, listener.getsockname());
  auto [connection, address] = co_await loop.sock_accept(listener);
  Script script;
  auto [transport, protocol] =
      co_await loop.connect_accepted_socket(recorder_of(script), std::move(connection));
  EXPECT_EQ(transport.peername(), client.getsockname());
  co_await loop.sock_sendall(client, "hello");
  EXPECT_TRUE(co_await until([&] { return script.has("hello"); }));
  client.close();
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

// NET-059
ASYNC_TEST(Transports, UnixServersAndConnections) {
  const support::Folder folder;
  const std::string path = folder / "socket";
  auto& loop = asyncio::get_running_loop();
  auto server = co_await loop.create_unix_server(echo, path);
  {
    Script script;
    auto [transport, protocol] = co_await loop.create_unix_connection(recorder_of(script), path);
    co_await say_hello(transport, script);
  }
  {
    Socket socket(Address::Family::unix_);
    co_await loop.sock_connect(socket, Address::unix_path(path));
    Script script;
    auto [transport, protocol] =
        co_await loop.create_unix_connection(recorder_of(script), std::move(socket));
    co_await say_hello(transport, script);
  }
  co_await close(server);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  EXPECT_TRUE((co_await support::thrown_by_await(loop.create_unix_connection(echo, path)))
                  .ends_with("No such file or directory"));
}

// NET-056: also what a socket of the user's accepts.
ASYNC_TEST(Transports, ServerOnASocketThatIsBound) {
  auto& loop = asyncio::get_running_loop();
  Script serving;
  Socket socket(Address::Family::ipv4);
  socket.bind({"127.0.0.1", 0});
  auto server =
      loop.create_server(recorder_of(serving), std::move(socket), asyncio::ServerOptions());
  auto [transport, protocol] =
      co_await loop.create_connection(echo, "127.0.0.1", server.sockets().at(0).port());
  EXPECT_TRUE(co_await until([&] { return serving.has("made"); }));
  EXPECT_TRUE(has_nodelay(serving.transport->fileno()));
  co_await say_hello(*serving.transport, serving);
  co_await close(server);
}

// Several hosts, and options.
ASYNC_TEST(Transports, ServerOnSeveralHostsThatServesLater) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ServerOptions options;
  options.start_serving = false;
  const std::vector<std::string> hosts = {"127.0.0.1", "127.0.0.2"};
  auto server = co_await loop.create_server(echo, hosts, 0, options);
  EXPECT_EQ(server.sockets().size(), 2U);
  EXPECT_FALSE(server.is_serving());
  server.start_serving();
  for (const Address& address : server.sockets()) {
    Script script;
    auto [transport, protocol] =
        co_await loop.create_connection(recorder_of(script), address.host(), address.port());
    co_await say_hello(transport, script);
  }
  co_await close(server);
}

// A server's connections can be ended at once.
ASYNC_TEST(Transports, ServerClosesOrAbortsItsConnections) {
  auto& loop = asyncio::get_running_loop();
  for (const bool abruptly : {false, true}) {
    Script serving;
    auto server = co_await loop.create_server(recorder_of(serving), "127.0.0.1", 0);
    auto [transport, protocol] =
        co_await loop.create_connection(echo, "127.0.0.1", server.sockets().at(0).port());
    EXPECT_TRUE(co_await until([&] { return serving.has("made"); }));
    EXPECT_EQ(server.clients(), 1U);
    server.close();
    EXPECT_FALSE(serving.transport->is_closing());
    if (abruptly) {
      server.abort_clients();
    } else {
      server.close_clients();
    }
    co_await server.wait_closed();
    EXPECT_TRUE(serving.has("lost"));
    EXPECT_EQ(server.clients(), 0U);
    EXPECT_TRUE(co_await until([&] { return transport.fileno() < 0; }));
    serving.transport.reset();
  }
}

// A factory may make shared protocols, also of a class above.
ASYNC_TEST(Transports, ProtocolsCanBeShared) {
  Script script;
  const asyncio::ProtocolPtr<asyncio::Protocol> shared(std::make_unique<Recorder>(script));
  auto& loop = asyncio::get_running_loop();
  asyncio::SocketPair pair = asyncio::socketpair();
  {
    auto factory = [&] { return shared; };
    auto first = co_await loop.create_connection(factory, std::move(pair.first));
    auto second = co_await loop.create_connection(factory, std::move(pair.second));
    EXPECT_EQ(first.protocol.get(), shared.get());
    first.transport.write("hello");
    EXPECT_TRUE(co_await until([&] { return script.has("hello"); }));
    first.transport.close();
  }
  EXPECT_TRUE(co_await until([&] { return script.count("lost") == 2; }));
  EXPECT_EQ(script.alive, 1);
  script.transport.reset();
}
