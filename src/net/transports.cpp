#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/transports.hpp>

#include "net/bind.hpp"
#include "net/open_socket.hpp"
#include "net/protocol_transport.hpp"
#include "net/server_state.hpp"
#include "net/server_task.hpp"
#include "net/socket_state.hpp"
#include "net/tls_accept.hpp"

#include <utility>

namespace asyncio {

using detail::AnyProtocol;
using detail::ProtocolTransport;
using detail::Ref;

Transport::Transport(Ref<ProtocolTransport> state) noexcept : state_(std::move(state)) {}
Transport::Transport(const Transport&) noexcept = default;
Transport& Transport::operator=(Transport other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Transport::~Transport() = default;

void Transport::write(std::string_view data) const { write(std::as_bytes(std::span(data))); }
void Transport::write(std::span<const std::byte> data) const { state_->write(data); }
void Transport::writelines(std::span<const std::string_view> parts) const {
  detail::write_texts(*state_, parts);
}
void Transport::write_eof() const { state_->write_eof(); }
bool Transport::can_write_eof() const noexcept { return state_->can_write_eof(); }

void Transport::set_write_buffer_limits(std::size_t high, std::optional<std::size_t> low) const {
  detail::set_limits(*state_, high, low);
}
Transport::Limits Transport::get_write_buffer_limits() const noexcept {
  return {state_->low_mark(), state_->high_mark()};
}
std::size_t Transport::get_write_buffer_size() const noexcept { return state_->unsent(); }

void Transport::pause_reading() const noexcept { state_->pause_reading(); }
void Transport::resume_reading() const noexcept { state_->resume_reading(); }
bool Transport::is_reading() const noexcept { return state_->is_reading(); }

void Transport::close() const noexcept { state_->close(); }
void Transport::abort() const noexcept { state_->abort(); }
bool Transport::is_closing() const noexcept { return state_->is_closing(); }

void Transport::set_protocol(ProtocolPtr<Protocol> protocol) const {
  state_->set_protocol(AnyProtocol(protocol));
}
void Transport::set_protocol(ProtocolPtr<BufferedProtocol> protocol) const {
  state_->set_protocol(AnyProtocol(protocol));
}
BaseProtocol* Transport::get_protocol() const noexcept {
  return state_->has_ended() ? nullptr : state_->protocol();
}

Address Transport::peername() const { return state_->peer(); }
Address Transport::sockname() const { return state_->local(); }
int Transport::fileno() const noexcept { return state_->fd(); }
std::optional<std::string> Transport::get_extra_info(std::string_view name) const {
  return state_->extra_info(name);
}

// --- making them --------------------------------------------------------------------------------

namespace detail {
namespace {

Transport start_transport(LoopState& loop, std::unique_ptr<ByteStream> stream,
                          AnyProtocol protocol) {
  return TransportAccess::make(Ref<ProtocolTransport>::adopt(
      new ProtocolTransport(loop, std::move(stream), std::move(protocol))));
}

class ProtocolServer final : public ServerState {
 public:
  ProtocolServer(LoopState& loop, ProtocolFactory factory, const ServerOptions& options)
      : ServerState(loop, options.backlog),
        factory_(std::move(factory)),
        tls_("create_server()", options.ssl, options.ssl_handshake_timeout,
             options.ssl_shutdown_timeout) {}

  void accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) override;
  [[nodiscard]] const TlsSettings& tls() const noexcept { return tls_; }
  void connect(std::unique_ptr<ByteStream> stream, const Address& peer) {
    auto transport =
        Ref<ProtocolTransport>::adopt(new ProtocolTransport(loop(), std::move(stream), factory_()));
    transport->set_peer(peer);
    transport->serve(*this);
  }

 private:
  ProtocolFactory factory_;
  TlsSettings tls_;
};

Coro<> connect_tls_client(Ref<ProtocolServer> server, std::unique_ptr<Endpoint> endpoint,
                          Address peer) {
  std::unique_ptr<ByteStream> stream =
      co_await accept_tls(server->loop(), std::move(endpoint), peer, server->tls());
  if (stream != nullptr) server->connect(std::move(stream), peer);
}

void ProtocolServer::accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) {
  if (tls_) {
    const Ref<ProtocolServer> self(this);
    ServerTask::start(*this, connect_tls_client(self, std::move(endpoint), peer), peer, {});
  } else {
    connect(std::move(endpoint), peer);
  }
}

Server started(const Ref<ProtocolServer>& server, const ServerOptions& options) {
  if (options.start_serving) server->start_serving();
  return ServerAccess::make(Ref<ServerState>(server.get()));
}

Ref<ProtocolServer> make_server(EventLoop& loop, ProtocolFactory factory,
                                const ServerOptions& options) {
  return Ref<ProtocolServer>::adopt(
      new ProtocolServer(LoopAccess::state(loop), std::move(factory), options));
}

}  // namespace

namespace {

Coro<ConnectedAny> connected(EventLoop& loop, ProtocolFactory factory, Socket socket,
                             TlsSettings tls) {
  LoopState& state = LoopAccess::state(loop);
  std::unique_ptr<ByteStream> stream = take_endpoint(state, socket, "create_connection()");
  if (tls) {
    stream =
        co_await start_tls_over(state, std::move(stream), TlsEngine::Side::client, std::move(tls));
  }
  AnyProtocol protocol = factory();
  Transport transport = start_transport(state, std::move(stream), protocol);
  // As in CPython: connection_made() runs, reading begins, and only then does the creator go on.
  co_await sleep(Duration());
  co_await sleep(Duration());
  co_return ConnectedAny{transport, protocol};
}

Coro<ConnectedAny> connected_after(EventLoop& loop, ProtocolFactory factory,
                                   Coro<Socket> connecting, TlsSettings tls) {
  Socket socket = co_await std::move(connecting);
  co_return co_await connected(loop, std::move(factory), std::move(socket), std::move(tls));
}

TlsSettings settings_of(const ConnectionOptions& options, std::string_view host) {
  return {"create_connection()",         options.ssl,
          options.server_hostname,       host,
          options.ssl_handshake_timeout, options.ssl_shutdown_timeout};
}

}  // namespace

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, Socket socket,
                                    ConnectionOptions options) {
  return connected(loop, std::move(factory), std::move(socket), settings_of(options, ""));
}

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, Address address,
                                    ConnectionOptions options) {
  TlsSettings tls = settings_of(options, address.host());
  return connected_after(loop, std::move(factory), connect_socket(loop, std::move(address)),
                         std::move(tls));
}

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, std::string host,
                                    std::uint16_t port, ConnectionOptions options) {
  TlsSettings tls = settings_of(options, host);
  return connected_after(loop, std::move(factory), connect_host(loop, host, port, options),
                         std::move(tls));
}

namespace {

Coro<Server> listen_on(EventLoop& loop, Ref<ProtocolServer> server, std::vector<std::string> hosts,
                       std::uint16_t port, ServerOptions options) {
  const std::vector<Address> addresses = co_await resolve_hosts(loop, std::move(hosts), port);
  for (Socket& socket : bind_all(addresses, options)) add_listener(*server, std::move(socket));
  co_return started(server, options);
}

Coro<Server> listen_at(Ref<ProtocolServer> server, std::string path, ServerOptions options) {
  add_unix_listener(*server, path);
  co_return started(server, options);
}

}  // namespace

Coro<Server> start_protocol_server(EventLoop& loop, ProtocolFactory factory,
                                   std::vector<std::string> hosts, std::uint16_t port,
                                   ServerOptions options) {
  return listen_on(loop, make_server(loop, std::move(factory), options), std::move(hosts), port,
                   options);
}

Coro<Server> start_unix_protocol_server(EventLoop& loop, ProtocolFactory factory, std::string path,
                                        ServerOptions options) {
  return listen_at(make_server(loop, std::move(factory), options), std::move(path), options);
}

Server start_protocol_server(EventLoop& loop, ProtocolFactory factory, Socket socket,
                             ServerOptions options) {
  const Ref<ProtocolServer> server = make_server(loop, std::move(factory), options);
  add_listener(*server, std::move(socket));
  return started(server, options);
}

}  // namespace detail
}  // namespace asyncio
