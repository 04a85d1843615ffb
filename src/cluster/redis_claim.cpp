#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/failures.hpp"
#include "cluster/redis_message.hpp"
#include "cluster/redis_operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

constexpr Duration longest_give_back = Duration::nanoseconds(1'000'000'000);

/// What the script says of one queue.
struct QueueTurn {
  std::string queue;
  std::string last_entry;
  std::int64_t wait_ms = -1;  // until the rate allows one more; -1: there is no rate
};

/// An entry that nobody can read.
struct Damaged {
  Lease lease;
  std::string reason;
};

/// What a claim has so far.
struct Claim {
  Claimed claimed;
  std::vector<Damaged> damaged;
  std::vector<QueueTurn> turns;

  [[nodiscard]] bool is_empty() const noexcept {
    return claimed.deliveries.empty() && claimed.cancelled.empty() && damaged.empty();
  }
};

void add_entries(Claim& claim, const std::string& queue, const RedisNode& entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const RedisNode fields = entries[i][1];
    Delivery delivery;
    std::string reason = read_message(fields, queue, delivery.message);
    delivery.lease =
        Lease(queue, std::string(field(fields, "id").text()), std::string(entries[i][0].text()));
    if (reason.empty()) {
      claim.claimed.deliveries.push_back(std::move(delivery));
    } else {
      claim.damaged.push_back({std::move(delivery.lease), std::move(reason)});
    }
  }
}

// Each queue is the first one in its turn: a full one does not keep the others waiting.
std::vector<std::string> in_turn(const Consumer& consumer, RedisClaimer& claimer) {
  std::vector<std::string> queues = consumer.queues;
  if (queues.empty()) {
    asyncio::detail::throw_invalid_argument(fmt::format(
        "claim(): the consumer \"{}\" has no queues; name at least one", consumer.name));
  }
  const std::size_t first = claimer.turns++ % queues.size();
  std::rotate(queues.begin(), queues.begin() + static_cast<std::ptrdiff_t>(first), queues.end());
  return queues;
}

RedisCommand claim_command(RedisCore& core, RedisClaimer& claimer, const Consumer& consumer,
                           std::uint32_t most, const std::vector<std::string>& queues,
                           bool by_source) {
  const RedisScript& script = redis_scripts().claim;
  RedisArguments arguments;
  arguments.view(by_source ? "EVAL" : "EVALSHA");
  arguments.view(by_source ? script.source() : script.sha());
  arguments.number(static_cast<std::int64_t>(queues.size()));
  for (const std::string& queue : queues) arguments.own(core.base_of(queue));
  arguments.view(consumer.name);
  arguments.number(most);
  arguments.own(claimer.is_introduced ? "" : introduction_of(consumer));
  for (const std::string& queue : queues) {
    arguments.view(claimer.orders.try_emplace(queue, "0-0").first->second);
  }
  return arguments.command();
}

void add_orders(Claim& claim, RedisClaimer& claimer, const std::string& queue,
                const RedisNode& orders) {
  for (std::size_t i = 0; i + 1 < orders.size(); i += 2) {
    claimer.orders[queue] = orders[i].text();
    const std::string_view id = orders[i + 1].text();  // "": it was only to wake us
    if (!id.empty()) claim.claimed.cancelled.emplace_back(id);
  }
}

void read_orders(Claim& claim, RedisClaimer& claimer, const RedisReply& reply) {
  for (std::size_t q = 0; q < claim.turns.size(); ++q) {
    add_orders(claim, claimer, claim.turns[q].queue, reply[q][1]);
  }
}

Claim read_claim(const std::vector<std::string>& queues, const RedisReply& reply) {
  Claim claim;
  for (std::size_t q = 0; q < queues.size(); ++q) {
    const RedisNode of_queue = reply[q];
    add_entries(claim, queues[q], of_queue[0]);
    claim.turns.push_back({queues[q], std::string(of_queue[3].text()), of_queue[2].integer()});
  }
  return claim;
}

// They were not begun: whoever is next gets them as they were.
Coro<> give_back(RedisCore& core, std::vector<Delivery> deliveries) {
  std::vector<RedisCall> calls;
  for (const Delivery& delivery : deliveries) {
    RedisArguments arguments = core.arguments_for(delivery.lease.queue);
    arguments.view(delivery.lease.entry);
    arguments.view("0");
    append_values(arguments, delivery.message);
    calls.push_back(core.begin(redis_scripts().delay, std::move(arguments)));
  }
  for (RedisCall& call : calls) (void)co_await core.end(call);
}

// Not awaited: what was claimed with it must not be lost by a cancellation.
void bury(RedisCore& core, const std::vector<Damaged>& damaged) {
  for (const Damaged& one : damaged) {
    const std::string reason = "it cannot be read: " + one.reason;
    const std::string payload = encode_lost("the message " + reason.substr(3));
    RedisArguments arguments = core.arguments_for(one.lease.queue);
    arguments.replace(0, "EVAL");
    arguments.replace(1, redis_scripts().fail.source());
    arguments.view(one.lease.id);
    arguments.view(one.lease.entry);
    arguments.view(reason);
    arguments.view(payload);
    core.post(arguments.command());
  }
}

// A cancelled claim: what had come goes back. Without an answer in time, it does when its own time
// is over.
Coro<> undo(RedisCore& core, Claim claim) {
  if (claim.claimed.deliveries.empty()) co_return;
  (void)co_await as_result(
      wait_for(give_back(core, std::move(claim.claimed.deliveries)), longest_give_back));
}

bool must_introduce(const RedisReply& reply) noexcept {
  return reply.is_error() &&
         (reply.text().starts_with("NOGROUP") || reply.text().starts_with("UNBLOCKED"));
}

/// Asks until there is an answer that is none of the errors that pass.
class Asking {
 public:
  Asking(RedisCore& core, std::shared_ptr<RedisClaimer> claimer) noexcept
      : core_(&core), claimer_(std::move(claimer)) {}

  /// What the queues have, without waiting. Nothing: ask again.
  Coro<std::optional<Claim>> at_once(const Consumer& consumer, std::uint32_t most) {
    const std::vector<std::string> queues = in_turn(consumer, *claimer_);
    RedisCommand command =
        claim_command(*core_, *claimer_, consumer, most, queues, std::exchange(by_source_, false));
    const RedisWait wait = co_await ask(std::move(command));
    std::optional<Claim> claim;
    if (wait.reply && !wait.reply->is_error()) claim = read_claim(queues, *wait.reply);
    if (wait.cancelled != nullptr) {
      Claim late = claim ? std::move(*claim) : Claim();
      co_await undo(*core_, std::move(late));
      std::rethrow_exception(wait.cancelled);
    }
    if (claim) {
      read_orders(*claim, *claimer_, *wait.reply);
      claimer_->is_introduced = true;
    } else {
      co_await wait_out(wait);
    }
    co_return claim;
  }

  /// Waits until there may be something, or takes it.
  Coro<Claim> later(const Consumer& consumer, std::uint32_t most,
                    const std::vector<QueueTurn>& turns) {
    RedisCommand command = wait_command(consumer, most, turns);
    const RedisWait wait = co_await ask(std::move(command));
    Claim claim;
    if (wait.reply && !is_limited(most, turns)) read_entries(claim, turns, *wait.reply);
    if (wait.cancelled != nullptr) {
      co_await undo(*core_, std::move(claim));
      std::rethrow_exception(wait.cancelled);
    }
    co_await wait_out(wait);
    co_return claim;
  }

 private:
  Coro<RedisWait> ask(RedisCommand command) {
    std::shared_ptr<Event> woken(claimer_, &claimer_->woken);
    RedisWait wait =
        co_await core_->wait_for_answer(claimer_->link, std::move(command), std::move(woken));
    co_return wait;
  }

  // An error, if it is one that passes. Throws: RuntimeError for another one.
  Coro<> wait_out(const RedisWait& wait) {
    if (!wait.reply || !wait.reply->is_error()) co_return;
    const RedisReply reply = *wait.reply;
    if (must_introduce(reply)) {
      claimer_->is_introduced = false;
    } else if (reply.text().starts_with("NOSCRIPT")) {
      by_source_ = true;
    } else {
      (void)co_await core_->has_waited_out(reply, backoff_, *claimer_->link);
    }
  }

  // Then Redis must not hand out what comes while we wait: it would be more than the rate allows,
  // or than was asked for, since each queue may give one.
  static bool is_limited(std::uint32_t most, const std::vector<QueueTurn>& turns) noexcept {
    return most == 0 || turns.size() > most ||
           std::any_of(turns.begin(), turns.end(),
                       [](const QueueTurn& t) { return t.wait_ms >= 0; });
  }

  [[nodiscard]] RedisCommand wait_command(const Consumer& consumer, std::uint32_t most,
                                          const std::vector<QueueTurn>& turns) const {
    return is_limited(most, turns) ? look_command(consumer, most, turns)
                                   : take_command(consumer, most, turns);
  }

  void add_control(RedisArguments& arguments, const Consumer& consumer,
                   const std::vector<QueueTurn>& turns) const {
    for (const QueueTurn& turn : turns) {
      arguments.own(core_->base_of(turn.queue) + ":control:" + consumer.name);
    }
  }

  [[nodiscard]] RedisCommand take_command(const Consumer& consumer, std::uint32_t most,
                                          const std::vector<QueueTurn>& turns) const {
    RedisArguments arguments;
    for (const std::string_view word : {"XREADGROUP", "GROUP", "workers"}) arguments.view(word);
    arguments.view(consumer.name);
    arguments.view("COUNT");
    arguments.number(static_cast<std::int64_t>(most / turns.size()));
    arguments.view("BLOCK");
    arguments.view(longest_block_ms);
    arguments.view("STREAMS");
    for (const QueueTurn& turn : turns) arguments.own(core_->base_of(turn.queue) + ":stream");
    add_control(arguments, consumer, turns);
    for (std::size_t i = 0; i < 2 * turns.size(); ++i) arguments.view(">");
    return arguments.command();
  }

  // What comes into a queue whose rate is used up is no reason to wake; nor what comes into any,
  // for who has no room.
  [[nodiscard]] RedisCommand look_command(const Consumer& consumer, std::uint32_t most,
                                          const std::vector<QueueTurn>& turns) const {
    std::int64_t block = 5000;
    std::vector<const QueueTurn*> open;
    for (const QueueTurn& turn : turns) {
      if (most == 0) continue;
      if (turn.wait_ms > 0) {
        block = std::min(block, turn.wait_ms);
      } else {
        open.push_back(&turn);
      }
    }
    RedisArguments arguments;
    for (const std::string_view word : {"XREAD", "COUNT", "1", "BLOCK"}) arguments.view(word);
    arguments.number(block);
    arguments.view("STREAMS");
    for (const QueueTurn* turn : open) arguments.own(core_->base_of(turn->queue) + ":stream");
    add_control(arguments, consumer, turns);
    for (const QueueTurn* turn : open) arguments.view(turn->last_entry);
    for (const QueueTurn& turn : turns) arguments.view(claimer_->orders[turn.queue]);
    return arguments.command();
  }

  // Orders that have come are only taken as a call: the script tells them.
  void read_entries(Claim& claim, const std::vector<QueueTurn>& turns, const RedisReply& streams) {
    for (std::size_t s = 0; s < streams.size(); ++s) {
      for (const QueueTurn& turn : turns) {
        if (streams[s][0].text() == core_->base_of(turn.queue) + ":stream") {
          add_entries(claim, turn.queue, streams[s][1]);
        }
      }
    }
  }

  RedisCore* core_;
  std::shared_ptr<RedisClaimer> claimer_;
  RedisBackoff backoff_;
  bool by_source_ = false;  // Redis does not know the script
};

}  // namespace

Coro<Claimed> redis_claim(RedisCore& core, const Consumer& consumer, std::uint32_t most) {
  const std::shared_ptr<RedisClaimer> claimer = core.claimer(consumer.name);
  const auto held = co_await claimer->turn.hold();
  Asking asking(core, claimer);
  for (;;) {
    std::optional<Claim> claim = co_await asking.at_once(consumer, most);
    if (!claim) continue;
    if (claim->is_empty()) {
      const std::vector<QueueTurn> turns = std::move(claim->turns);
      claim = co_await asking.later(consumer, most, turns);
    }
    bury(core, claim->damaged);
    Claimed claimed = std::move(claim->claimed);
    if (!claimed.deliveries.empty() || !claimed.cancelled.empty()) co_return claimed;
  }
}

}  // namespace asyncio::cluster::detail
