#include <asyncio/cluster_redis.hpp>

#include "cluster/redis_url.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <string>

using asyncio::cluster::detail::parse_redis_url;
using asyncio::cluster::detail::RedisAddress;

TEST(RedisUrl, NamesHostPortAndDatabase) {
  const RedisAddress address = parse_redis_url("redis://redis.example:7000/3");
  EXPECT_EQ(address.host, "redis.example");
  EXPECT_EQ(address.port, 7000);
  EXPECT_EQ(address.database, 3U);
  EXPECT_FALSE(address.tls);
  EXPECT_EQ(address.user, "");
  EXPECT_EQ(address.password, "");
}

TEST(RedisUrl, HasRedisPortAndTheFirstDatabaseUnlessItSaysOthers) {
  for (const char* url : {"redis://localhost", "redis://localhost/"}) {
    const RedisAddress address = parse_redis_url(url);
    EXPECT_EQ(address.port, 6379);
    EXPECT_EQ(address.database, 0U);
  }
}

TEST(RedisUrl, TakesAPasswordWithOrWithoutAUser) {
  const RedisAddress address = parse_redis_url("rediss://ann:p%40ss%2Fw%3a@host");
  EXPECT_TRUE(address.tls);
  EXPECT_EQ(address.user, "ann");
  EXPECT_EQ(address.password, "p@ss/w:");
  EXPECT_EQ(address.host, "host");
  EXPECT_EQ(parse_redis_url("redis://:secret@host").password, "secret");
  EXPECT_EQ(parse_redis_url("redis://:secret@host").user, "");
}

TEST(RedisUrl, TakesAddressesOfIpVersion6) {
  const RedisAddress address = parse_redis_url("redis://[::1]:7000/1");
  EXPECT_EQ(address.host, "::1");
  EXPECT_EQ(address.port, 7000);
  EXPECT_EQ(address.shown(), "redis://[::1]:7000");
}

TEST(RedisUrl, TakesThePathOfASocket) {
  const RedisAddress address = parse_redis_url("unix://:secret@/run/redis/my%20socket?db=2");
  EXPECT_EQ(address.path, "/run/redis/my socket");
  EXPECT_EQ(address.password, "secret");
  EXPECT_EQ(address.database, 2U);
  EXPECT_EQ(parse_redis_url("unix:///run/redis@home/socket").path, "/run/redis@home/socket");
}

TEST(RedisUrl, IsShownWithoutItsPassword) {
  EXPECT_EQ(parse_redis_url("rediss://ann:secret@host").shown(), "rediss://host:6379");
  EXPECT_EQ(parse_redis_url("unix://:secret@/run/s").shown(), "unix:///run/s");
}

TEST(RedisUrl, RefusesWhatIsNone) {
  for (const char* url :
       {"", "localhost:6379", "http://localhost", "redis://", "redis://host:port", "redis://host:0",
        "redis://host:70000", "redis://host/x", "redis://host/1/2", "redis://user@host",
        "redis://:%4@host", "redis://:%zz@host", "redis://[::1", "redis://[::1]x", "unix://path",
        "unix:///path?database=1", "unix:///path?db=", "redis://host/-1"}) {
    EXPECT_THROW((void)parse_redis_url(url), std::invalid_argument) << url;
  }
}

TEST(RedisUrl, SaysWhatIsWrongWithItButNotThePassword) {
  EXPECT_EQ(support::thrown_by(
                [] { const asyncio::cluster::RedisBroker broker("redis://:secret@host:port"); }),
            "invalid_argument: RedisBroker(): the URL has \"port\" where the port belongs; give "
            "\"redis://[USER:PASSWORD@]HOST[:6379][/DATABASE]\", \"rediss://...\" for TLS, or "
            "\"unix://[USER:PASSWORD@]/PATH[?db=DATABASE]\"");
}
