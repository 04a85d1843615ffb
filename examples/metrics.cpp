// A program whose figures Prometheus reads: our own server has them at /metrics.
#include <asyncio/asyncio.hpp>
#include <asyncio/http.hpp>
#include <asyncio/http_server.hpp>
#include <asyncio/metrics.hpp>

#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

using namespace std::chrono_literals;
namespace http = asyncio::http;

http::Reply show_metrics(http::Request&) {
  http::Reply reply(200, asyncio::metrics());
  reply.headers.set("Content-Type", "text/plain; version=0.0.4");
  return reply;
}

asyncio::Coro<> work(int rounds) {
  for (int i = 0; i < rounds; ++i) co_await asyncio::sleep(1ms);
}

// Some of the lines, those whose numbers are the same each time.
void print_some(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    for (const char* shown : {"asyncio_tasks_failed_total", "asyncio_tasks_cancelled_total",
                              "# TYPE asyncio_loop_lag_seconds", "asyncio_cancel_requests_total"}) {
      if (line.find(shown) != std::string::npos) std::cout << line << std::endl;
    }
  }
}

asyncio::Coro<> demonstrate() {
  const asyncio::Metrics metrics;
  http::Server server;
  server.get("/metrics", show_metrics);
  co_await server.start("127.0.0.1", 0);

  auto done = asyncio::create_task(work(3));
  auto doomed = asyncio::create_task(work(1'000'000));
  co_await done;
  doomed.cancel();
  co_await asyncio::sleep(1ms);

  const std::string url = "http://" + server.sockets().at(0).str() + "/metrics";
  const http::Response answer = co_await http::get(url);
  std::cout << answer.headers.get("Content-Type").value_or("") << std::endl;
  print_some(answer.text());
  co_await server.shutdown(1s);
}

int main() { asyncio::run(demonstrate()); }
