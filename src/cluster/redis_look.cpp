#include <asyncio/error.hpp>

#include "cluster/redis_message.hpp"
#include "cluster/redis_operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

// Nobody looks at more, and Redis counts with a sign.
std::int64_t bounded(std::uint64_t most) noexcept {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(most, 1'000'000'000));
}

std::uint64_t count_of(const RedisNode& node) noexcept {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(node.integer(), 0));
}

double rate_of(const RedisNode& node) noexcept {
  const std::string_view digits = node.text();
  double rate = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rate);
  return rate;
}

WorkerStatus worker_of(const RedisNode& node) {
  WorkerStatus worker;
  worker.name = node[0].text();
  worker.concurrency = static_cast<std::uint32_t>(count_of(node[1]));
  worker.running = count_of(node[2]);
  worker.silent = from_milliseconds(node[3].integer());
  return worker;
}

QueueStatus status_of(std::string queue, const RedisReply& reply) {
  QueueStatus status;
  status.queue = std::move(queue);
  status.queued = count_of(reply[0]);
  status.running = count_of(reply[1]);
  status.delayed = count_of(reply[2]);
  status.dead = count_of(reply[3]);
  const RedisNode counts = reply[4];
  status.accepted = count_of(field(counts, "accepted"));
  status.finished = count_of(field(counts, "finished"));
  status.failed = count_of(field(counts, "failed"));
  status.retried = count_of(field(counts, "retried"));
  status.redelivered = count_of(field(counts, "redelivered"));
  status.duplicates = count_of(field(counts, "duplicates"));
  status.rate = rate_of(reply[5]);
  const RedisNode workers = reply[6];
  for (std::size_t i = 0; i < workers.size(); ++i) status.workers.push_back(worker_of(workers[i]));
  return status;
}

DeadLetter letter_of(const RedisNode& entry, std::string_view queue) {
  DeadLetter letter;
  letter.entry = entry[0].text();
  // What cannot be read is a dead letter for that: it has what could be.
  (void)read_message(entry[1], queue, letter.message);
  letter.reason = field(entry[1], "reason").text();
  return letter;
}

}  // namespace

Coro<std::vector<std::string>> redis_queues(RedisCore& core) {
  RedisCommand command({"SMEMBERS", core.queues_key()});
  const RedisReply reply = co_await core.ask(std::move(command));
  std::vector<std::string> queues;
  for (std::size_t i = 0; i < reply.size(); ++i) queues.emplace_back(reply[i].text());
  std::sort(queues.begin(), queues.end());
  co_return queues;
}

Coro<QueueStatus> redis_status(RedisCore& core, std::string queue) {
  RedisArguments arguments = core.arguments_for(queue);
  const RedisReply reply = co_await core.run(redis_scripts().status, std::move(arguments));
  QueueStatus status = status_of(std::move(queue), reply);
  co_return status;
}

Coro<std::vector<Message>> redis_queued(RedisCore& core, std::string queue, std::uint64_t most) {
  RedisArguments arguments = core.arguments_for(queue);
  arguments.number(bounded(most));
  const RedisReply reply = co_await core.run(redis_scripts().queued, std::move(arguments));
  std::vector<Message> messages(reply.size());
  for (std::size_t i = 0; i < reply.size(); ++i) {
    // Of what cannot be read it shows what can: it is no dead letter before somebody claims it.
    (void)read_message(reply[i][0], queue, messages[i]);
    messages[i].delay = from_milliseconds(reply[i][1].integer());
  }
  co_return messages;
}

Coro<std::vector<DeadLetter>> redis_dead(RedisCore& core, std::string queue, std::string after,
                                         std::uint64_t most) {
  const std::string key = core.base_of(queue) + ":dead";
  const std::string from = after.empty() ? "-" : "(" + after;
  const std::string count = std::to_string(bounded(most));
  std::vector<DeadLetter> letters;
  if (most == 0) co_return letters;
  RedisCommand command({"XRANGE", key, from, "+", "COUNT", count});
  const RedisReply reply = co_await core.ask(std::move(command));
  for (std::size_t i = 0; i < reply.size(); ++i) letters.push_back(letter_of(reply[i], queue));
  co_return letters;
}

Coro<std::uint64_t> redis_requeue(RedisCore& core, std::string queue,
                                  std::vector<std::string> entries) {
  constexpr std::size_t most = 100;
  std::uint64_t requeued = 0;
  for (std::size_t next = 0; next < entries.size();) {
    RedisArguments arguments = core.arguments_for(queue);
    const std::size_t end = std::min(next + most, entries.size());
    for (; next < end; ++next) arguments.view(entries[next]);
    const RedisReply reply = co_await core.run(redis_scripts().requeue, std::move(arguments));
    requeued += count_of(reply);
  }
  co_return requeued;
}

Coro<std::uint64_t> redis_drain(RedisCore& core, std::string queue) {
  std::uint64_t drained = 0;
  for (;;) {
    RedisArguments arguments = core.arguments_for(queue);
    const RedisReply reply = co_await core.run(redis_scripts().drain, std::move(arguments));
    if (count_of(reply) == 0) co_return drained;
    drained += count_of(reply);
  }
}

Coro<> redis_limit_rate(RedisCore& core, std::string queue, double per_second) {
  if (!(per_second >= 0) || per_second > 1e9) {
    asyncio::detail::throw_invalid_argument(fmt::format(
        "limit_rate(): {} a second; give a number from 0, which is no limit, to 1e9", per_second));
  }
  RedisArguments arguments = core.arguments_for(queue);
  arguments.own(fmt::format("{}", per_second));
  (void)co_await core.run(redis_scripts().limit_rate, std::move(arguments));
}

}  // namespace asyncio::cluster::detail
