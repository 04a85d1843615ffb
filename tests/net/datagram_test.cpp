#include <asyncio/asyncio.hpp>
#include <asyncio/datagram.hpp>
#include <asyncio/testing.hpp>

#include "support/datagrams.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/shuffled.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::DatagramTransport;
using asyncio::Socket;
using support::bound_endpoint;
using support::closed;
using support::connected_endpoint;
using support::Endpoint;
using support::make_recorder;
using support::noted;
using support::shuffled;
using Log = std::vector<std::string>;

namespace {

asyncio::EventLoop& loop() { return asyncio::get_running_loop(); }

/// Receives at `at`, answers, and says what the sender has got and where from.
Coro<std::string> ping_at(Address at, Address from) {
  Endpoint server = co_await loop().create_datagram_endpoint(&make_recorder, {.local_addr = &at});
  const Address there = server.transport.sockname();
  Endpoint client = co_await loop().create_datagram_endpoint(
      &make_recorder, {.local_addr = &from, .remote_addr = &there});
  client.transport.sendto("ping");
  co_await noted(*server.protocol, 2);
  server.transport.sendto("pong", server.protocol->from);
  co_await noted(*client.protocol, 2);
  std::string got = client.protocol->log.at(1);
  EXPECT_EQ(server.protocol->log, (Log{"made", "<ping>"}));
  EXPECT_EQ(client.protocol->from, there);
  EXPECT_EQ(client.transport.peername(), there);
  EXPECT_EQ(server.protocol->from, client.transport.sockname());
  co_await closed(client);
  co_await closed(server);
  EXPECT_EQ(client.protocol->log, (Log{"made", "<pong>", "lost"}));
  co_return got;
}

}  // namespace

// --- making them --------------------------------------------------------------------------------

// NET-113, NET-115, NET-118
ASYNC_TEST(Datagram, GoesThereAndBackByIPv4) {
  EXPECT_EQ(co_await ping_at(Address("127.0.0.1", 0), Address("127.0.0.1", 0)), "<pong>");
}

// NET-113
ASYNC_TEST(Datagram, GoesThereAndBackByIPv6) {
  try {
    Socket probe(Address::Family::ipv6, Socket::Type::datagram);
    probe.bind({"::1", 0});
  } catch (const std::system_error&) {
    ASYNC_SKIP() << "no IPv6 here";
  }
  EXPECT_EQ(co_await ping_at(Address("::1", 0), Address("::1", 0)), "<pong>");
}

// NET-113
ASYNC_TEST(Datagram, GoesThereAndBackThroughFiles) {
  const support::Folder folder;
  const Address server = Address::unix_path(folder / "server");
  const Address client = Address::unix_path(folder / "client");
  EXPECT_EQ(co_await ping_at(server, client), "<pong>");
}

// NET-113, failure 51
ASYNC_TEST(Datagram, GoesThereAndBackByAbstractNames) {
  const std::string name = "@asyncio-dgram-" + std::to_string(::getpid());
  EXPECT_EQ(co_await ping_at(Address::unix_path(name), Address::unix_path(name + "-client")),
            "<pong>");
}

// NET-113
ASYNC_TEST(Datagram, CreatorGoesOnBetweenConnectionMadeAndTheFirstDatagram) {
  if (shuffled()) co_return;
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  co_await loop().sock_sendall(pair.second, "early");
  Endpoint endpoint =
      co_await loop().create_datagram_endpoint(&make_recorder, std::move(pair.first));
  EXPECT_EQ(endpoint.protocol->log, (Log{"made"}));
  co_await noted(*endpoint.protocol, 2);
  EXPECT_EQ(endpoint.protocol->log, (Log{"made", "<early>"}));
  co_await closed(endpoint);
}

// NET-113
ASYNC_TEST(Datagram, FamilyAloneMakesAnEndpointThatSendsFirst) {
  Endpoint server = co_await bound_endpoint();
  Endpoint client =
      co_await loop().create_datagram_endpoint(&make_recorder, {.family = Address::Family::ipv4});
  client.transport.sendto("hello", server.transport.sockname());
  co_await noted(*server.protocol, 2);
  EXPECT_EQ(server.protocol->log.at(1), "<hello>");
  EXPECT_EQ(server.protocol->from.port(), client.transport.sockname().port());
  EXPECT_EQ(client.transport.peername().family(), Address::Family::none);
  EXPECT_EQ(client.transport.get_extra_info("peername"), std::nullopt);
  EXPECT_EQ(server.transport.get_extra_info("sockname"), server.transport.sockname().str());
  co_await closed(client);
  co_await closed(server);
}

// NET-113
ASYNC_TEST(Datagram, TwoEndpointsMayShareAPortIfBothAskForIt) {
  const Address any("127.0.0.1", 0);
  Endpoint first = co_await loop().create_datagram_endpoint(
      &make_recorder, {.local_addr = &any, .reuse_port = true});
  const Address same = first.transport.sockname();
  Endpoint second = co_await loop().create_datagram_endpoint(
      &make_recorder, {.local_addr = &same, .reuse_port = true});
  EXPECT_EQ(second.transport.sockname(), same);
  auto alone = co_await asyncio::as_result(
      loop().create_datagram_endpoint(&make_recorder, {.local_addr = &same}));
  EXPECT_EQ(support::thrown_by([&] { alone.value(); }),
            "system_error: bind " + same.str() + ": Address already in use");
  co_await closed(first);
  co_await closed(second);
}

// NET-113
ASYNC_TEST(Datagram, BroadcastingEndpointHasADestinationButIsNotConnected) {
  Endpoint server = co_await bound_endpoint();
  const Address there = server.transport.sockname();
  Endpoint client = co_await loop().create_datagram_endpoint(
      &make_recorder, {.remote_addr = &there, .allow_broadcast = true});
  int broadcasts = 0;
  socklen_t size = sizeof broadcasts;
  ::getsockopt(client.transport.fileno(), SOL_SOCKET, SO_BROADCAST, &broadcasts, &size);
  EXPECT_EQ(broadcasts, 1);
  EXPECT_EQ(client.transport.peername().family(), Address::Family::none);
  client.transport.sendto("hello");
  co_await noted(*server.protocol, 2);
  EXPECT_EQ(server.protocol->log.at(1), "<hello>");
  co_await closed(client);
  co_await closed(server);
}

// NET-114
ASYNC_TEST(Datagram, RefusesWhatMakesNoEndpoint) {
  auto refusal_of = [](asyncio::DatagramOptions options) {
    return support::thrown_by_await(loop().create_datagram_endpoint(&make_recorder, options));
  };
  EXPECT_EQ(co_await refusal_of({}),
            "invalid_argument: create_datagram_endpoint(): unexpected address family; give an "
            "address, or one of Address::Family");
  const Address four("127.0.0.1", 0);
  const Address six("::1", 9);
  const std::string differ =
      "invalid_argument: create_datagram_endpoint(): can not get address information: "
      "[::1]:9 is of another family; give addresses of one family";
  EXPECT_EQ(co_await refusal_of({.local_addr = &four, .remote_addr = &six}), differ);
  EXPECT_EQ(co_await refusal_of({.remote_addr = &six, .family = Address::Family::ipv4}), differ);
}

// NET-114
ASYNC_TEST(Datagram, RefusesAStreamSocket) {
  Socket stream(Address::Family::ipv4);
  const std::string text = stream.repr();
  EXPECT_EQ(co_await support::thrown_by_await(
                loop().create_datagram_endpoint(&make_recorder, std::move(stream))),
            "invalid_argument: create_datagram_endpoint(): A datagram socket was expected, "
            "got " +
                text + "; its type must be Socket::Type::datagram");
  EXPECT_EQ(
      co_await support::thrown_by_await(loop().create_datagram_endpoint(&make_recorder, Socket())),
      "invalid_argument: create_datagram_endpoint(): there is no socket; make one, or "
      "adopt() one");
}

ASYNC_TEST(Datagram, RefusesASocketThatATaskWaitsFor) {
  Socket socket(Address::Family::ipv4, Socket::Type::datagram);
  socket.bind({"127.0.0.1", 0});
  auto receiving = asyncio::create_task([](Socket& own) -> Coro<std::string> {
    co_return co_await loop().sock_recv(own, 10);
  }(socket));
  co_await support::passes(2);  // it waits now, in whatever order they run
  EXPECT_TRUE((co_await support::thrown_by_await(
                   loop().create_datagram_endpoint(&make_recorder, std::move(socket))))
                  .starts_with("RuntimeError: create_datagram_endpoint(): an operation still waits "
                               "for "));
  receiving.cancel();
  (void)co_await asyncio::as_result(receiving);
}

// NET-113, failure 51
ASYNC_TEST(Datagram, ReplacesAStaleSocketFileAndNothingElse) {
  const support::Folder folder;
  const std::string path = folder / "socket";
  const Address at = Address::unix_path(path);
  {
    Socket stale(Address::Family::unix_, Socket::Type::datagram);
    stale.bind(at);
  }
  const Endpoint replaced =
      co_await loop().create_datagram_endpoint(&make_recorder, {.local_addr = &at});
  co_await closed(replaced);
  ::unlink(path.c_str());
  std::ofstream(path) << "precious";
  EXPECT_EQ(co_await support::thrown_by_await(
                loop().create_datagram_endpoint(&make_recorder, {.local_addr = &at})),
            "system_error: bind " + path + ": Address already in use");
}

// NET-113
ASYNC_TEST(Datagram, CancelledCreationLeavesNothingOpen) {
  auto creating = asyncio::create_task(bound_endpoint());
  co_await asyncio::sleep(0s);
  creating.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(creating)).cancelled());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);  // the end has a turn of its own; ASYNC_TEST looks for descriptors
}

// --- sending ------------------------------------------------------------------------------------

// NET-115
ASYNC_TEST(Datagram, ConnectedEndpointSendsToItsPeerOnly) {
  Endpoint server = co_await bound_endpoint();
  const Address there = server.transport.sockname();
  Endpoint client = co_await connected_endpoint(there);
  client.transport.sendto("a", there);
  client.transport.sendto("b");
  const Address elsewhere = there.with_port(1);
  EXPECT_EQ(support::thrown_by([&] { client.transport.sendto("c", elsewhere); }),
            "invalid_argument: sendto(): invalid address 127.0.0.1:1: must be none or " +
                there.str() + "; an endpoint without remote_addr sends to any");
  co_await noted(*server.protocol, 3);
  EXPECT_EQ(server.protocol->log, (Log{"made", "<a>", "<b>"}));
  co_await closed(client);
  co_await closed(server);
}

// NET-115
ASYNC_TEST(Datagram, EndpointThatIsNotConnectedNeedsAnAddress) {
  Endpoint endpoint = co_await bound_endpoint();
  EXPECT_EQ(support::thrown_by([&] { endpoint.transport.sendto("a"); }),
            "invalid_argument: sendto(): an address is needed; give one, or make the endpoint "
            "with a remote_addr");
  EXPECT_EQ(endpoint.protocol->log, (Log{"made"}));
  co_await closed(endpoint);
}

// NET-115, failure 49
ASYNC_TEST(Datagram, EmptyOnesAreSentAndReceived) {
  Endpoint server = co_await bound_endpoint();
  Endpoint client = co_await connected_endpoint(server.transport.sockname());
  client.transport.sendto("");
  client.transport.sendto(std::span<const std::byte>());
  client.transport.sendto("end");
  co_await noted(*server.protocol, 4);
  EXPECT_EQ(server.protocol->log, (Log{"made", "<>", "<>", "<end>"}));
  co_await closed(client);
  co_await closed(server);
}

// NET-118
ASYNC_TEST(Datagram, OthersHaveATurnBetweenTwoDatagrams) {
  if (shuffled()) co_return;
  struct Counts : support::DatagramRecorder {
    int turns = 0;
    void datagram_received(std::string_view data, const Address&) override {
      note(std::string(data) + " after " + std::to_string(turns));
      loop().call_soon([this] { ++turns; });
    }
  };
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  for (const char* data : {"a", "b", "c"}) co_await loop().sock_sendall(pair.second, data);
  auto make = [] { return std::make_unique<Counts>(); };
  auto [transport, protocol] =
      co_await loop().create_datagram_endpoint(make, std::move(pair.first));
  co_await noted(*protocol, 4);
  EXPECT_EQ(protocol->log, (Log{"made", "a after 0", "b after 1", "c after 2"}));
  transport.close();
  co_await noted(*protocol, 5);
}

// NET-121
ASYNC_TEST(Datagram, ProtocolThatThrowsIsReportedAndGoesOn) {
  struct Throws : support::DatagramRecorder {
    void datagram_received(std::string_view data, const Address& address) override {
      DatagramRecorder::datagram_received(data, address);
      throw std::runtime_error("no");
    }
  };
  const support::LogCapture logged;
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  auto make = [] { return std::make_unique<Throws>(); };
  auto [transport, protocol] =
      co_await loop().create_datagram_endpoint(make, std::move(pair.first));
  co_await loop().sock_sendall(pair.second, "a");
  co_await loop().sock_sendall(pair.second, "b");
  co_await noted(*protocol, 3);
  EXPECT_EQ(protocol->log, (Log{"made", "<a>", "<b>"}));
  EXPECT_EQ(logged.count("protocol.datagram_received() failed"), 2);
  transport.close();
  co_await noted(*protocol, 4);
}

ASYNC_TEST(Datagram, ProtocolThatCannotBeginEnds) {
  struct Throws : support::DatagramRecorder {
    void connection_made(const DatagramTransport&) override { throw std::runtime_error("no"); }
  };
  const support::LogCapture logged;
  const Address any("127.0.0.1", 0);
  auto make = [] { return std::make_unique<Throws>(); };
  auto [transport, protocol] = co_await loop().create_datagram_endpoint(make, {.local_addr = &any});
  co_await noted(*protocol, 1);
  EXPECT_EQ(protocol->log, (Log{"lost"}));
  EXPECT_EQ(logged.count("Fatal error: protocol.connection_made() call failed."), 1);
}

// --- the end ------------------------------------------------------------------------------------

ASYNC_TEST(Datagram, GoesOnWithoutAHandle) {
  Address there;
  asyncio::ProtocolPtr<asyncio::DatagramProtocol> kept;
  {
    Endpoint server = co_await bound_endpoint();
    server.protocol->transport.reset();
    there = server.transport.sockname();
    kept = server.protocol;
  }
  auto& protocol = static_cast<support::DatagramRecorder&>(*kept);
  Endpoint client = co_await connected_endpoint(there);
  client.transport.sendto("hello");
  co_await noted(protocol, 2);
  EXPECT_EQ(protocol.log.at(1), "<hello>");
  co_await closed(client);
}  // the loop's end closes it

// NET-119
ASYNC_TEST(Datagram, LossComesOnceAndInATurnOfItsOwn) {
  Endpoint endpoint = co_await bound_endpoint();
  EXPECT_FALSE(endpoint.transport.is_closing());
  const Address was = endpoint.transport.sockname();
  endpoint.transport.close();
  endpoint.transport.close();
  endpoint.transport.abort();
  EXPECT_TRUE(endpoint.transport.is_closing());
  EXPECT_EQ(endpoint.protocol->log, (Log{"made"}));
  co_await noted(*endpoint.protocol, 2);
  EXPECT_EQ(endpoint.protocol->log, (Log{"made", "lost"}));
  EXPECT_EQ(endpoint.transport.fileno(), -1);
  EXPECT_EQ(endpoint.transport.sockname(), was);
  EXPECT_EQ(endpoint.transport.get_protocol(), nullptr);
}

// NET-119
ASYNC_TEST(Datagram, TheAddressIsFreeAfterTheLoss) {
  if (shuffled()) co_return;
  Endpoint endpoint = co_await bound_endpoint();
  const Address address = endpoint.transport.sockname();
  co_await asyncio::sleep(0s);  // it waits for datagrams
  Socket next(Address::Family::ipv4, Socket::Type::datagram);
  endpoint.transport.close();
  bool bound = false;
  loop().call_soon([&] {  // in the iteration of the loss
    EXPECT_EQ(endpoint.protocol->log, (Log{"made", "lost"}));
    next.bind(address);
    bound = true;
  });
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(bound);
}

ASYNC_TEST(Datagram, WhatIsSentAfterTheEndIsDroppedAndThenWarnedOf) {
  const support::LogCapture logged;
  Endpoint endpoint = co_await bound_endpoint();
  const Address to = endpoint.transport.sockname();
  co_await closed(endpoint);
  for (int i = 0; i < 4; ++i) endpoint.transport.sendto("x", to);
  EXPECT_TRUE(logged.empty());
  endpoint.transport.sendto("x", to);
  EXPECT_EQ(logged.count("sendto(): the endpoint is closed"), 1);
}

ASYNC_TEST(Datagram, ProtocolCanBeReplaced) {
  Endpoint server = co_await bound_endpoint();
  Endpoint client = co_await connected_endpoint(server.transport.sockname());
  const asyncio::ProtocolPtr<support::DatagramRecorder> next(make_recorder());
  server.transport.set_protocol(next);
  EXPECT_EQ(server.transport.get_protocol(), next.get());
  client.transport.sendto("hello");
  co_await noted(*next, 1);
  EXPECT_EQ(server.protocol->log, (Log{"made"}));
  EXPECT_EQ(next->log, (Log{"<hello>"}));
  EXPECT_THROW(server.transport.set_protocol({}), std::invalid_argument);
  server.protocol->transport.reset();
  co_await closed(client);
  co_await closed(server);
}

TEST(Datagram, EndsWithItsLoopWithoutACall) {
  static int alive = 0;
  static int lost = 0;
  struct Counted : asyncio::DatagramProtocol {
    std::optional<DatagramTransport> transport;  // which keeps the protocol
    Counted() { ++alive; }
    ~Counted() override { --alive; }
    void connection_made(const DatagramTransport& made) override { transport = made; }
    void connection_lost(std::exception_ptr) override { ++lost; }
  };
  std::optional<DatagramTransport> kept;
  auto loop = asyncio::new_event_loop();
  loop->run_until_complete([](asyncio::EventLoop& own, auto& handle) -> Coro<> {
    const Address any("127.0.0.1", 0);
    auto make = [] { return std::make_unique<Counted>(); };
    auto endpoint = co_await own.create_datagram_endpoint(make, {.local_addr = &any});
    handle = endpoint.transport;
  }(*loop, kept));
  EXPECT_EQ(alive, 1);
  loop->close();
  loop.reset();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(kept->fileno(), -1);
  kept->sendto("x", {"127.0.0.1", 9});
}
