#include "net/net_service.hpp"

#include "net/server_state.hpp"
#include "net/transport_life.hpp"

namespace asyncio::detail {
namespace {

template <class T>
void link(T*& first, T& one, T* T::* previous, T* T::* next) noexcept {
  one.*next = first;
  if (first != nullptr) first->*previous = &one;
  first = &one;
}

template <class T>
void unlink(T*& first, T& one, T* T::* previous, T* T::* next) noexcept {
  if (one.*previous == nullptr && first != &one) return;  // it has left
  (one.*previous == nullptr ? first : (one.*previous)->*next) = one.*next;
  if (one.*next != nullptr) (one.*next)->*previous = one.*previous;
  one.*previous = one.*next = nullptr;
}

}  // namespace

NetService& NetService::of(LoopState& loop) {
  if (loop.net == nullptr) loop.net = std::make_unique<NetService>();
  return static_cast<NetService&>(*loop.net);
}

void NetService::loop_closing() noexcept {
  while (servers_ != nullptr) {
    ServerState& server = *servers_;
    leave(server);
    server.abandon();
  }
  while (transports_ != nullptr) {
    TransportLife& transport = *transports_;
    leave(transport);
    transport.abandon();
  }
}

void NetService::enter(TransportLife& transport) noexcept {
  link(transports_, transport, &TransportLife::previous_, &TransportLife::next_);
}
void NetService::leave(TransportLife& transport) noexcept {
  unlink(transports_, transport, &TransportLife::previous_, &TransportLife::next_);
}
void NetService::enter(ServerState& server) noexcept {
  link(servers_, server, &ServerState::previous_, &ServerState::next_);
}
void NetService::leave(ServerState& server) noexcept {
  unlink(servers_, server, &ServerState::previous_, &ServerState::next_);
}

void NetService::end_clients(const ServerState& server, bool abruptly) noexcept {
  for (TransportLife* at = transports_; at != nullptr;) {
    TransportLife& transport = *at;
    at = at->next_;  // its end takes a turn of the loop: the next one stays
    if (transport.server() != &server) continue;
    if (abruptly) {
      transport.abort();
    } else {
      transport.close();
    }
  }
}

}  // namespace asyncio::detail
