#pragma once

#include "loop/loop_state.hpp"

namespace asyncio::detail {

class DatagramTransportState;
class ServerState;
class TransportState;

/// What a loop has of the network: its connections and servers, which must not outlive it.
class NetService final : public LoopService {
 public:
  static NetService& of(LoopState& loop);

  void loop_closing() noexcept override;

  void enter(TransportState& transport) noexcept;
  void leave(TransportState& transport) noexcept;
  void enter(DatagramTransportState& endpoint) noexcept;
  void leave(DatagramTransportState& endpoint) noexcept;
  void enter(ServerState& server) noexcept;
  void leave(ServerState& server) noexcept;

  /// close() or, `abruptly`, abort() on each connection of a server.
  void end_clients(const ServerState& server, bool abruptly) noexcept;

 private:
  TransportState* transports_ = nullptr;
  DatagramTransportState* endpoints_ = nullptr;
  ServerState* servers_ = nullptr;
};

}  // namespace asyncio::detail
