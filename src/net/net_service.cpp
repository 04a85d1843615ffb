#include "net/net_service.hpp"

#include "net/server_state.hpp"
#include "net/transport_life.hpp"

namespace asyncio::detail {

NetService& NetService::of(LoopState& loop) {
  if (loop.net == nullptr) loop.net = std::make_unique<NetService>();
  return static_cast<NetService&>(*loop.net);
}

void NetService::loop_closing() noexcept {
  while (ServerState* server = servers_.first()) {
    leave(*server);
    server->abandon();
  }
  while (TransportLife* transport = transports_.first()) {
    leave(*transport);
    transport->abandon();
  }
}

void NetService::enter(TransportLife& transport) noexcept { transports_.enter(transport); }
void NetService::leave(TransportLife& transport) noexcept { transports_.leave(transport); }
void NetService::enter(ServerState& server) noexcept { servers_.enter(server); }
void NetService::leave(ServerState& server) noexcept { servers_.leave(server); }

void NetService::end_clients(const ServerState& server, bool abruptly) noexcept {
  for (TransportLife* at = transports_.first(); at != nullptr;) {
    TransportLife& transport = *at;
    at = transports_.after(transport);  // its end takes a turn of the loop: the next one stays
    if (transport.server() != &server) continue;
    if (abruptly) {
      transport.abort();
    } else {
      transport.close();
    }
  }
}

}  // namespace asyncio::detail
