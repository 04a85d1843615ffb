#include "net/ours.hpp"

#include <asyncio/run.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstdio>
#include <stdexcept>
#include <string>

// bench_net_ours MODE VARIANT: echo, http or churn, by protocols, sockets or streams.

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

namespace {

asyncio::Coro<> serve(std::vector<std::string_view> args) {
  if (args.size() != 2) throw std::invalid_argument("usage: bench_net_ours MODE VARIANT");
  const bool http = args[0] == "http";
  if (args[1] == "protocol") return serve_protocols(http);
  if (args[1] == "sock") return serve_sockets(http);
  if (args[1] == "streams") return serve_streams(http);
  throw std::invalid_argument("variants are protocol, sock and streams");
}

}  // namespace
}  // namespace bench::net

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, bench::net::serve); }
