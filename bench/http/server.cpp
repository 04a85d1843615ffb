// asyncio::http::Server as a server of this benchmark: GET / is a small text.
#include <asyncio/http_server.hpp>
#include <asyncio/run.hpp>

#include <cstdio>

namespace {

namespace http = asyncio::http;

asyncio::Coro<> serve() {
  http::Server server;
  server.get("/", [](http::Request&) { return http::Reply("Hello, World!"); });
  const asyncio::ServerOptions options = {.backlog = 4096};
  co_await server.start("127.0.0.1", 0, options);
  std::printf("PORT %d\n", server.sockets().at(0).port());
  std::fflush(stdout);
  co_await server.serve_forever();
}

}  // namespace

int main() { asyncio::run(serve()); }
