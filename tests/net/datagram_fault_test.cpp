#include <asyncio/asyncio.hpp>
#include <asyncio/datagram.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/datagrams.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace sys = asyncio::detail::sys;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using support::bound_endpoint;
using support::closed;
using support::connected_endpoint;
using support::Endpoint;
using support::make_recorder;
using support::noted;
using Log = std::vector<std::string>;

namespace {

asyncio::EventLoop& loop() { return asyncio::get_running_loop(); }

/// An address of this machine where nobody listens.
Coro<Address> nobody() {
  Endpoint gone = co_await bound_endpoint();
  Address address = gone.transport.sockname();
  co_await closed(gone);
  co_return address;
}

/// An endpoint whose peer has received nothing yet, and the system takes no more.
struct Full {
  Endpoint endpoint;
  Socket peer;
  int sent = 0;  // of them all but the last one by the system: "0", "1", ...
};

Coro<Full> full_endpoint() {
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  pair.first.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
  Endpoint endpoint =
      co_await loop().create_datagram_endpoint(&make_recorder, std::move(pair.first));
  Full full{endpoint, std::move(pair.second)};
  while (endpoint.transport.get_write_buffer_size() == 0) {
    endpoint.transport.sendto(std::to_string(full.sent++));
  }
  co_return full;
}

/// How many came, in order.
Coro<int> receive_all(Socket& peer, int most) {
  for (int i = 0; i < most; ++i) {
    const auto got = co_await loop().sock_recvfrom(peer, 100);
    if (got.data != std::to_string(i)) co_return i;
  }
  co_return most;
}

}  // namespace

// --- what the system takes later ----------------------------------------------------------------

// NET-116
ASYNC_TEST(DatagramFault, WhatWouldBlockIsQueuedWholeAndInOrder) {
  Full full = co_await full_endpoint();
  const auto& transport = full.endpoint.transport;
  EXPECT_EQ(transport.get_write_buffer_size(), std::to_string(full.sent - 1).size() + 8);
  for (int i = 0; i < 20; ++i) transport.sendto(std::to_string(full.sent++));
  EXPECT_EQ(co_await asyncio::wait_for(receive_all(full.peer, full.sent), 5s), full.sent);
  EXPECT_EQ(transport.get_write_buffer_size(), 0U);
  co_await closed(full.endpoint);
}

// NET-116
ASYNC_TEST(DatagramFault, QueuePausesTheProtocolAndResumesIt) {
  Full full = co_await full_endpoint();
  const auto& transport = full.endpoint.transport;
  transport.set_write_buffer_limits(100, 20);
  EXPECT_EQ(transport.get_write_buffer_limits().high, 100U);
  EXPECT_EQ(transport.get_write_buffer_limits().low, 20U);
  EXPECT_THROW(transport.set_write_buffer_limits(1, 2), std::invalid_argument);
  while (full.endpoint.protocol->log.size() < 2) transport.sendto(std::to_string(full.sent++));
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made", "paused"}));
  EXPECT_GT(transport.get_write_buffer_size(), 100U);
  EXPECT_EQ(co_await asyncio::wait_for(receive_all(full.peer, full.sent), 5s), full.sent);
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made", "paused", "resumed"}));
  co_await closed(full.endpoint);
}

// NET-119
ASYNC_TEST(DatagramFault, CloseSendsWhatIsQueuedFirst) {
  Full full = co_await full_endpoint();
  full.endpoint.transport.close();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made"}));
  EXPECT_EQ(co_await asyncio::wait_for(receive_all(full.peer, full.sent), 5s), full.sent);
  co_await noted(*full.endpoint.protocol, 2);
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made", "lost"}));
}

// NET-119
ASYNC_TEST(DatagramFault, AbortDropsWhatIsQueued) {
  Full full = co_await full_endpoint();
  full.endpoint.transport.close();
  full.endpoint.transport.abort();
  EXPECT_EQ(full.endpoint.transport.get_write_buffer_size(), 0U);
  co_await noted(*full.endpoint.protocol, 2);
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made", "lost"}));
  EXPECT_EQ(co_await asyncio::wait_for(receive_all(full.peer, full.sent - 1), 5s), full.sent - 1);
}

// NET-120
ASYNC_TEST(DatagramFault, ErrorWhileSendingTheQueueCostsOneDatagram) {
  Full full = co_await full_endpoint();
  const int queued = full.sent - 1;
  full.endpoint.transport.sendto("after");
  const sys::Fault fault(sys::Call::send, ENOBUFS);
  EXPECT_EQ(co_await asyncio::wait_for(receive_all(full.peer, queued), 5s), queued);
  const auto rest = co_await asyncio::wait_for(loop().sock_recvfrom(full.peer, 100), 5s);
  EXPECT_EQ(rest.data, "after");
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made", "error " + std::to_string(ENOBUFS)}));
  EXPECT_EQ(full.endpoint.transport.get_write_buffer_size(), 0U);
  co_await closed(full.endpoint);
}

// NET-120
ASYNC_TEST(DatagramFault, ErrorWhileClosingDoesNotKeepItOpen) {
  Full full = co_await full_endpoint();
  full.endpoint.transport.close();
  const sys::Fault fault(sys::Call::send, ENOBUFS);
  EXPECT_EQ(co_await asyncio::wait_for(receive_all(full.peer, full.sent - 1), 5s), full.sent - 1);
  co_await noted(*full.endpoint.protocol, 3);
  EXPECT_EQ(full.endpoint.protocol->log, (Log{"made", "error " + std::to_string(ENOBUFS), "lost"}));
}

// NET-116
ASYNC_TEST(DatagramFault, QueueThatOthersHaveFilledDoesNotKeepItsDatagramsForEver) {
  const std::string name = "@asyncio-dgram-full-" + std::to_string(::getpid());
  const Address there = Address::unix_path(name);
  Socket receiver(Address::Family::unix_, Socket::Type::datagram);
  receiver.bind(there);
  Socket other(Address::Family::unix_, Socket::Type::datagram);
  int others = 0;
  co_await loop().sock_connect(other, there);
  while (::send(other.fileno(), "other", 5, MSG_DONTWAIT) >= 0) ++others;
  Endpoint endpoint =
      co_await loop().create_datagram_endpoint(&make_recorder, {.family = Address::Family::unix_});
  endpoint.transport.sendto("ours", there);
  EXPECT_GT(endpoint.transport.get_write_buffer_size(), 0U);
  Endpoint doomed =
      co_await loop().create_datagram_endpoint(&make_recorder, {.family = Address::Family::unix_});
  doomed.transport.sendto("dropped", there);
  doomed.transport.abort();
  co_await closed(doomed);
  const sys::Fault sends(sys::Call::send, 0, ~std::uint64_t{0});  // only counts
  co_await asyncio::sleep(50ms);
  EXPECT_LT(sends.seen(), 100U) << "it spins";
  for (int i = 0; i < others; ++i) {
    EXPECT_EQ((co_await loop().sock_recvfrom(receiver, 100)).data, "other");
  }
  const auto last = co_await asyncio::wait_for(loop().sock_recvfrom(receiver, 100), 5s);
  EXPECT_EQ(last.data, "ours");
  co_await closed(endpoint);
}

// --- errors -------------------------------------------------------------------------------------

// NET-117, failure 49
ASYNC_TEST(DatagramFault, UnreachablePortIsToldOnceAndTheEndpointGoesOn) {
  const Address there = co_await nobody();
  Endpoint client = co_await connected_endpoint(there);
  client.transport.sendto("a");
  co_await noted(*client.protocol, 2);
  EXPECT_EQ(client.protocol->log, (Log{"made", "error " + std::to_string(ECONNREFUSED)}));

  const sys::Fault receives(sys::Call::receive, 0, ~std::uint64_t{0});  // only counts
  co_await asyncio::sleep(20ms);
  EXPECT_LT(receives.seen(), 5U) << "it spins";

  EXPECT_FALSE(client.transport.is_closing());
  Endpoint server =
      co_await loop().create_datagram_endpoint(&make_recorder, {.local_addr = &there});
  client.transport.sendto("b");
  co_await noted(*server.protocol, 2);
  EXPECT_EQ(server.protocol->log.at(1), "<b>");
  co_await closed(client);
  co_await closed(server);
}

// NET-117, failure 49
ASYNC_TEST(DatagramFault, TooLongDatagramIsAnErrorOfItsOwn) {
  Endpoint server = co_await bound_endpoint();
  Endpoint client = co_await connected_endpoint(server.transport.sockname());
  client.transport.sendto(std::string(100'000, 'x'));
  client.transport.sendto(std::string(60'000, 'x'));
  EXPECT_EQ(client.protocol->log, (Log{"made", "error " + std::to_string(EMSGSIZE)}));
  co_await noted(*server.protocol, 2);
  EXPECT_EQ(server.protocol->log.at(1).size(), 60'002U);
  co_await closed(client);
  co_await closed(server);
}

// NET-117
ASYNC_TEST(DatagramFault, ErrorSaysWhatAndWhereTo) {
  struct Texts : support::DatagramRecorder {
    void error_received(std::exception_ptr error) override {
      try {
        std::rethrow_exception(error);
      } catch (const std::system_error& e) {
        note(e.what());
      }
    }
  };
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  const Address any("127.0.0.1", 0);
  auto make = [] { return std::make_unique<Texts>(); };
  auto [transport, protocol] = co_await loop().create_datagram_endpoint(make, {.local_addr = &any});
  {
    const sys::Fault fault(sys::Call::send, EPERM);
    transport.sendto("x", {"127.0.0.1", 9});
  }
  EXPECT_EQ(protocol->log.back(), "sendto 127.0.0.1:9: Operation not permitted");
  const sys::Fault fault(sys::Call::receive, ENOMEM);
  transport.sendto("x", transport.sockname());
  co_await noted(*protocol, 4);
  EXPECT_EQ(protocol->log, (Log{"made", "sendto 127.0.0.1:9: Operation not permitted",
                                "recvfrom: Cannot allocate memory", "<x>"}));
  transport.close();
  co_await noted(*protocol, 5);
}

// failure 49
ASYNC_TEST(DatagramFault, CloseInsideTheReceiveCallbackIsTheLastOfAllCalls) {
  struct Closes : support::DatagramRecorder {
    bool aborts = false;
    void datagram_received(std::string_view data, const Address& address) override {
      DatagramRecorder::datagram_received(data, address);
      if (aborts) {
        transport->abort();
      } else {
        transport->close();
      }
    }
  };
  for (const bool aborts : {false, true}) {
    auto pair = asyncio::socketpair(Socket::Type::datagram);
    for (const char* data : {"a", "b", "c"}) co_await loop().sock_sendall(pair.second, data);
    auto make = [aborts] {
      auto protocol = std::make_unique<Closes>();
      protocol->aborts = aborts;
      return protocol;
    };
    auto opened = co_await loop().create_datagram_endpoint(make, std::move(pair.first));
    co_await noted(*opened.protocol, 3);
    co_await asyncio::sleep(5ms);
    EXPECT_EQ(opened.protocol->log, (Log{"made", "<a>", "lost"}));
  }
}

// failure 49
ASYNC_TEST(DatagramFault, CloseInsideTheErrorCallbackIsTheLastOfAllCalls) {
  struct Closes : support::DatagramRecorder {
    void error_received(std::exception_ptr error) override {
      DatagramRecorder::error_received(error);
      transport->abort();
    }
  };
  const Address there = co_await nobody();
  auto make = [] { return std::make_unique<Closes>(); };
  auto [transport, protocol] =
      co_await loop().create_datagram_endpoint(make, {.remote_addr = &there});
  transport.sendto("a");
  co_await noted(*protocol, 3);
  EXPECT_EQ(protocol->log, (Log{"made", "error " + std::to_string(ECONNREFUSED), "lost"}));
}

TEST(DatagramFaultLoop, InterruptLeavesTheLoopAndTheEndpointGoesOn) {
  struct Interrupts : support::DatagramRecorder {
    void datagram_received(std::string_view data, const Address& address) override {
      DatagramRecorder::datagram_received(data, address);
      if (data == "stop") throw asyncio::KeyboardInterrupt();
    }
  };
  auto own = asyncio::new_event_loop();
  asyncio::ProtocolPtr<Interrupts> protocol;
  auto open = [](auto& recorder) -> Coro<> {
    const Address any("127.0.0.1", 0);
    auto make = [] { return std::make_unique<Interrupts>(); };
    auto opened = co_await loop().create_datagram_endpoint(make, {.local_addr = &any});
    recorder = opened.protocol;
    opened.transport.sendto("stop", opened.transport.sockname());
    opened.transport.sendto("go on", opened.transport.sockname());
  };
  EXPECT_THROW(own->run_until_complete(open(protocol)), asyncio::KeyboardInterrupt);
  own->run_until_complete(noted(*protocol, 3));
  EXPECT_EQ(protocol->log, (Log{"made", "<stop>", "<go on>"}));
  own->close();
  protocol->transport.reset();
}

// NET-113
ASYNC_TEST(DatagramFault, FailedCallsOfTheCreationLeaveNothingOpen) {
  const Address any("127.0.0.1", 0);
  for (const sys::Call call : {sys::Call::socket, sys::Call::bind, sys::Call::connect,
                               sys::Call::option, sys::Call::epoll_control}) {
    const sys::Fault fault(call, EMFILE);
    auto made = co_await asyncio::as_result(loop().create_datagram_endpoint(
        &make_recorder, {.local_addr = &any, .remote_addr = &any, .reuse_port = true}));
    if (fault.injected() > 0) {
      EXPECT_THROW(made.value(), std::system_error);
    } else {
      const Endpoint endpoint = made.value();  // this backend does without that call
      co_await closed(endpoint);
    }
  }
}

// NET-121
TEST(DatagramFaultLoop, EveryAllocationMayFail) {
  struct Quiet : asyncio::DatagramProtocol {
    asyncio::Event over;
    void datagram_received(std::string_view, const Address&) override { over.set(); }
    void connection_lost(std::exception_ptr) override { over.set(); }
  };
  const support::LogCapture logged;
  auto scenario = []() -> Coro<> {
    const std::string name = "@asyncio-dgram-alloc-" + std::to_string(::getpid());
    const Address there = Address::unix_path(name);
    const Address here = Address::unix_path(name + "-from");
    auto make = [] { return std::make_unique<Quiet>(); };
    auto server = co_await loop().create_datagram_endpoint(make, {.local_addr = &there});
    auto client = co_await loop().create_datagram_endpoint(
        make, {.local_addr = &here, .remote_addr = &there});
    client.transport.sendto("hello");
    co_await asyncio::wait_for(server.protocol->over.wait(), 5s);
    client.transport.close();
    server.transport.close();
    co_await client.protocol->over.wait();
  };
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(scenario), "");
}
