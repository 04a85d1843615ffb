#include "net/connect.hpp"

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/listeners.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Coro;
using asyncio::Duration;
using asyncio::Socket;
using asyncio::detail::connect_any;
using asyncio::detail::ConnectOptions;
using asyncio::detail::interleaved;
using support::BlackHole;
using support::listener;
using support::open_descriptors;
using support::refusing_address;
using Addresses = std::vector<Address>;
namespace sys = asyncio::detail::sys;

namespace {

/// For an await: g++ 12 takes no braced list in one.
template <class... As>
Addresses list(As... addresses) {
  Addresses all;
  (all.push_back(std::move(addresses)), ...);
  return all;
}

Coro<Socket> connect(Addresses addresses, ConnectOptions options = {}) {
  return connect_any(asyncio::get_running_loop(), std::move(addresses), {}, options);
}
Coro<Socket> connect_from(Addresses local_addresses, Addresses addresses) {
  return connect_any(asyncio::get_running_loop(), std::move(addresses), std::move(local_addresses),
                     {});
}
ConnectOptions staggered(Duration delay) { return {.happy_eyeballs_delay = delay}; }

/// What an error is called, and its text.
Coro<std::string> error_of(Coro<Socket> connecting) {
  auto result = co_await asyncio::as_result(std::move(connecting));
  co_return result ? "nothing" : asyncio::detail::describe(result.error());
}

std::string refused(const Address& address) {
  return "connect to " + address.str() + ": Connection refused";
}

std::string hosts_of(const Addresses& addresses) {
  std::string text;
  for (const Address& address : addresses) text += address.host() + " ";
  return text;
}

}  // namespace

// --- one after the other ------------------------------------------------------------------------

// NET-050
ASYNC_TEST(ConnectAny, TakesTheFirstAddressThatTakesIt) {
  Socket server = listener();
  Socket other = listener();
  const Addresses addresses{refusing_address(), server.getsockname(), other.getsockname()};
  Socket socket = co_await connect(addresses);
  EXPECT_EQ(socket.getpeername(), server.getsockname());
}

// NET-052
ASYNC_TEST(ConnectAny, TheErrorOfASingleAddressIsItsOwn) {
  const Address address = refusing_address();
  auto result = co_await asyncio::as_result(connect(list(address)));
  try {
    result.value();
    ADD_FAILURE() << "connected";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.what(), refused(address));
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

// NET-052
ASYNC_TEST(ConnectAny, DifferentErrorsAreToldTogether) {
  const Addresses addresses{refusing_address(), refusing_address("127.0.0.2")};
  auto result = co_await asyncio::as_result(connect(addresses));
  try {
    result.value();
    ADD_FAILURE() << "connected";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.what(),
              "Multiple exceptions: " + refused(addresses[0]) + ", " + refused(addresses[1]));
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

// NET-052
ASYNC_TEST(ConnectAny, EqualErrorsAreToldOnce) {
  const Address address = refusing_address();
  EXPECT_EQ(co_await error_of(connect(list(address, address))),
            "system_error: " + refused(address));
}

// NET-052
ASYNC_TEST(ConnectAny, AllErrorsAreAGroup) {
  const Addresses addresses{refusing_address(), refusing_address("127.0.0.2")};
  auto result = co_await asyncio::as_result(connect(addresses, {.all_errors = true}));
  EXPECT_EQ(support::members_of(result.error()),
            "create_connection failed: " + refused(addresses[0]) + ", " + refused(addresses[1]));
  auto single = co_await asyncio::as_result(connect(list(addresses[0]), {.all_errors = true}));
  EXPECT_EQ(support::members_of(single.error()),
            "create_connection failed: " + refused(addresses[0]));
}

// NET-050: no socket can be had for the first one
ASYNC_TEST(ConnectAny, GoesOnWithoutASocketForAnAddress) {
  Socket server = listener();
  const sys::Fault no_socket(sys::Call::socket, EAFNOSUPPORT);
  Socket socket = co_await connect(list(Address("::1", 1), server.getsockname()));
  EXPECT_EQ(socket.getpeername(), server.getsockname());
}

// NET-054
ASYNC_TEST(ConnectAny, OtherErrorsAreNotCollected) {
  const std::string error = co_await error_of(connect(list(Address(), refusing_address())));
  EXPECT_NE(error.find("invalid_argument"), std::string::npos) << error;
  const std::string in_a_race =
      co_await error_of(connect(list(Address(), refusing_address()), staggered(1s)));
  EXPECT_EQ(in_a_race, error);
}

ASYNC_TEST(ConnectAny, NeedsAnAddress) {
  const std::string error = co_await error_of(connect(list()));
  EXPECT_NE(error.find("invalid_argument: connect_any(): there is no address"), std::string::npos)
      << error;
}

// --- local addresses ----------------------------------------------------------------------------

// NET-053
ASYNC_TEST(ConnectAny, IsBoundToTheFirstLocalAddressThatCanBeHad) {
  Socket server = listener();
  Socket in_use = listener();
  const Addresses local{{"::1", 0}, in_use.getsockname(), {"127.0.0.3", 0}, {"127.0.0.4", 0}};
  Socket socket = co_await connect_from(local, list(server.getsockname()));
  EXPECT_EQ(socket.getsockname().host(), "127.0.0.3");
}

// NET-053
ASYNC_TEST(ConnectAny, NeedsALocalAddressOfTheFamily) {
  Socket server = listener();
  EXPECT_EQ(co_await error_of(connect_from(list(Address("::1", 0)), list(server.getsockname()))),
            "system_error: no matching local address with family=ipv4 found: Cannot assign "
            "requested address");
}

// NET-052, NET-053
ASYNC_TEST(ConnectAny, FailuresToBindAreTold) {
  Socket server = listener();
  Socket first = listener();
  Socket second = listener("127.0.0.2");
  const Addresses local{first.getsockname(), second.getsockname()};
  const std::string errors = "bind " + local[0].str() + ": Address already in use, bind " +
                             local[1].str() + ": Address already in use";
  auto result = co_await asyncio::as_result(connect_from(local, list(server.getsockname())));
  EXPECT_EQ(support::text_of(result.error()), "Multiple exceptions: " + errors);
}

// --- Happy Eyeballs -----------------------------------------------------------------------------

// NET-055
TEST(Interleaved, FamiliesAlternateAfterTheFirstOnes) {
  const Addresses addresses{{"::1", 0}, {"::2", 0},      {"::3", 0},
                            {"::4", 0}, {"10.0.0.1", 0}, {"10.0.0.2", 0}};
  EXPECT_EQ(hosts_of(interleaved(addresses, 1)), "::1 10.0.0.1 ::2 10.0.0.2 ::3 ::4 ");
  EXPECT_EQ(hosts_of(interleaved(addresses, 2)), "::1 ::2 10.0.0.1 ::3 10.0.0.2 ::4 ");
  EXPECT_EQ(hosts_of(interleaved(addresses, 9)), "::1 ::2 ::3 ::4 10.0.0.1 10.0.0.2 ");
  EXPECT_EQ(hosts_of(interleaved({}, 1)), "");
}

// NET-055
ASYNC_TEST(HappyEyeballs, AFastFirstAddressIsTheOnlyOneThatIsTried) {
  Socket server = listener();
  const sys::Fault count(sys::Call::connect, 0, ~std::uint64_t{0});
  Socket socket = co_await connect(list(server.getsockname(), refusing_address()), staggered(1s));
  EXPECT_EQ(socket.getpeername(), server.getsockname());
  EXPECT_EQ(count.seen(), 1);
}

// NET-055, failure 69: a black hole, then one that refuses, then one that takes it
ASYNC_TEST(HappyEyeballs, NeitherASlowNorARefusingAddressHoldsItUp) {
  auto& loop = asyncio::get_running_loop();
  const BlackHole hole;
  Socket server = listener();
  const Addresses addresses{hole.address(), refusing_address(), server.getsockname()};
  const std::size_t before = open_descriptors().size();
  const auto begun = loop.time();
  {
    Socket socket = co_await connect(addresses, staggered(50ms));
    EXPECT_EQ(socket.getpeername(), server.getsockname());
    EXPECT_EQ(open_descriptors().size(), before + 1);  // the loser is closed
  }
  EXPECT_GE(loop.time() - begun, Duration(50ms));
  EXPECT_EQ(asyncio::all_tasks().size(), 1u);
}

// NET-055
ASYNC_TEST(HappyEyeballs, TheNextAddressNeedNotWaitForTheDelayOfOneThatHasFailed) {
  auto& loop = asyncio::get_running_loop();
  Socket server = listener();
  const auto begun = loop.time();
  Socket socket = co_await connect(list(refusing_address(), server.getsockname()), staggered(1h));
  EXPECT_EQ(socket.getpeername(), server.getsockname());
  EXPECT_LT(loop.time() - begun, Duration(30min));
}

// NET-055: errors are told in the order in which the addresses were tried
ASYNC_TEST(HappyEyeballs, FamiliesAlternate) {
  const Addresses addresses{refusing_address(), refusing_address("127.0.0.2"), {"::1", 1}};
  auto result = co_await asyncio::as_result(connect(addresses, staggered(1h)));
  const std::string errors = support::text_of(result.error());
  EXPECT_TRUE(errors.starts_with("Multiple exceptions: " + refused(addresses[0]))) << errors;
  EXPECT_TRUE(errors.ends_with(refused(addresses[1]))) << errors;
  const ConnectOptions as_they_come{.happy_eyeballs_delay = 1h, .interleave = 0};
  auto plain = co_await asyncio::as_result(connect(addresses, as_they_come));
  const std::string plain_errors = support::text_of(plain.error());
  EXPECT_FALSE(plain_errors.ends_with(refused(addresses[1]))) << plain_errors;
}

// NET-052, failure 69
ASYNC_TEST(HappyEyeballs, AllErrorsAreToldInTheOrderOfTheAddresses) {
  const Addresses addresses{refusing_address(), refusing_address("127.0.0.2")};
  auto result = co_await asyncio::as_result(connect(addresses, staggered(1s)));
  EXPECT_EQ(support::text_of(result.error()),
            "Multiple exceptions: " + refused(addresses[0]) + ", " + refused(addresses[1]));
}

// NET-062, failure 69
ASYNC_TEST(HappyEyeballs, CancellationClosesAllAttemptsAtOnce) {
  const BlackHole hole;
  const std::size_t before = open_descriptors().size();
  auto connecting =
      asyncio::create_task(connect(list(hole.address(), hole.address()), staggered(10ms)));
  while (open_descriptors().size() < before + 2) co_await asyncio::sleep(1ms);
  connecting.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(std::move(connecting))).cancelled());
  EXPECT_EQ(open_descriptors().size(), before);
  EXPECT_EQ(asyncio::all_tasks().size(), 1u);
}

// --- cancellation -------------------------------------------------------------------------------

// NET-054, NET-062
ASYNC_TEST(ConnectAny, ATimeLimitClosesTheSocket) {
  const BlackHole hole;
  const std::size_t before = open_descriptors().size();
  auto limited = asyncio::wait_for(connect(list(hole.address(), hole.address())), 20ms);
  auto result = co_await asyncio::as_result(std::move(limited));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(result.error()));
  EXPECT_EQ(open_descriptors().size(), before);
}

// failure 40
ASYNC_TEST(ConnectAny, TenThousandCancelledOnesLeaveNoDescriptor) {
  const BlackHole hole;
  const std::size_t before = open_descriptors().size();
  for (int n = 0; n < 10'000; ++n) {
    const ConnectOptions options = n % 2 == 0 ? ConnectOptions() : staggered(1h);
    auto connecting = asyncio::create_task(connect(list(hole.address(), hole.address()), options));
    co_await asyncio::sleep(0s);
    if (n % 4 >= 2) co_await asyncio::sleep(0s);  // a race has begun to connect, then
    connecting.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(std::move(connecting))).cancelled());
  }
  EXPECT_EQ(open_descriptors().size(), before);
}

namespace {

/// An attempt that is cancelled by itself counts as one that has failed.
Coro<> connects_or_fails(Addresses addresses, ConnectOptions options) {
  const auto end = co_await asyncio::as_result(connect(std::move(addresses), options));
  if (!end && !support::is_a<std::system_error>(end.error())) end.value();
}
/// With a loser before and behind the winner.
Coro<> connects(ConnectOptions options) {
  Socket server = listener();
  const Addresses addresses{refusing_address(), server.getsockname(), refusing_address()};
  co_await connects_or_fails(addresses, options);
}
Coro<> one_after_the_other() { return connects({}); }
Coro<> overlapping() { return connects(staggered(1ms)); }
Coro<> all_at_once() { return connects(staggered(0ms)); }
Coro<> in_vain() {
  const Addresses addresses{refusing_address(), refusing_address()};
  co_await connects_or_fails(addresses, staggered(0ms));
}

}  // namespace

// failure 40, failure 69
TEST(ConnectAnyDisturbed, OneAfterTheOther) {
  EXPECT_EQ(support::torture(&one_after_the_other), "");
}

// failure 40, failure 69
TEST(ConnectAnyDisturbed, Overlapping) { EXPECT_EQ(support::torture(&overlapping), ""); }

// failure 40, failure 69
TEST(ConnectAnyDisturbed, AllAtOnce) { EXPECT_EQ(support::torture(&all_at_once), ""); }

// failure 40, failure 69
TEST(ConnectAnyDisturbed, InVain) { EXPECT_EQ(support::torture(&in_vain), ""); }
