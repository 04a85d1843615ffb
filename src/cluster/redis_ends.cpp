#include "cluster/failures.hpp"
#include "cluster/redis_message.hpp"
#include "cluster/redis_operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

// By one call: Redis does nothing else meanwhile.
constexpr std::size_t most_ends = 100;

/// The arguments that a dead delivery is told with.
void append_limits(RedisArguments& arguments, const Consumer& consumer) {
  const std::uint32_t most = std::max<std::uint32_t>(consumer.max_deliveries, 1);
  const std::string reason = fmt::format(
      "delivered {} times to workers that did not come back with it; does it crash them, or take "
      "longer than the visibility time of {} s without a heartbeat?",
      most, consumer.visibility.seconds());
  arguments.number(milliseconds(consumer.visibility));
  arguments.number(most);
  arguments.own(reason);
  arguments.own(encode_lost(reason));
}

template <class T>
using ByQueue = std::map<std::string_view, std::vector<const T*>>;

RedisCall send_ends(RedisCore& core, std::string_view queue,
                    const std::vector<const Finished*>& all, std::size_t& next) {
  RedisArguments arguments = core.arguments_for(queue);
  const std::size_t end = std::min(next + most_ends, all.size());
  const std::size_t items = end - next;
  for (; next < end; ++next) {
    const Finished& one = *all[next];
    arguments.view(one.lease.id);
    arguments.view(one.lease.entry);
    arguments.view(name_of(one.outcome));
    arguments.view(one.payload);
  }
  RedisScriptCall call(redis_scripts().finish, std::move(arguments));
  call.same = 4;  // with the queue
  call.head = 4;
  call.items = items;
  return core.begin(std::move(call));
}

/// The leases of one queue that are extended, and what Redis says of them.
struct Extension {
  Extension(RedisCall sent, std::vector<const Lease*> of) noexcept
      : call(std::move(sent)), leases(std::move(of)) {}
  RedisCall call;
  std::vector<const Lease*> leases;
};

void add_lost(std::vector<Lease>& lost, const Extension& extension, const RedisReply& entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (const Lease* lease : extension.leases) {
      if (lease->entry == entries[i].text()) lost.push_back(*lease);
    }
  }
}

}  // namespace

std::string introduction_of(const Consumer& consumer) {
  return fmt::format("{} {}", consumer.concurrency, milliseconds(consumer.visibility));
}

Coro<std::vector<Lease>> redis_extend(RedisCore& core, const Consumer& consumer,
                                      std::vector<Lease> leases) {
  ByQueue<Lease> queues;
  for (const std::string& queue : consumer.queues) queues[queue];  // also without any
  for (const Lease& lease : leases) queues[lease.queue].push_back(&lease);
  std::vector<Extension> extensions;
  for (auto& [queue, of_queue] : queues) {
    RedisArguments arguments = core.arguments_for(queue);
    arguments.view(consumer.name);
    arguments.own(introduction_of(consumer));
    for (const Lease* lease : of_queue) arguments.view(lease->entry);
    extensions.emplace_back(core.begin(redis_scripts().extend, std::move(arguments)),
                            std::move(of_queue));
  }
  std::vector<Lease> lost;
  for (Extension& extension : extensions) {
    const RedisReply entries = co_await core.end(extension.call);
    add_lost(lost, extension, entries);
  }
  co_return lost;
}

Coro<> redis_finish(RedisCore& core, std::vector<Finished> ends) {
  ByQueue<Finished> queues;
  for (const Finished& end : ends) queues[end.lease.queue].push_back(&end);
  std::vector<RedisCall> calls;
  for (const auto& [queue, of_queue] : queues) {
    for (std::size_t next = 0; next < of_queue.size();) {
      calls.push_back(send_ends(core, queue, of_queue, next));
    }
  }
  for (RedisCall& call : calls) (void)co_await core.end(call);
}

Coro<> redis_fail(RedisCore& core, Delivery delivery, std::string reason, std::string payload) {
  const Lease& lease = delivery.lease;
  RedisArguments arguments = core.arguments_for(lease.queue);
  for (const std::string_view one : {std::string_view(lease.id), std::string_view(lease.entry),
                                     std::string_view(reason), std::string_view(payload)}) {
    arguments.view(one);
  }
  arguments.number(delivery.message.attempt);
  (void)co_await core.run(redis_scripts().fail, std::move(arguments));
}

Coro<> redis_delay(RedisCore& core, Delivery delivery, Duration delay) {
  RedisArguments arguments = core.arguments_for(delivery.lease.queue);
  arguments.view(delivery.lease.entry);
  arguments.number(milliseconds(delay));
  append_values(arguments, delivery.message);
  (void)co_await core.run(redis_scripts().delay, std::move(arguments));
}

Coro<> redis_report(RedisCore& core, Lease lease, std::int64_t done, std::int64_t total) {
  RedisArguments arguments = core.arguments_for(lease.queue);
  arguments.view(lease.id);
  arguments.number(done);
  arguments.number(total);
  (void)co_await core.run(redis_scripts().report, std::move(arguments));
}

Coro<Duration> redis_tend(RedisCore& core, const Consumer& consumer) {
  std::vector<RedisCall> calls;
  for (const std::string& queue : consumer.queues) {
    RedisArguments arguments = core.arguments_for(queue);
    append_limits(arguments, consumer);
    calls.push_back(core.begin(redis_scripts().tend, std::move(arguments)));
  }
  Duration quiet = from_milliseconds(1000);
  for (RedisCall& call : calls) {
    const RedisReply reply = co_await core.end(call);
    quiet = std::min(quiet, from_milliseconds(reply.integer()));
  }
  co_return quiet;
}

Coro<> redis_leave(RedisCore& core, const Consumer& consumer) {
  // Its connection waits for messages no more: what is given back must not come to it.
  co_await core.forget_claimer(consumer.name);
  for (const std::string& queue : consumer.queues) {
    RedisArguments arguments = core.arguments_for(queue);
    arguments.view(consumer.name);
    append_limits(arguments, consumer);
    (void)co_await core.run(redis_scripts().leave, std::move(arguments));
  }
}

}  // namespace asyncio::cluster::detail
