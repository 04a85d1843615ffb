#pragma once

#include "base/chain.hpp"
#include "loop/loop_state.hpp"

namespace asyncio::http::detail {

class ClientState;

/// The HTTP clients of a loop, which must not outlive it.
class HttpService final : public asyncio::detail::LoopService {
 public:
  static HttpService& of(asyncio::detail::LoopState& loop);
  void loop_closing() noexcept override;
  void enter(ClientState& client) noexcept;
  void leave(ClientState& client) noexcept;

 private:
  asyncio::detail::Chain<ClientState> clients_;
};

}  // namespace asyncio::http::detail
