#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/cluster_redis.hpp>
#include <asyncio/codec.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include "support/redis_server.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace support {

using asyncio::Coro;
using asyncio::cluster::Accepted;
using asyncio::cluster::Claimed;
using asyncio::cluster::Consumer;
using asyncio::cluster::Delivery;
using asyncio::cluster::Finished;
using asyncio::cluster::Lease;
using asyncio::cluster::Message;
using asyncio::cluster::Outcome;
using asyncio::cluster::RedisBroker;
using asyncio::cluster::RedisOptions;
using asyncio::cluster::Reply;

inline Message message(std::string id, std::string reply_to = "client") {
  Message made;
  made.id = std::move(id);
  made.queue = "mail";
  made.task = "send";
  made.version = 0xabc;
  made.arguments = "arguments of " + made.id;
  made.reply_to = std::move(reply_to);
  return made;
}

inline std::vector<Message> messages(int count, std::string reply_to = "client") {
  std::vector<Message> made;
  for (int i = 0; i < count; ++i) made.push_back(message("m" + std::to_string(i), reply_to));
  return made;
}

inline Consumer consumer(std::string name = "worker") {
  Consumer made;
  made.name = std::move(name);
  made.queues = {"mail"};
  made.concurrency = 4;
  return made;
}

inline Coro<std::vector<Accepted>> publish(RedisBroker& broker, Message one,
                                           std::uint64_t max_queued = 0) {
  std::vector<Message> all;
  all.push_back(std::move(one));
  auto accepted = co_await broker.publish(std::move(all), max_queued);
  co_return accepted;
}

inline Finished finished(const Lease& lease, std::string payload = "done",
                         Outcome outcome = Outcome::value) {
  Finished made;
  made.lease = lease;
  made.outcome = outcome;
  made.payload = std::move(payload);
  return made;
}

inline Coro<> finish(RedisBroker& broker, Lease lease, std::string payload = "done") {
  std::vector<Finished> ends;
  ends.push_back(finished(lease, std::move(payload)));
  co_await broker.finish(std::move(ends));
}

/// One that is alone.
inline Coro<Delivery> claim_one(RedisBroker& broker, const Consumer& who) {
  Claimed claimed = co_await broker.claim(who, 1);
  Delivery one = claimed.deliveries.at(0);
  co_return one;
}

/// That it lives.
inline Coro<> beat(RedisBroker& broker, const Consumer& who) {
  std::vector<Lease> none;
  auto lost = co_await broker.extend(who, std::move(none));
  if (!lost.empty()) throw std::logic_error("beat(): leases that nobody has are lost");
}

inline std::vector<std::string> ids(const std::vector<Message>& all) {
  std::vector<std::string> found;
  for (const Message& one : all) found.push_back(one.id);
  return found;
}
inline std::vector<std::string> ids(const std::vector<Delivery>& all) {
  std::vector<std::string> found;
  for (const Delivery& one : all) found.push_back(one.message.id);
  return found;
}

}  // namespace support
