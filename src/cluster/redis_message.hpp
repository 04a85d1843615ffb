#pragma once

#include <asyncio/cluster_broker.hpp>

#include "cluster/redis_command.hpp"
#include "cluster/redis_reply.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::cluster::detail {

/// Up, so that no delay becomes none. Not below 0.
[[nodiscard]] std::int64_t milliseconds(Duration duration) noexcept;
[[nodiscard]] Duration from_milliseconds(std::int64_t count) noexcept;

/// The values of a message's fields, in the order that the scripts know: id, task, version, args,
/// reply, attempt, redelivered, max_attempts, first_delay_ms, longest_delay_ms, keep_ms.
///
/// Lifetime: the message must outlive the arguments.
void append_values(RedisArguments& arguments, const Message& message);

/// The value of a field in an array of names and values; nil if there is none.
[[nodiscard]] RedisNode field(const RedisNode& fields, std::string_view name) noexcept;

/// Out of the fields of an entry, which anybody may have written.
///
/// Returns: what is wrong with it; "": nothing.
[[nodiscard]] std::string read_message(const RedisNode& fields, std::string_view queue,
                                       Message& message);

[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;
/// Outcome::dead for what is none: no client of an older version can be sure of it.
[[nodiscard]] Outcome outcome_of(std::string_view name) noexcept;

}  // namespace asyncio::cluster::detail
