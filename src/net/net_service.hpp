#pragma once

#include "base/chain.hpp"
#include "loop/loop_state.hpp"

namespace asyncio::detail {

class ServerState;
class TransportLife;

/// What a loop has of the network: its connections and servers, which must not outlive it.
class NetService final : public LoopService {
 public:
  static NetService& of(LoopState& loop);

  void loop_closing() noexcept override;

  void enter(TransportLife& transport) noexcept;
  void leave(TransportLife& transport) noexcept;
  void enter(ServerState& server) noexcept;
  void leave(ServerState& server) noexcept;

  /// close() or, `abruptly`, abort() on each connection of a server.
  void end_clients(const ServerState& server, bool abruptly) noexcept;

 private:
  Chain<TransportLife> transports_;
  Chain<ServerState> servers_;
};

}  // namespace asyncio::detail
