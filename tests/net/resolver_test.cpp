#include <asyncio/resolver.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/resolvers.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::NameInfo;
using asyncio::NameInfoOptions;
using asyncio::ResolveOptions;
using asyncio::Socket;
using support::FakeResolver;
using support::no_such_name;
using support::StuckLookups;
using support::SystemCalls;
using Family = Address::Family;
using Addresses = std::vector<Address>;

namespace {

/// Of the real one, of a number: no network is asked.
int a_loopback_address(const char*, const char* service, const addrinfo* hints, addrinfo** list) {
  return ::getaddrinfo("127.0.0.1", service, hints, list);
}
int not_permitted(const char*, const char*, const addrinfo*, addrinfo**) {
  errno = EPERM;
  return EAI_SYSTEM;
}

std::string joined(const Addresses& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : " ") + address.str();
  return text;
}

/// What an error is called, and its text.
template <class T>
Coro<std::string> error_of(Coro<T> lookup) {
  auto result = co_await asyncio::as_result(std::move(lookup));
  co_return result ? "nothing" : asyncio::detail::describe(result.error());
}

/// Nothing in memory, so that only cancellations end it.
Coro<> resolves_and_connects() {
  auto& loop = asyncio::get_running_loop();
  Socket server(Family::ipv4);
  server.bind({"127.0.0.1", 0});
  server.listen();
  FakeResolver resolver({server.getsockname()});
  resolver.delay = 1s;
  loop.set_resolver(&resolver);
  Socket client(Family::ipv4);
  co_await loop.sock_connect(client, "server.test", 80);
  co_await asyncio::sleep(1s);
}

}  // namespace

// --- what is asked for --------------------------------------------------------------------------

// NET-049
ASYNC_TEST(Resolver, NumericHostsAreAnsweredWithoutIt) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver;
  loop.set_resolver(&resolver);
  EXPECT_EQ(joined(co_await loop.getaddrinfo("127.0.0.1", 80)), "127.0.0.1:80");
  EXPECT_EQ(joined(co_await loop.getaddrinfo("::1", "8080")), "[::1]:8080");
  EXPECT_EQ(joined(co_await loop.getaddrinfo("fe80::1%7", 1)), "[fe80::1%7]:1");
  EXPECT_EQ(joined(co_await loop.getaddrinfo("127.0.0.1", "")), "127.0.0.1:0");
  EXPECT_TRUE(resolver.asked.empty());
}

// NET-049
ASYNC_TEST(Resolver, IsAskedForNamesOfHostsAndServices) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"10.0.0.1", 80}, {"fd00::1", 80}});
  loop.set_resolver(&resolver);
  const ResolveOptions options{.family = Family::ipv6, .type = Socket::Type::datagram};
  EXPECT_EQ(co_await loop.getaddrinfo("a.test", 80), resolver.answer);
  co_await loop.getaddrinfo("127.0.0.1", "http", options);
  EXPECT_EQ(resolver.asked, (std::vector<std::string>{"a.test 80", "127.0.0.1 http"}));
  EXPECT_EQ(resolver.last.family, Family::ipv6);
  EXPECT_EQ(resolver.last.type, Socket::Type::datagram);
}

ASYNC_TEST(Resolver, HostIsCopiedWhenItIsGiven) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"10.0.0.1", 80}});
  loop.set_resolver(&resolver);
  std::string host = "first.test";
  auto lookup = loop.getaddrinfo(host, 80);
  host = "other.test";
  co_await std::move(lookup);
  EXPECT_EQ(resolver.asked, (std::vector<std::string>{"first.test 80"}));
}

// NET-063
ASYNC_TEST(Resolver, EmptyHostIsEveryInterfaceForAServer) {
  auto& loop = asyncio::get_running_loop();
  const ResolveOptions any{.passive = true};
  const ResolveOptions ipv6{.family = Family::ipv6, .passive = true};
  EXPECT_EQ(joined(co_await loop.getaddrinfo("", 80, any)), "0.0.0.0:80 [::]:80");
  EXPECT_EQ(joined(co_await loop.getaddrinfo("", 80, ipv6)), "[::]:80");
}

// failure 70
ASYNC_TEST(Resolver, WhatCanBeNoNameIsRefusedBeforeItIsAsked) {
  using namespace std::string_view_literals;
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"10.0.0.1", 80}});
  loop.set_resolver(&resolver);
  const std::string label(63, 'a');
  const std::string too_long = label + "." + label + "." + label + "." + std::string(62, 'b');
  const std::vector<std::pair<std::string, std::string>> refused{
      {"", "the host is empty"},
      {".", "empty label"},
      {"a..test", "empty label"},
      {".test", "empty label"},
      {"a.test..", "empty label"},
      {label + "a.test", "has 64 characters; 63 are the most"},
      {too_long, "has 254 characters; 253 are the most"},
      {std::string("good.test\0.bad.test"sv), "the byte 0x00 at position 9"},
      {"a.test\r\nX: y", "the byte 0x0d at position 6"},
      {"a b", "the byte 0x20 at position 1"},
      {"b\xc3\xbc"
       "cher.test",
       "the byte 0xc3 at position 1"},
  };
  for (const auto& [host, reason] : refused) {
    const std::string error = co_await error_of(loop.getaddrinfo(host, 80));
    EXPECT_NE(error.find("invalid_argument: getaddrinfo(): "), std::string::npos) << error;
    EXPECT_NE(error.find(reason), std::string::npos) << error;
  }
  EXPECT_TRUE(resolver.asked.empty());
}

// failure 70
ASYNC_TEST(Resolver, LongestNameIsAskedFor) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"10.0.0.1", 80}});
  loop.set_resolver(&resolver);
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  co_await loop.getaddrinfo(longest + ".", 80);
  EXPECT_EQ(resolver.asked, (std::vector<std::string>{longest + ". 80"}));
}

ASYNC_TEST(Resolver, WhatCanBeNoPortIsRefused) {
  auto& loop = asyncio::get_running_loop();
  for (const char* port : {"70000", "99999999999999999999", "8 0"}) {
    const std::string error = co_await error_of(loop.getaddrinfo("127.0.0.1", port));
    EXPECT_NE(error.find("invalid_argument"), std::string::npos) << error;
  }
}

// --- what comes of it ---------------------------------------------------------------------------

// NET-051
ASYNC_TEST(Resolver, NoAddressIsAnError) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver;
  loop.set_resolver(&resolver);
  EXPECT_EQ(co_await error_of(loop.getaddrinfo("a.test", 80)),
            "gaierror: getaddrinfo() returned empty list for a.test: No address associated "
            "with hostname");
}

ASYNC_TEST(Resolver, ItsErrorsComeThrough) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver;
  resolver.error = std::make_exception_ptr(std::domain_error("mine"));
  loop.set_resolver(&resolver);
  EXPECT_EQ(co_await error_of(loop.getaddrinfo("a.test", 80)), "domain_error: mine");
}

// LOOP-067
ASYNC_TEST(Resolver, NamesThatAreUnknownAreAGaierror) {
  auto& loop = asyncio::get_running_loop();
  const SystemCalls calls({.addresses = &no_such_name});
  auto result = co_await asyncio::as_result(loop.getaddrinfo("nosuch.invalid", 80));
  try {
    result.value();
    ADD_FAILURE() << "found";
  } catch (const asyncio::gaierror& error) {
    EXPECT_STREQ(error.what(), "getaddrinfo nosuch.invalid: Name or service not known");
    EXPECT_EQ(error.code(), std::error_code(EAI_NONAME, asyncio::gai_category()));
  }
}

ASYNC_TEST(Resolver, TroubleOfTheSystemIsNoGaierror) {
  auto& loop = asyncio::get_running_loop();
  const SystemCalls calls({.addresses = &not_permitted});
  EXPECT_EQ(co_await error_of(loop.getaddrinfo("a.test", 80)),
            "system_error: getaddrinfo a.test: Operation not permitted");
}

// NET-049
ASYNC_TEST(Resolver, NumericHostOfAnotherFamilyIsAnError) {
  auto& loop = asyncio::get_running_loop();
  const ResolveOptions ipv6{.family = Family::ipv6};
  EXPECT_EQ(co_await error_of(loop.getaddrinfo("127.0.0.1", 80, ipv6)),
            "gaierror: getaddrinfo 127.0.0.1: Address family for hostname not supported");
}

ASYNC_TEST(Resolver, NamesAreUnknownToWhoWantsNumbersOnly) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver;
  loop.set_resolver(&resolver);
  const ResolveOptions numeric{.numeric_host = true};
  EXPECT_EQ(co_await error_of(loop.getaddrinfo("a.test", 80, numeric)),
            "gaierror: getaddrinfo a.test: Name or service not known");
  EXPECT_TRUE(resolver.asked.empty());
}

// LOOP-067: the system has one for each type of socket
ASYNC_TEST(Resolver, GivesEachAddressOnce) {
  auto& loop = asyncio::get_running_loop();
  const SystemCalls calls({.addresses = &a_loopback_address});
  EXPECT_EQ(joined(co_await loop.getaddrinfo("a.test", 80)), "127.0.0.1:80");
}

// LOOP-067, failure 70
ASYNC_TEST(Resolver, LocalhostIsFoundWithAndWithoutItsDot) {
  auto& loop = asyncio::get_running_loop();
  for (const char* name : {"localhost", "localhost.", "LocalHost."}) {
    const Addresses found = co_await loop.getaddrinfo(name, 80);
    EXPECT_FALSE(found.empty());
    for (const Address& address : found) {
      EXPECT_TRUE(address.host().starts_with("127.") || address.host() == "::1") << address.str();
      EXPECT_EQ(address.port(), 80);
    }
  }
}

// LOOP-068
ASYNC_TEST(Resolver, DebugModeLogsHowLongItTook) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"10.0.0.1", 80}, {"fd00::1", 80}});
  resolver.delay = 1500us;
  loop.set_resolver(&resolver);
  const support::LogCapture log;
  co_await loop.getaddrinfo("a.test", 80);
  EXPECT_TRUE(log.empty());
  loop.set_debug(true);
  co_await loop.getaddrinfo("a.test", 80);
  loop.set_debug(false);
  EXPECT_EQ(log.lines(),
            (std::vector<std::string>{
                "Getting address info a.test:80 took 1.500ms: [10.0.0.1:80, [fd00::1]:80]"}));
}

// LOOP-068
ASYNC_TEST(Resolver, SlowLookupsAreLoggedAtAHigherLevel) {
  static std::vector<asyncio::LogLevel> levels;
  levels.clear();
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"10.0.0.1", 80}});
  loop.set_resolver(&resolver);
  const auto before = asyncio::set_log_sink(
      [](asyncio::LogLevel level, std::string_view) { levels.push_back(level); });
  loop.set_debug(true);
  for (const auto delay : {99ms, 100ms}) {
    resolver.delay = delay;
    co_await loop.getaddrinfo("a.test", 80);
  }
  loop.set_debug(false);
  asyncio::set_log_sink(before);
  EXPECT_EQ(levels, (std::vector{asyncio::LogLevel::debug, asyncio::LogLevel::info}));
}

// --- getnameinfo --------------------------------------------------------------------------------

namespace {

int name_of(const sockaddr*, socklen_t, char* host, socklen_t, char* service, socklen_t,
            int flags) {
  if ((flags & NI_NAMEREQD) != 0) return EAI_NONAME;
  std::strcpy(host, "a.test");
  std::strcpy(service, (flags & NI_DGRAM) != 0 ? "udp" : "tcp");
  return 0;
}

}  // namespace

// LOOP-067
ASYNC_TEST(GetNameInfo, AsksTheSystem) {
  auto& loop = asyncio::get_running_loop();
  const SystemCalls calls({.name = &name_of});
  const Address address("10.0.0.1", 80);
  const NameInfo info = co_await loop.getnameinfo(address);
  EXPECT_EQ(info.host + " " + info.service, "a.test tcp");
  const NameInfo datagram = co_await loop.getnameinfo(address, {.datagram = true});
  EXPECT_EQ(datagram.service, "udp");
  const NameInfoOptions with_name{.name_required = true};
  EXPECT_EQ(co_await error_of(loop.getnameinfo(address, with_name)),
            "gaierror: getnameinfo 10.0.0.1:80: Name or service not known");
}

// LOOP-067
ASYNC_TEST(GetNameInfo, GivesNumbers) {
  auto& loop = asyncio::get_running_loop();
  const NameInfoOptions numbers{.numeric_host = true, .numeric_service = true};
  const NameInfo at_once = co_await loop.getnameinfo({"::1", 80}, numbers);
  EXPECT_EQ(at_once.host + " " + at_once.service, "::1 80");
  const NameInfo looked_up = co_await loop.getnameinfo({"::1", 1}, {.numeric_host = true});
  EXPECT_EQ(looked_up.host, "::1");
}

ASYNC_TEST(GetNameInfo, RefusesUnixSockets) {
  auto& loop = asyncio::get_running_loop();
  const std::string error = co_await error_of(loop.getnameinfo(Address::unix_path("/x")));
  EXPECT_NE(error.find("invalid_argument: getnameinfo(): /x is no IP address"), std::string::npos)
      << error;
}

// --- sock_connect() by name ---------------------------------------------------------------------

// LOOP-084
ASYNC_TEST(SockConnectByName, ConnectsToTheFirstAddress) {
  auto& loop = asyncio::get_running_loop();
  Socket server(Family::ipv4);
  server.bind({"127.0.0.1", 0});
  server.listen();
  FakeResolver resolver({server.getsockname(), {"10.0.0.1", 80}});
  loop.set_resolver(&resolver);
  Socket client(Family::ipv4);
  co_await loop.sock_connect(client, "server.test", 80);
  EXPECT_EQ(client.getpeername(), server.getsockname());
  EXPECT_EQ(resolver.last.family, Family::ipv4);
  EXPECT_EQ(resolver.last.type, Socket::Type::stream);
}

ASYNC_TEST(SockConnectByName, SocketMayBeClosedMeanwhile) {
  auto& loop = asyncio::get_running_loop();
  FakeResolver resolver({{"127.0.0.1", 1}});
  resolver.delay = 1s;
  loop.set_resolver(&resolver);
  std::optional<Socket> client(Family::ipv4);
  auto connecting = asyncio::create_task(loop.sock_connect(*client, "server.test", 80));
  co_await asyncio::sleep(500ms);
  client.reset();
  auto result = co_await asyncio::as_result(std::move(connecting));
  EXPECT_EQ(asyncio::detail::describe(result.error()),
            "system_error: sock_connect(): the socket is closed: Bad file descriptor");
}

TEST(SockConnectByName, MayBeCancelledAtEachAwait) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await(&resolves_and_connects), "");
}

// --- lookups that are stuck ---------------------------------------------------------------------

namespace {

Coro<> are_cancelled_at_once() {
  auto& loop = asyncio::get_running_loop();
  std::vector<asyncio::Task<Addresses>> lookups;
  for (int n = 0; n < 20; ++n) {
    lookups.push_back(asyncio::create_task(loop.getaddrinfo("slow.test", 80)));
  }
  co_await StuckLookups::wait_for(8);
  EXPECT_EQ(co_await asyncio::to_thread([] { return 42; }), 42);
  for (auto& lookup : lookups) lookup.cancel();
  for (auto& lookup : lookups) {
    const auto end = co_await asyncio::as_result(std::move(lookup));
    EXPECT_TRUE(end.cancelled());
  }
}

Coro<> is_left_behind() {
  auto lookup = asyncio::create_task(asyncio::get_running_loop().getaddrinfo("slow.test", 80));
  co_await StuckLookups::wait_for(1);
  lookup.cancel();
  (void)co_await asyncio::as_result(std::move(lookup));
}

}  // namespace

// failure 68
TEST(StuckLookup, HoldsUpNeitherItsCallerNorOthersNorTheEnd) {
  const StuckLookups stuck;
  const auto begun = std::chrono::steady_clock::now();
  asyncio::run(&are_cancelled_at_once);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  EXPECT_EQ(StuckLookups::number(), 8);  // the others never began
}

// failure 68
TEST(StuckLookup, LoopMayBeClosedInTheMidstOfIt) {
  const support::LogCapture reports;  // of the task that is destroyed
  const StuckLookups stuck;
  auto loop = asyncio::new_event_loop();
  auto lookup = loop->create_task(loop->getaddrinfo("slow.test", 80));
  loop->run_until_complete(StuckLookups::wait_for(1));
  loop->close();
  EXPECT_EQ(reports.count("destroyed but it is pending"), 1);
}

// failure 68
TEST(StuckLookupDeathTest, ProgramEndsInTheMidstOfIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        auto* const stuck = new StuckLookups;
        asyncio::run(&is_left_behind);
        std::exit(stuck->number() == 1 ? 0 : 1);  // NOLINT: that is what is tested
      },
      testing::ExitedWithCode(0), "");
}
