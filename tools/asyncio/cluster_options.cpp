#include "cluster_options.hpp"

#include <asyncio/cluster_redis.hpp>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <stdexcept>

namespace asyncio::command {

void add_redis_option(CLI::App& command, std::string& url) {
  command.add_option("--redis", url,
                     "Where the tasks are: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], "
                     "rediss:// for TLS, unix:///PATH (default: $ASYNCIO_CLUSTER)");
}

std::string redis_url(const std::string& given) {
  const char* variable = "ASYNCIO_CLUSTER";
  const char* otherwise = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread
  std::string url = given;
  if (given.empty() && otherwise != nullptr) url = otherwise;
  if (url.empty()) throw CLI::RequiredError("--redis");
  try {
    const cluster::RedisBroker broker(url);  // it connects at first use
  } catch (const std::invalid_argument& error) {
    throw CLI::ValidationError(given.empty() ? variable : "--redis", error.what());
  }
  return url;
}

}  // namespace asyncio::command
