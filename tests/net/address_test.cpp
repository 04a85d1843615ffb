#include <asyncio/address.hpp>

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/errors.hpp"

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

using asyncio::Address;
using Family = asyncio::Address::Family;

namespace {

Address round_trip(const Address& address) {
  sockaddr_storage raw;
  std::memset(&raw, 0x5a, sizeof raw);
  const unsigned size = address.to_raw(&raw);
  EXPECT_LE(size, sizeof raw);
  return {reinterpret_cast<const sockaddr*>(&raw), size};
}

}  // namespace

// LOOP-084
TEST(Address, TakesNumericHosts) {
  const Address four("127.0.0.1", 80);
  EXPECT_EQ(four.family(), Family::ipv4);
  EXPECT_TRUE(four.is_ip());
  EXPECT_EQ(four.host(), "127.0.0.1");
  EXPECT_EQ(four.port(), 80);
  EXPECT_EQ(four.str(), "127.0.0.1:80");
  const Address six("0:0::0:1", 65535);
  EXPECT_EQ(six.family(), Family::ipv6);
  EXPECT_EQ(six.host(), "::1");
  EXPECT_EQ(six.str(), "[::1]:65535");
  EXPECT_EQ(Address("::ffff:1.2.3.4", 1).host(), "::ffff:1.2.3.4");
}

// LOOP-084
TEST(Address, RefusesWhatIsNotNumeric) {
  using std::string_literals::operator""s;
  for (const std::string& host :
       {""s, "localhost"s, "1.2.3"s, "1.2.3.4.5"s, "256.0.0.1"s, "127.0.0.1 "s, " ::1"s, "[::1]"s,
        "::1::"s, "127.0.0.1%1"s, "fe80::1%"s, "fe80::1%no-such-interface"s, "fe80::1%4294967296"s,
        "fe80::1%0"s, "127.0.0.1\0x"s, std::string(1000, '1'), "%"s, "%1"s}) {
    EXPECT_FALSE(Address::is_numeric(host)) << host;
    EXPECT_THROW(Address(host, 1), std::invalid_argument) << host;
  }
  EXPECT_TRUE(Address::is_numeric("::"));
  EXPECT_EQ(support::thrown_by([] { (void)Address("localhost", 1); }),
            "invalid_argument: Address: \"localhost\" is not a numeric address; resolve a "
            "name with getaddrinfo()");
}

// LOOP-084
TEST(Address, AScopeIsANumberOrAnInterface) {
  const Address numbered("fe80::1%7", 80);
  EXPECT_EQ(numbered.host(), "fe80::1%7");
  EXPECT_EQ(numbered.str(), "[fe80::1%7]:80");
  EXPECT_EQ(round_trip(numbered), numbered);
  EXPECT_NE(numbered, Address("fe80::1%8", 80));
  EXPECT_NE(numbered, Address("fe80::1", 80));
  const unsigned loopback = ::if_nametoindex("lo");
  if (loopback == 0) GTEST_SKIP() << "there is no interface lo";
  EXPECT_EQ(Address("fe80::1%lo", 80).host(), "fe80::1%" + std::to_string(loopback));
}

// NET-061
TEST(Address, OfAUnixSocketIsAPath) {
  const Address address = Address::unix_path("/run/x.sock");
  EXPECT_EQ(address.family(), Family::unix_);
  EXPECT_FALSE(address.is_ip());
  EXPECT_EQ(address.path(), "/run/x.sock");
  EXPECT_EQ(address.host(), "");
  EXPECT_EQ(address.port(), 0);
  EXPECT_EQ(address.str(), "/run/x.sock");
  EXPECT_EQ(round_trip(address), address);
}

// NET-061
TEST(Address, AnAbstractNameBeginsWithNulOrAt) {
  const std::string name("\0name", 5);
  const Address address = Address::unix_path(name);
  EXPECT_EQ(address, Address::unix_path("@name"));
  EXPECT_EQ(address.path(), name);
  EXPECT_EQ(address.str(), "@name");
  EXPECT_EQ(round_trip(address), address);
  EXPECT_NE(address, Address::unix_path("name"));
}

// NET-061
TEST(Address, APathThatIsTooLongOrHasANulIsRefused) {
  const std::string longest(107, 'x');
  EXPECT_EQ(round_trip(Address::unix_path(longest)).path(), longest);
  EXPECT_EQ(round_trip(Address::unix_path("@" + longest.substr(1))).path().size(), 107U);
  EXPECT_EQ(support::thrown_by([&] { (void)Address::unix_path(longest + "x"); }),
            "invalid_argument: Address: the path of a Unix socket has 108 bytes, \"" + longest +
                "x\"; 107 are the most");
  EXPECT_THROW((void)Address::unix_path(std::string("/a\0b", 4)), std::invalid_argument);
  EXPECT_THROW((void)Address::unix_path(std::string("\0a\0b", 4)), std::invalid_argument);
}

// NET-061: the system may give what it would not take
TEST(Address, ThePathThatFillsTheStructureIsKept) {
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  std::memset(raw.sun_path, 'x', sizeof raw.sun_path);
  const auto* generic = reinterpret_cast<const sockaddr*>(&raw);
  const Address address(generic, sizeof raw);
  EXPECT_EQ(address.path(), std::string(sizeof raw.sun_path, 'x'));
  EXPECT_EQ(round_trip(address), address);
  raw.sun_path[0] = '\0';
  const Address abstract(generic, sizeof raw);
  EXPECT_EQ(abstract.path().size(), sizeof raw.sun_path);
  EXPECT_EQ(round_trip(abstract), abstract);
}

// NET-061
TEST(Address, AnUnnamedUnixSocketHasAnEmptyPath) {
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  const Address unnamed(reinterpret_cast<const sockaddr*>(&raw), sizeof raw.sun_family);
  EXPECT_EQ(unnamed.family(), Family::unix_);
  EXPECT_EQ(unnamed.path(), "");
  EXPECT_EQ(unnamed.str(), "an unnamed Unix socket");
  EXPECT_EQ(unnamed, Address::unix_path(""));
  EXPECT_EQ(round_trip(unnamed), unnamed);
}

TEST(Address, WhatIsCutOffOrOfAnotherFamilyIsNone) {
  sockaddr_storage raw{};
  raw.ss_family = AF_INET;
  const auto* generic = reinterpret_cast<const sockaddr*>(&raw);
  EXPECT_EQ(Address(generic, 0), Address());
  EXPECT_EQ(Address(generic, sizeof(sockaddr_in) - 1), Address());
  raw.ss_family = AF_INET6;
  EXPECT_EQ(Address(generic, sizeof(sockaddr_in6) - 1), Address());
  raw.ss_family = AF_PACKET;
  EXPECT_EQ(Address(generic, sizeof raw), Address());
  EXPECT_EQ(Address().family(), Family::none);
  EXPECT_EQ(Address().str(), "nowhere");
  EXPECT_EQ(round_trip(Address()), Address());
}

TEST(Address, ComesBackFromTheSystemsStructure) {
  for (const char* host : {"0.0.0.0", "255.255.255.255", "127.0.0.1", "::", "::1", "fe80::1%3",
                           "2001:db8:1:2:3:4:5:6"}) {
    for (const int port : {0, 1, 80, 65535}) {
      const Address address(host, static_cast<std::uint16_t>(port));
      EXPECT_EQ(round_trip(address), address) << address.str();
      EXPECT_EQ(Address(address.host(), address.port()), address) << address.str();
    }
  }
}

TEST(Address, WithPortChangesNothingElse) {
  const Address address("fe80::1%3", 80);
  EXPECT_EQ(address.with_port(81), Address("fe80::1%3", 81));
  EXPECT_EQ(address.port(), 80);
  EXPECT_NE(address, address.with_port(81));
}
