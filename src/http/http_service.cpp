#include "http/http_service.hpp"

#include "http/client_state.hpp"

namespace asyncio::http::detail {

HttpService& HttpService::of(asyncio::detail::LoopState& loop) {
  if (loop.http == nullptr) loop.http = std::make_unique<HttpService>();
  return static_cast<HttpService&>(*loop.http);
}

void HttpService::loop_closing() noexcept {
  while (ClientState* client = clients_.first()) client->close();
}

void HttpService::enter(ClientState& client) noexcept { clients_.enter(client); }

void HttpService::leave(ClientState& client) noexcept { clients_.leave(client); }

}  // namespace asyncio::http::detail
