#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>

#include "net/bind.hpp"
#include "net/server_state.hpp"
#include "net/socket_state.hpp"
#include "net/stream_state.hpp"

#include <utility>

namespace asyncio::detail {
namespace {

class StreamServer final : public ServerState {
 public:
  StreamServer(LoopState& loop, ClientHandler handler, const ServerOptions& options)
      : ServerState(loop, options.backlog), handler_(std::move(handler)), limit_(options.limit) {}

  void accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) override;
  Coro<> handle(StreamReader reader, StreamWriter writer) {
    return handler_(std::move(reader), std::move(writer));
  }

 private:
  ClientHandler handler_;
  std::size_t limit_;
};

// A handler's place in its server, while it runs.
class Handling {
 public:
  Handling(ServerState& server, AnyTask task) : server_(server), task_(std::move(task)) {
    server.enter(task_);
    server.attach();
  }
  Handling(const Handling&) = delete;
  Handling& operator=(const Handling&) = delete;
  ~Handling() {
    server_.leave(task_);
    server_.detach();
  }

 private:
  ServerState& server_;
  AnyTask task_;
};

void report_error(StreamState& stream, const Result<void>& result) {
  ExceptionContext context;
  context.message = "Unhandled exception in client_connected_cb, connection with " +
                    stream.peer().str() + " is closed";
  remember(failure_of(result));
  context.exception = result.error();
  context.task = current_task();
  stream.loop().report(context);
}

Coro<> serve_client(Ref<StreamServer> server, Ref<StreamState> stream) {
  const Handling handling(*server, *current_task());
  // Whatever way it ends: what was written is sent.
  struct Closer {
    StreamState& stream;
    ~Closer() { stream.close(); }
  };
  const Closer closer{*stream};
  asyncio::Connection ends = handles_of(stream);
  auto result = co_await as_result(server->handle(std::move(ends.reader), std::move(ends.writer)));
  if (result.cancelled()) raise(failure_of(result));
  if (!result) report_error(*stream, result);
}

void StreamServer::accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) {
  auto stream = Ref<StreamState>::adopt(new StreamState(loop(), std::move(endpoint), limit_));
  stream->set_peer(peer);
  stream->serve(*this);
  loop().loop->create_task(serve_client(Ref<StreamServer>(this), std::move(stream)));
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

Coro<Server> start_stream_server(ClientHandler handler, std::vector<std::string> hosts,
                                 std::uint16_t port, ServerOptions options) {
  const Ref<StreamServer> server = make_server(std::move(handler), options);
  for (Socket& socket : bind_all(resolve_numeric(hosts, port), options)) {
    add_listener(*server, std::move(socket));
  }
  co_return started(server, options);
}

Coro<Server> start_unix_stream_server(ClientHandler handler, std::string path,
                                      ServerOptions options) {
  const Ref<StreamServer> server = make_server(std::move(handler), options);
  add_unix_listener(*server, path);
  co_return started(server, options);
}

Server start_socket_server(ClientHandler handler, Socket socket, ServerOptions options) {
  const Ref<StreamServer> server = make_server(std::move(handler), options);
  add_listener(*server, std::move(socket));
  return started(server, options);
}

}  // namespace asyncio::detail
