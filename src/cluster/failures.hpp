#pragma once

#include <exception>
#include <string>
#include <string_view>

/// Errors as they are sent: name of the type, text, traceback, by the codec.
namespace asyncio::cluster::detail {

/// The type of what becomes a TaskLost again.
inline constexpr std::string_view lost_type = "asyncio::cluster::TaskLost";

[[nodiscard]] std::string encode_error(const std::exception_ptr& error);
/// For what becomes a TaskLost. Brokers use it for dead letters of their own.
[[nodiscard]] std::string encode_lost(std::string_view why);

}  // namespace asyncio::cluster::detail
