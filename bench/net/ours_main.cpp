#include "net/ours.hpp"

#include <asyncio/run.hpp>
#include <asyncio/ssl.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

// bench_net_ours MODE VARIANT: echo, http, churn or tls, by protocols, sockets or streams.

namespace bench::net {

asyncio::Socket listening_socket() {
  constexpr int backlog = 4096;
  asyncio::Socket socket(asyncio::Address::Family::ipv4);
  socket.bind({"127.0.0.1", 0});
  socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);  // what it accepts inherits it
  socket.listen(backlog);
  std::printf("PORT %d\n", socket.getsockname().port());
  std::fflush(stdout);
  return socket;
}

asyncio::ServerOptions options(const asyncio::ssl::Context* tls) {
  return {.backlog = 4096, .ssl = tls};
}

namespace {

// The certificate that the driver has made.
asyncio::ssl::Context server_context() {
  const char* certificate = std::getenv("BENCH_NET_CERTIFICATE");
  const char* key = std::getenv("BENCH_NET_KEY");
  if (certificate == nullptr || key == nullptr) {
    throw std::invalid_argument("BENCH_NET_CERTIFICATE and BENCH_NET_KEY are not set");
  }
  return asyncio::ssl::Context::server(certificate, key);
}

asyncio::Coro<> serve(std::vector<std::string_view> args) {
  if (args.size() != 2) throw std::invalid_argument("usage: bench_net_ours MODE VARIANT");
  const bool http = args[0] == "http";
  static std::optional<asyncio::ssl::Context> context;
  if (args[0] == "tls") context = server_context();
  const asyncio::ssl::Context* tls = context ? &*context : nullptr;
  if (args[1] == "protocol") return serve_protocols(http, tls);
  if (args[1] == "sock" && tls == nullptr) return serve_sockets(http);
  if (args[1] == "streams") return serve_streams(http, tls);
  throw std::invalid_argument("variants are protocol, sock and streams");
}

}  // namespace
}  // namespace bench::net

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, bench::net::serve); }
