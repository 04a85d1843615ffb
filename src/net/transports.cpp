#include <asyncio/error.hpp>
#include <asyncio/transports.hpp>

#include "net/bind.hpp"
#include "net/open_socket.hpp"
#include "net/protocol_transport.hpp"
#include "net/server_state.hpp"
#include "net/server_task.hpp"
#include "net/socket_state.hpp"
#include "net/tls_accept.hpp"
#include "net/when_awaited.hpp"

#include <fmt/format.h>

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

void Transport::set_write_buffer_limits(std::optional<std::size_t> high,
                                        std::optional<std::size_t> low) const {
  state_->set_write_limits(high, low);
}
Transport::Limits Transport::get_write_buffer_limits() const noexcept {
  return {state_->marks().low(), state_->marks().high()};
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
BaseProtocol* Transport::get_protocol() const noexcept { return state_->protocol(); }

Address Transport::peername() const { return state_->peer(); }
Address Transport::sockname() const { return state_->local(); }
int Transport::fileno() const noexcept { return state_->fd(); }
std::optional<std::string> Transport::get_extra_info(std::string_view name) const {
  return state_->extra_info(name);
}

// --- making them --------------------------------------------------------------------------------

namespace detail {
namespace {

AnyProtocol made_by(ProtocolFactory& factory, const char* who) {
  AnyProtocol protocol = factory();
  if (!protocol) {
    throw_invalid_argument(
        fmt::format("{}: the protocol factory has returned null; let it make a protocol", who));
  }
  return protocol;
}

void check_family(const Socket& socket, SocketOf family, const char* who) {
  if (family == SocketOf::any || !socket || socket.family() == Address::Family::unix_) return;
  throw_invalid_argument(
      fmt::format("{}: A UNIX Domain Stream Socket was expected, got {}; make it of "
                  "Address::Family::unix_",
                  who, socket.repr()));
}

class ProtocolServer final : public ServerState {
 public:
  ProtocolServer(EventLoop& loop, const char* who, ProtocolFactory factory,
                 const ServerOptions& options)
      : ServerState(LoopAccess::state(loop), who, options), factory_(std::move(factory)) {}

  void accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) override;
  void connect(std::unique_ptr<ByteStream> stream, const Address& peer) {
    const AnyProtocol protocol = made_by(factory_, who());
    auto transport =
        Ref<ProtocolTransport>::adopt(new ProtocolTransport(loop(), std::move(stream), protocol));
    transport->set_peer(peer);
    transport->serve(*this);
  }

 private:
  ProtocolFactory factory_;
};

Coro<> connect_tls_client(Ref<ProtocolServer> server, std::unique_ptr<Endpoint> endpoint,
                          Address peer) {
  std::unique_ptr<ByteStream> stream =
      co_await accept_tls(server->loop(), std::move(endpoint), peer, server->tls());
  if (stream != nullptr) server->connect(std::move(stream), peer);
}

void ProtocolServer::accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) {
  if (tls()) {
    const Ref<ProtocolServer> self(this);
    ServerTask::start(*this, connect_tls_client(self, std::move(endpoint), peer), peer, {});
  } else {
    connect(std::move(endpoint), peer);
  }
}

Ref<ServerState> make_server(EventLoop& loop, const char* who, ProtocolFactory factory,
                             const ServerOptions& options) {
  return Ref<ServerState>::adopt(new ProtocolServer(loop, who, std::move(factory), options));
}

constexpr const char* create_connection = "create_connection()";

Coro<ConnectedAny> connected(EventLoop& loop, ProtocolFactory factory, Socket socket,
                             SocketOf family, TlsSettings tls) {
  LoopState& state = LoopAccess::state(loop);
  check_family(socket, family, create_connection);
  std::unique_ptr<ByteStream> stream = take_stream(state, socket, create_connection);
  if (tls) {
    stream =
        co_await start_tls_over(state, std::move(stream), TlsEngine::Side::client, std::move(tls));
  }
  const AnyProtocol protocol = made_by(factory, create_connection);
  auto made =
      Ref<ProtocolTransport>::adopt(new ProtocolTransport(state, std::move(stream), protocol));
  co_return co_await when_made(std::move(made), protocol);
}

Coro<ConnectedAny> connected_after(EventLoop& loop, ProtocolFactory factory,
                                   Coro<Socket> connecting, TlsSettings tls) {
  Socket socket = co_await std::move(connecting);
  co_return co_await connected(loop, std::move(factory), std::move(socket), SocketOf::any,
                               std::move(tls));
}

}  // namespace

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, Socket socket,
                                    SocketOf family, ConnectionOptions options) {
  return when_awaited([&] {
    return connected(loop, std::move(factory), std::move(socket), family,
                     TlsSettings(create_connection, options, ""));
  });
}

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, Address address,
                                    ConnectionOptions options) {
  return when_awaited([&] {
    TlsSettings tls(create_connection, options, address.host());
    return connected_after(loop, std::move(factory), connect_socket(loop, std::move(address)),
                           std::move(tls));
  });
}

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, std::string host,
                                    std::uint16_t port, ConnectionOptions options) {
  return when_awaited([&] {
    TlsSettings tls(create_connection, options, host);
    return connected_after(loop, std::move(factory), connect_host(loop, host, port, options),
                           std::move(tls));
  });
}

Coro<Server> start_protocol_server(EventLoop& loop, ProtocolFactory factory,
                                   std::vector<std::string> hosts, std::uint16_t port,
                                   ServerOptions options) {
  return when_awaited([&] {
    return listen_at_hosts(make_server(loop, "create_server()", std::move(factory), options),
                           std::move(hosts), port, options);
  });
}

Coro<Server> start_unix_protocol_server(EventLoop& loop, ProtocolFactory factory, std::string path,
                                        ServerOptions options) {
  return when_awaited([&] {
    return listen_at_path(make_server(loop, "create_unix_server()", std::move(factory), options),
                          std::move(path), options);
  });
}

Server start_protocol_server(EventLoop& loop, ProtocolFactory factory, Socket socket,
                             SocketOf family, ServerOptions options) {
  const char* who = family == SocketOf::any ? "create_server()" : "create_unix_server()";
  check_family(socket, family, who);
  return listen_on(make_server(loop, who, std::move(factory), options), std::move(socket), options);
}

}  // namespace detail
}  // namespace asyncio
