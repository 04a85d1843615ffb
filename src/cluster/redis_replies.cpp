#include "cluster/redis_message.hpp"
#include "cluster/redis_operations.hpp"

#include <exception>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

constexpr std::string_view most_replies = "1000";

RedisCommand read_command(const RedisInbox& inbox) {
  std::vector<std::string_view> arguments{"XREAD", "COUNT",          most_replies,
                                          "BLOCK", longest_block_ms, "STREAMS"};
  for (const auto& [stream, seen] : inbox.seen) arguments.push_back(stream);
  for (const auto& [stream, seen] : inbox.seen) arguments.push_back(seen);
  return RedisCommand(arguments);
}

// What was given away may go from Redis. The last one stays, where the next ones begin.
void trim(RedisCore& core, RedisInbox& inbox) {
  for (const std::string& stream : std::exchange(inbox.given, {})) {
    core.post(RedisCommand({"XTRIM", stream, "MINID", inbox.seen.find(stream)->second}));
  }
}

Reply read_reply(const RedisNode& fields) {
  Reply reply;
  reply.id = field(fields, "id").text();
  const RedisNode outcome = field(fields, "outcome");
  reply.is_progress = outcome.is_nil();
  reply.done = field(fields, "done").integer();
  reply.total = field(fields, "total").integer();
  if (!reply.is_progress) reply.outcome = outcome_of(outcome.text());
  reply.payload = field(fields, "payload").text();
  return reply;
}

std::vector<Reply> take(RedisInbox& inbox, const RedisReply& streams) {
  std::vector<Reply> replies;
  for (std::size_t s = 0; s < streams.size(); ++s) {
    const RedisNode entries = streams[s][1];
    const auto place = inbox.seen.find(streams[s][0].text());
    if (place == inbox.seen.end() || entries.size() == 0) continue;
    for (std::size_t i = 0; i < entries.size(); ++i) replies.push_back(read_reply(entries[i][1]));
    place->second = entries[entries.size() - 1][0].text();
    inbox.given.push_back(place->first);
  }
  return replies;
}

}  // namespace

Coro<std::vector<Reply>> redis_replies(RedisCore& core, std::string client) {
  const std::shared_ptr<RedisInbox> inbox = core.inbox(client);
  const std::shared_ptr<Event> woken(inbox, &inbox->woken);
  const auto held = co_await inbox->turn.hold();
  RedisBackoff backoff;
  for (;;) {
    while (inbox->seen.empty() && !core.is_closed()) {
      woken->clear();
      co_await woken->wait();
    }
    core.check_open();
    trim(core, *inbox);
    RedisCommand command = read_command(*inbox);
    const RedisWait wait = co_await core.wait_for_answer(inbox->link, std::move(command), woken);
    // Of what was on its way nothing is lost: it is read again from where we are.
    if (wait.cancelled != nullptr) std::rethrow_exception(wait.cancelled);
    if (!wait.reply) continue;
    // Redis 7 says so when somebody deletes a stream that is waited for.
    if (wait.reply->is_error() && wait.reply->text().starts_with("UNBLOCKED")) continue;
    const bool again = co_await core.has_waited_out(*wait.reply, backoff, *inbox->link);
    if (again) continue;
    std::vector<Reply> replies = take(*inbox, *wait.reply);
    if (!replies.empty()) co_return replies;
  }
}

}  // namespace asyncio::cluster::detail
