#include <asyncio/cluster_redis.hpp>

#include "cluster/broker_contract.hpp"
#include "support/redis_server.hpp"

using namespace broker_contract;
using asyncio::cluster::RedisBroker;
using support::RedisServer;

namespace {

Coro<> run_case(const RedisServer& server, Case chosen) {
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  Store store;
  store.client = &client;
  store.worker = &worker;
  co_await chosen.run(store);
  co_await client.close();
  co_await worker.close();
}

class RedisBrokerContract : public ::testing::TestWithParam<Case> {};

}  // namespace

TEST_P(RedisBrokerContract, Holds) {
  if (!RedisServer::is_installed()) GTEST_SKIP() << "redis-server is not installed";
  const RedisServer server;
  EXPECT_EQ(asyncio::testing::run_test([&] { return run_case(server, GetParam()); }), "");
}

INSTANTIATE_TEST_SUITE_P(Cases, RedisBrokerContract, ::testing::ValuesIn(cases), name_of);
