#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>

#include "net/bind.hpp"
#include "net/server_state.hpp"
#include "net/server_task.hpp"
#include "net/stream_state.hpp"
#include "net/tls_accept.hpp"
#include "net/when_awaited.hpp"

#include <utility>

namespace asyncio::detail {
namespace {

class StreamServer final : public ServerState {
 public:
  StreamServer(const char* who, ClientHandler handler, const ServerOptions& options)
      : ServerState(static_cast<LoopState&>(running_scheduler(who)), who, options),
        handler_(std::move(handler)),
        limit_(options.limit) {
    check_limit(limit_);
  }

  void accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) override;
  asyncio::Connection connect(std::unique_ptr<ByteStream> stream, const Address& peer) {
    auto connected = Ref<StreamState>::adopt(new StreamState(loop(), std::move(stream), limit_));
    connected->set_peer(peer);
    connected->serve(*this);
    return handles_of(std::move(connected));
  }
  Coro<> handle(StreamReader reader, StreamWriter writer) { return handler_(reader, writer); }

 private:
  ClientHandler handler_;
  std::size_t limit_;
};

Coro<> serve_tls_client(Ref<StreamServer> server, std::unique_ptr<Endpoint> endpoint,
                        Address peer) {
  std::unique_ptr<ByteStream> stream =
      co_await accept_tls(server->loop(), std::move(endpoint), peer, server->tls());
  if (stream == nullptr) co_return;
  asyncio::Connection ends = server->connect(std::move(stream), peer);
  const HandledConnection handled(ends.writer);
  co_await server->handle(ends.reader, ends.writer);
}

void StreamServer::accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) {
  if (tls()) {
    const Ref<StreamServer> self(this);
    ServerTask::start(*this, serve_tls_client(self, std::move(endpoint), peer), peer, {});
  } else {
    const asyncio::Connection ends = connect(std::move(endpoint), peer);
    ServerTask::start(*this, handle(ends.reader, ends.writer), peer, ends.writer);
  }
}

Ref<ServerState> make_server(const char* who, ClientHandler handler, const ServerOptions& options) {
  return Ref<ServerState>::adopt(new StreamServer(who, std::move(handler), options));
}

}  // namespace

Coro<Server> start_stream_server(ClientHandler handler, std::vector<std::string> hosts,
                                 std::uint16_t port, ServerOptions options) {
  return when_awaited([&] {
    return listen_at_hosts(make_server("start_server()", std::move(handler), options),
                           std::move(hosts), port, options);
  });
}

Coro<Server> start_unix_stream_server(ClientHandler handler, std::string path,
                                      ServerOptions options) {
  return when_awaited([&] {
    return listen_at_path(make_server("start_unix_server()", std::move(handler), options),
                          std::move(path), options);
  });
}

Server start_socket_server(ClientHandler handler, Socket socket, ServerOptions options) {
  return listen_on(make_server("start_server()", std::move(handler), options), std::move(socket),
                   options);
}

}  // namespace asyncio::detail
