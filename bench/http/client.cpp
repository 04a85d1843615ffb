// asyncio::http::Client as a client of this benchmark; plan.hpp says what it is asked.
#include <asyncio/gather.hpp>
#include <asyncio/http.hpp>
#include <asyncio/run.hpp>

#include "http/plan.hpp"

#include <utility>
#include <vector>

namespace {

using namespace bench::http;
namespace http = asyncio::http;

asyncio::Coro<> ask(const http::Client& client, const std::string& url, Quota& quota) {
  while (quota.take()) {
    const http::Response answer = co_await client.get(url);
    quota.answered(answer.status_code, answer.content.size());
  }
}

asyncio::Coro<> ask_all(const http::Client& client, const std::string& url, std::size_t tasks,
                        Quota& quota) {
  std::vector<asyncio::Coro<>> asking;
  for (std::size_t i = 0; i < tasks; ++i) asking.push_back(ask(client, url, quota));
  co_await asyncio::gather(std::move(asking));
}

asyncio::Coro<> measure(Plan plan) {
  const http::Limits limits = {.max_connections = plan.connections,
                               .max_keepalive_connections = plan.connections};
  // No time is up while all of them wait for what never comes.
  http::ClientOptions options;
  options.limits = limits;
  options.timeout.read = asyncio::Duration::nanoseconds(60'000'000'000);
  const http::Client client(options);
  Quota warm(plan.warming);
  co_await ask_all(client, plan.warm_url, plan.tasks, warm);
  wait_for_start();
  Quota quota(plan);
  co_await ask_all(client, plan.url, plan.tasks, quota);
  quota.report();
  wait_for_line();
}

}  // namespace

int main(int argc, char** argv) { asyncio::run(measure(plan_of(argc, argv))); }
