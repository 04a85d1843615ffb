#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>

#include "net/bind.hpp"
#include "net/server_state.hpp"
#include "net/server_task.hpp"
#include "net/socket_state.hpp"
#include "net/stream_state.hpp"
#include "net/tls_accept.hpp"
#include "net/when_awaited.hpp"

#include <utility>

namespace asyncio::detail {
namespace {

class StreamServer final : public ServerState {
 public:
  StreamServer(LoopState& loop, ClientHandler handler, const ServerOptions& options)
      : ServerState(loop, options.backlog),
        handler_(std::move(handler)),
        tls_("start_server()", options.ssl, options.ssl_handshake_timeout,
             options.ssl_shutdown_timeout),
        limit_(options.limit) {
    check_limit(limit_);
  }

  void accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) override;
  [[nodiscard]] const TlsSettings& tls() const noexcept { return tls_; }
  asyncio::Connection connect(std::unique_ptr<ByteStream> stream, const Address& peer) {
    auto connected = Ref<StreamState>::adopt(new StreamState(loop(), std::move(stream), limit_));
    connected->set_peer(peer);
    connected->serve(*this);
    return handles_of(std::move(connected));
  }
  Coro<> handle(StreamReader reader, StreamWriter writer) { return handler_(reader, writer); }

 private:
  ClientHandler handler_;
  TlsSettings tls_;
  std::size_t limit_;
};

Coro<> serve_tls_client(Ref<StreamServer> server, std::unique_ptr<Endpoint> endpoint,
                        Address peer) {
  std::unique_ptr<ByteStream> stream =
      co_await accept_tls(server->loop(), std::move(endpoint), peer, server->tls());
  if (stream == nullptr) co_return;
  asyncio::Connection ends = server->connect(std::move(stream), peer);
  // Whatever way it ends: what was written is sent.
  struct Closer {
    StreamWriter writer;
    ~Closer() { writer.close(); }
  };
  const Closer closer{ends.writer};
  co_await server->handle(ends.reader, ends.writer);
}

void StreamServer::accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) {
  if (tls_) {
    const Ref<StreamServer> self(this);
    ServerTask::start(*this, serve_tls_client(self, std::move(endpoint), peer), peer, {});
  } else {
    const asyncio::Connection ends = connect(std::move(endpoint), peer);
    ServerTask::start(*this, handle(ends.reader, ends.writer), peer, ends.writer);
  }
}

LoopState& running_loop(const char* who) { return static_cast<LoopState&>(running_scheduler(who)); }

Ref<StreamServer> make_server(ClientHandler handler, const ServerOptions& options) {
  return Ref<StreamServer>::adopt(
      new StreamServer(running_loop("start_server()"), std::move(handler), options));
}

Server started(Ref<StreamServer> server, const ServerOptions& options) {
  if (options.start_serving) server->start_serving();
  return ServerAccess::make(Ref<ServerState>(server.get()));
}

}  // namespace

namespace {

Coro<Server> listen_on(Ref<StreamServer> server, std::vector<std::string> hosts, std::uint16_t port,
                       ServerOptions options) {
  const std::vector<Address> addresses =
      co_await resolve_hosts(get_running_loop(), std::move(hosts), port);
  for (Socket& socket : bind_all(addresses, options)) add_listener(*server, std::move(socket));
  co_return started(server, options);
}

Coro<Server> listen_at(Ref<StreamServer> server, std::string path, ServerOptions options) {
  add_unix_listener(*server, path, options.cleanup_socket);
  co_return started(server, options);
}

}  // namespace

Coro<Server> start_stream_server(ClientHandler handler, std::vector<std::string> hosts,
                                 std::uint16_t port, ServerOptions options) {
  return when_awaited([&] {
    return listen_on(make_server(std::move(handler), options), std::move(hosts), port, options);
  });
}

Coro<Server> start_unix_stream_server(ClientHandler handler, std::string path,
                                      ServerOptions options) {
  return when_awaited([&] {
    return listen_at(make_server(std::move(handler), options), std::move(path), options);
  });
}

Server start_socket_server(ClientHandler handler, Socket socket, ServerOptions options) {
  const Ref<StreamServer> server = make_server(std::move(handler), options);
  add_listener(*server, std::move(socket));
  return started(server, options);
}

}  // namespace asyncio::detail
