#include <asyncio/error.hpp>

#include "cluster/redis_message.hpp"
#include "cluster/redis_operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

// By one call: Redis does nothing else meanwhile.
constexpr std::size_t most_messages = 100;
constexpr std::size_t most_bytes = std::size_t{1} << 20;

/// Some messages of one queue.
struct Batch {
  explicit Batch(RedisCall sent) noexcept : call(std::move(sent)) {}
  std::vector<std::size_t> which;
  RedisCall call;
};

void check(const Message& message) {
  if (message.id.empty() || message.queue.empty()) {
    asyncio::detail::throw_invalid_argument(
        fmt::format("publish(): a message has the id \"{}\" and the queue \"{}\"; neither may be "
                    "empty",
                    message.id, message.queue));
  }
  if (message.reply_to.find('\n') != std::string::npos) {
    asyncio::detail::throw_invalid_argument(
        "publish(): the name of a client has a line break; give it another one");
  }
}

// A queue is listed before anything is in it, so that nothing is where nobody looks.
Coro<> list_queue(RedisCore& core, std::string queue) {
  RedisCommand command({"SADD", core.queues_key(), queue});
  (void)co_await core.ask(std::move(command));
  core.listed().insert(std::move(queue));
}

// Whoever waits for replies learns of the queue before there can be one.
void watch_replies(RedisCore& core, const Message& message) {
  if (message.reply_to.empty()) return;
  const std::shared_ptr<RedisInbox> inbox = core.inbox(message.reply_to);
  std::string stream = core.base_of(message.queue) + ":reply:" + message.reply_to;
  if (inbox->seen.try_emplace(std::move(stream), "0-0").second) inbox->woken.set();
}

Batch send(RedisCore& core, const std::vector<Message>& messages, std::uint64_t max_queued,
           const std::vector<std::size_t>& of_queue, std::size_t& next) {
  RedisArguments arguments = core.arguments_for(messages[of_queue[next]].queue);
  arguments.own(std::to_string(std::min<std::uint64_t>(max_queued, INT64_MAX)));
  arguments.own(core.next_name());
  std::vector<std::size_t> which;
  std::size_t bytes = 0;
  while (next < of_queue.size() && which.size() < most_messages && bytes < most_bytes) {
    const Message& message = messages[of_queue[next]];
    arguments.number(milliseconds(message.delay));
    append_values(arguments, message);
    bytes += message.arguments.size();
    which.push_back(of_queue[next++]);
  }
  RedisScriptCall call(redis_scripts().publish, std::move(arguments));
  call.same = 5;  // with the queue and how many may wait
  call.head = 6;
  call.items = which.size();
  Batch batch(core.begin(std::move(call)));
  batch.which = std::move(which);
  return batch;
}

using ByQueue = std::map<std::string_view, std::vector<std::size_t>>;

ByQueue by_queue(RedisCore& core, const std::vector<Message>& messages) {
  ByQueue all;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    check(messages[i]);
    all[messages[i].queue].push_back(i);
  }
  for (const Message& message : messages) watch_replies(core, message);
  return all;
}

}  // namespace

Coro<std::vector<Accepted>> redis_publish(RedisCore& core, std::vector<Message> messages,
                                          std::uint64_t max_queued) {
  const ByQueue queues = by_queue(core, messages);
  for (const auto& [queue, which] : queues) {
    std::string name(queue);
    if (!core.listed().contains(name)) co_await list_queue(core, std::move(name));
  }
  std::vector<Batch> batches;
  for (const auto& [queue, which] : queues) {
    for (std::size_t next = 0; next < which.size();) {
      batches.push_back(send(core, messages, max_queued, which, next));
    }
  }
  std::vector<Accepted> accepted(messages.size());
  for (Batch& batch : batches) {
    const RedisReply reply = co_await core.end(batch.call);
    const RedisNode answers = reply[1];
    for (std::size_t i = 0; i < batch.which.size(); ++i) {
      accepted[batch.which[i]] = static_cast<Accepted>(answers[batch.call.first() + i].integer());
    }
    // All was deleted meanwhile, or it was made by this.
    std::string queue = messages[batch.which.front()].queue;
    if (reply[0].integer() != 0) co_await list_queue(core, std::move(queue));
  }
  co_return accepted;
}

Coro<> redis_cancel(RedisCore& core, std::string queue, std::string id, std::string client) {
  RedisArguments arguments = core.arguments_for(queue);
  arguments.view(id);
  arguments.view(client);
  (void)co_await core.run(redis_scripts().cancel, std::move(arguments));
}

}  // namespace asyncio::cluster::detail
