#pragma once

#include <asyncio/cluster_redis.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/event.hpp>
#include <asyncio/future.hpp>
#include <asyncio/lock.hpp>

#include "cluster/redis_backoff.hpp"
#include "cluster/redis_command.hpp"
#include "cluster/redis_link.hpp"
#include "cluster/redis_reply.hpp"
#include "cluster/redis_script.hpp"
#include "cluster/redis_settings.hpp"

#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace asyncio::cluster::detail {

/// How long Redis holds back an answer when there is nothing: within it we learn that it is gone,
/// and Redis that we are.
inline constexpr std::string_view longest_block_ms = "5000";

/// A script that was sent, so that several can be before any is awaited.
class RedisCall {
 public:
  RedisCall(RedisCall&& other) noexcept
      : call_(std::move(other.call_)), answer_(std::exchange(other.answer_, std::nullopt)) {}
  RedisCall& operator=(RedisCall&&) = delete;
  /// Nobody will look at what it gives.
  ~RedisCall() {
    if (answer_ && !answer_->done()) answer_->cancel();
  }

  /// Which item of the reply is its first.
  [[nodiscard]] std::size_t first() const noexcept { return call_->first; }

 private:
  friend class RedisCore;
  RedisCall(std::shared_ptr<RedisScriptCall> call, Future<RedisReply> answer)
      : call_(std::move(call)), answer_(std::move(answer)) {}
  std::shared_ptr<RedisScriptCall> call_;
  std::optional<Future<RedisReply>> answer_;
};

/// What a wait has ended with. None of them: it was woken.
struct RedisWait {
  RedisWait() noexcept = default;
  std::optional<RedisReply> reply;
  std::exception_ptr cancelled;  ///< to be thrown when the reply was given back
};

/// Where the replies to a client are, and what it has had of them.
struct RedisInbox {
  explicit RedisInbox(std::shared_ptr<RedisLink> own) noexcept : link(std::move(own)) {}
  std::shared_ptr<RedisLink> link;
  std::map<std::string, std::string, std::less<>> seen;  // of each stream, the last entry
  std::vector<std::string> given;                        // streams with entries that may go
  Event woken;                                           // there is another stream, or an answer
  Lock turn;  // one reads at a time: two would be given the same
};

/// How a worker claims.
struct RedisClaimer {
  explicit RedisClaimer(std::shared_ptr<RedisLink> own) noexcept : link(std::move(own)) {}
  std::shared_ptr<RedisLink> link;
  std::map<std::string, std::string, std::less<>> orders;  // of each queue, the last one seen
  std::size_t turns = 0;                                   // whose turn it is to be asked first
  bool is_introduced = false;                              // Redis knows it
  Event woken;
  Lock turn;  // one waits at a time, on the one connection
};

/// What the parts of a RedisBroker share.
class RedisCore {
 public:
  explicit RedisCore(const RedisOptions& options);
  RedisCore(const RedisCore&) = delete;
  RedisCore& operator=(const RedisCore&) = delete;
  ~RedisCore();

  /// What the keys of a queue begin with: "asyncio:{QUEUE}".
  [[nodiscard]] std::string base_of(std::string_view queue) const;
  /// Of the set of all queues.
  [[nodiscard]] const std::string& queues_key() const noexcept { return queues_key_; }
  /// Unlike any other one's, over all brokers.
  [[nodiscard]] std::string next_name();
  /// For a script of one queue; its own arguments follow.
  [[nodiscard]] RedisArguments arguments_for(std::string_view queue) const;

  /// Throws: RuntimeError for an error that does not pass by waiting.
  [[nodiscard]] Coro<RedisReply> ask(RedisCommand command);
  /// Lifetime: what the arguments refer to must outlive what it gives.
  [[nodiscard]] RedisCall begin(const RedisScript& script, RedisArguments arguments);
  [[nodiscard]] RedisCall begin(RedisScriptCall call);
  /// Throws: as ask().
  [[nodiscard]] Coro<RedisReply> end(RedisCall& call);
  [[nodiscard]] Coro<RedisReply> run(const RedisScript& script, RedisArguments arguments);

  /// Waits where Redis holds back the answer, until `woken` is set, which the answer does, too.
  /// Whoever is cancelled or woken calls the answer back, which takes a moment.
  ///
  /// Lifetime: `woken` is kept by its owner.
  [[nodiscard]] Coro<RedisWait> wait_for_answer(std::shared_ptr<RedisLink> link,
                                                RedisCommand command, std::shared_ptr<Event> woken);
  /// Returns: whether it is an error that waiting may heal, or that another attempt may; it has
  /// waited then. Throws: RuntimeError for another error.
  [[nodiscard]] Coro<bool> has_waited_out(RedisReply reply, RedisBackoff& backoff, RedisLink& link);

  [[nodiscard]] std::shared_ptr<RedisInbox> inbox(std::string_view client);
  [[nodiscard]] std::shared_ptr<RedisClaimer> claimer(std::string_view consumer);
  [[nodiscard]] Coro<> forget_claimer(std::string_view consumer);
  [[nodiscard]] std::unordered_set<std::string>& listed() noexcept { return listed_; }
  void post(RedisCommand command) { link_->post(std::move(command)); }

  [[nodiscard]] Coro<> close();
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  /// Throws: RuntimeError after close().
  void check_open() const;

 private:
  [[nodiscard]] Coro<std::optional<RedisReply>> call_back(RedisLink& link,
                                                          Future<RedisReply> answer);
  [[nodiscard]] std::shared_ptr<RedisLink> new_link();

  std::shared_ptr<RedisSettings> settings_;
  std::string prefix_;
  std::string queues_key_;
  std::string name_;
  std::uint64_t names_ = 0;
  std::shared_ptr<RedisLink> link_;  // of what Redis answers at once
  std::unordered_map<std::string, std::shared_ptr<RedisInbox>> inboxes_;
  std::unordered_map<std::string, std::shared_ptr<RedisClaimer>> claimers_;
  std::unordered_set<std::string> listed_;  // queues that are in the set of all queues
  bool closed_ = false;
};

}  // namespace asyncio::cluster::detail
