#pragma once

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace asyncio::command {

void add_redis_option(CLI::App& command, std::string& url);

/// For the callback of the subcommand: what --redis was given, else the environment's
/// ASYNCIO_CLUSTER. CLI11 would ask that for each subcommand, also for those that are not run.
///
/// Throws: CLI::ParseError if there is none, or it is no URL.
[[nodiscard]] std::string redis_url(const std::string& given);

}  // namespace asyncio::command
