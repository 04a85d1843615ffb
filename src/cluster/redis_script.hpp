#pragma once

#include <string>
#include <string_view>

namespace asyncio::cluster::detail {

/// A Lua script, which Redis runs as one step, and the name by which it knows it.
class RedisScript {
 public:
  explicit RedisScript(std::string source);

  [[nodiscard]] std::string_view source() const noexcept { return source_; }
  /// The SHA-1 of the source, for EVALSHA.
  [[nodiscard]] std::string_view sha() const noexcept { return sha_; }

 private:
  std::string source_;
  std::string sha_;
};

/// Every script that there is. The first key of each is what the keys of a queue begin with, e.g.
/// "asyncio:{mail}"; what follows a ":" after that belongs to the queue, on the same node of a
/// cluster, since it has the same braces. docs/cluster.md has the keys.
///
/// Each may be run again with the same arguments when its answer was lost.
struct RedisScripts {
  RedisScripts();

  /// Arguments: how many may wait (0: any number); what no other call has; of each message its
  /// delay in ms and its values.
  /// Returns: whether the queue is new, and of each message the number of an Accepted.
  RedisScript publish;
  /// Keys: of several queues. Arguments: the consumer, how many, whether its control stream may be
  /// missing, and of each queue the last entry of that which it has seen.
  /// Returns: of each queue the entries; the ids that were cancelled, each before its entry; how
  /// many ms to wait for the rate (-1: there is none); and the last entry that the stream had.
  RedisScript claim;
  /// Arguments: the consumer, its concurrency, and the entries. Returns: those that it has not.
  RedisScript extend;
  /// Arguments: of each end the id, the entry, the outcome, the payload.
  RedisScript finish;
  /// Arguments: id, entry, the reason, the payload.
  RedisScript fail;
  /// Arguments: the entry, the delay in ms, the values of the message.
  RedisScript delay;
  /// Arguments: the id, how much is done, of how much.
  RedisScript report;
  /// Arguments: visibility in ms, the most deliveries, the reason and the payload of those that had
  /// so many. Returns: for how many ms nothing will be due.
  RedisScript tend;
  /// Arguments: the consumer, then as for tend.
  RedisScript leave;
  /// Arguments: the id, the client.
  RedisScript cancel;
  /// Returns: queued, running, delayed, dead; the counts; the rate; and of each worker its name,
  /// its concurrency, how many it has, for how many ms it is silent.
  RedisScript status;
  /// Arguments: how many. Returns: the fields of each, and for how many ms it is delayed.
  RedisScript queued;
  /// Arguments: the entries. Returns: how many there were.
  RedisScript requeue;
  /// Drops at most a hundred. Returns: how many.
  RedisScript drain;
  /// Arguments: how many a second.
  RedisScript limit_rate;
};

[[nodiscard]] const RedisScripts& redis_scripts();

}  // namespace asyncio::cluster::detail
