#include <asyncio/asyncio.hpp>
#include <asyncio/http.hpp>
#include <asyncio/http_server.hpp>

#include <chrono>
#include <iostream>

namespace http = asyncio::http;

asyncio::Coro<> async_main() {
  http::Server server;
  server.get("/", [](http::Request&) { return http::Reply("Hello by HTTP"); });
  co_await server.start("127.0.0.1", 0);
  const http::Client client;
  const std::string url = "http://" + server.sockets().at(0).str();
  const http::Response answer = co_await client.get(url);
  std::cout << answer.text() << std::endl;
  co_await server.shutdown(std::chrono::seconds(1));
}

int main() { asyncio::run(async_main()); }
