#include <asyncio/http.hpp>

#include "http/client_state.hpp"
#include "http/transfer.hpp"

#include <memory>
#include <utility>

namespace asyncio::http {

using asyncio::detail::Ref;
using detail::ClientState;
using detail::Outgoing;

Client::Client(ClientOptions options) : state_(Ref<ClientState>::adopt(new ClientState(options))) {}
Client::Client(const Client& other) noexcept = default;
Client& Client::operator=(Client other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Client::~Client() = default;

Coro<Response> Client::request(std::string_view method, std::string_view url,
                               RequestOptions options) const {
  auto outgoing = std::make_shared<const Outgoing>(state_->config(), method, url, options);
  return ClientState::request(state_, std::move(outgoing));
}

Coro<ResponseStream> Client::stream(std::string_view method, std::string_view url,
                                    RequestOptions options) const {
  auto outgoing = std::make_shared<const Outgoing>(state_->config(), method, url, options);
  return ClientState::stream(state_, std::move(outgoing));
}

std::vector<StoredCookie> Client::cookies() const { return state_->cookies(); }
void Client::clear_cookies() const { state_->clear_cookies(); }
void Client::close() const noexcept { state_->close(); }
bool Client::is_closed() const noexcept { return state_->is_closed(); }

Coro<Response> get(std::string_view url, RequestOptions options) {
  return Client().get(url, options);
}

Coro<Response> post(std::string_view url, RequestOptions options) {
  return Client().post(url, options);
}

}  // namespace asyncio::http
