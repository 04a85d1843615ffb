#pragma once

#include <asyncio/future.hpp>

#include "cluster/redis_command.hpp"
#include "cluster/redis_reply.hpp"
#include "cluster/redis_script.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace asyncio::cluster::detail {

/// A script with its arguments: EVALSHA, the script, "1", the key, then the script's own. Several
/// that are asked for in one pass of the loop may be sent as one: a script that begins costs Redis
/// as much as one task.
struct RedisScriptCall {
  RedisScriptCall(const RedisScript& s, RedisArguments a) : script(&s), arguments(std::move(a)) {}
  const RedisScript* script;
  RedisArguments arguments;
  /// So many arguments must be the same in those that are sent together; 0: it is sent alone.
  std::size_t same = 0;
  /// So many are sent once for all, those of the first.
  std::size_t head = 0;
  /// What follows these: so many items,
  std::size_t items = 1;
  /// of which the first one is that, among all that were sent together.
  std::size_t first = 0;
};

/// What was asked for and has no answer yet.
struct RedisRequest {
  RedisRequest() noexcept = default;
  RedisCommand command;
  std::shared_ptr<RedisScriptCall> call;    // until there is the command
  std::vector<Future<RedisReply>> answers;  // of all that are sent together; none: nobody cares

  /// Somebody cared, and none does any more.
  [[nodiscard]] bool is_given_up() const;
};

/// Makes the commands: of calls that can be sent together one, in the first one's place. What was
/// given up goes.
void make_commands(std::vector<RedisRequest>& requests);

}  // namespace asyncio::cluster::detail
