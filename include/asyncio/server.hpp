#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/detail/wait_line.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/streams.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

class EventLoop;
class Server;

/// How a server listens.
struct ServerOptions {
  /// Of its clients' StreamReaders.
  std::size_t limit = default_limit;
  /// Connections that the system keeps until they are accepted.
  int backlog = 100;
  /// Several servers, of other threads or processes, share the port.
  bool reuse_port = false;
  /// Restarting does not have to wait for old connections of the port.
  bool reuse_address = true;
  /// TLS, with these settings and this certificate. The context is copied. null: none.
  const ssl::Context* ssl = nullptr;
  std::optional<Duration> ssl_handshake_timeout = {};
  std::optional<Duration> ssl_shutdown_timeout = {};
  /// False: not before start_serving() or serve_forever().
  bool start_serving = true;
  /// Of a Unix server: its socket file is removed when it closes, if it is still its own.
  bool cleanup_socket = true;
};
static_assert(std::is_trivially_destructible_v<ServerOptions>);

namespace detail {

class ServerState;
struct ServerAccess;

using ClientHandler = UniqueFunction<Coro<>(StreamReader, StreamWriter)>;

template <class F>
concept HandlesClients = std::invocable<F&, StreamReader, StreamWriter>;

/// Calls a handler of any shape: a coroutine function, or a plain one.
template <class F>
class ClientHandlerOf {
 public:
  explicit ClientHandlerOf(F handler) : handler_(std::move(handler)) {}
  Coro<> operator()(StreamReader reader, StreamWriter writer) {
    using R = std::invoke_result_t<F&, StreamReader, StreamWriter>;
    if constexpr (std::is_same_v<R, Coro<>>) {
      return handler_(std::move(reader), std::move(writer));
    } else {
      return call(handler_, std::move(reader), std::move(writer));
    }
  }

 private:
  static Coro<> call(F& handler, StreamReader reader, StreamWriter writer) {
    if constexpr (Awaitable<std::invoke_result_t<F&, StreamReader, StreamWriter>>) {
      co_await handler(std::move(reader), std::move(writer));
    } else {
      handler(std::move(reader), std::move(writer));
      co_return;
    }
  }
  F handler_;
};

template <class F>
ClientHandler client_handler(F&& handler) {
  return ClientHandler(ClientHandlerOf<std::decay_t<F>>(std::forward<F>(handler)));
}

Coro<Server> start_stream_server(ClientHandler handler, std::vector<std::string> hosts,
                                 std::uint16_t port, ServerOptions options);
Coro<Server> start_unix_stream_server(ClientHandler handler, std::string path,
                                      ServerOptions options);
Server start_socket_server(ClientHandler handler, Socket socket, ServerOptions options);

}  // namespace detail

/// Accepts connections and owns their handlers. A shared handle; the server goes on when it is
/// dropped, until close() or the end of the loop.
///
/// Python: asyncio.Server
/// Threads: the loop's.
class Server {
 public:
  Server(const Server& other) noexcept;
  Server& operator=(Server other) noexcept;
  ~Server();

  /// Where it listens; nothing once it is closed.
  [[nodiscard]] std::vector<Address> sockets() const;
  [[nodiscard]] bool is_serving() const noexcept;
  /// Throws: RuntimeError when the loop was closed.
  [[nodiscard]] EventLoop& get_loop() const;
  /// Those whose connection, or handler, has not ended.
  [[nodiscard]] std::size_t clients() const noexcept;

  /// Idempotent. Throws: RuntimeError on a closed server; std::system_error, and closes it then.
  void start_serving() const;
  /// start_serving(), and until close().
  ///
  /// Cancellation: closes the server and its clients' connections, and awaits their ends.
  /// Python: there close() ends it with CancelledError
  /// Throws: RuntimeError if another task is in it, or the server is closed.
  [[nodiscard]] Coro<> serve_forever() const;
  /// Stops listening. Connections and their handlers go on. Idempotent.
  void close() const noexcept;
  /// Until it is closed and every connection and handler has ended.
  [[nodiscard]] Coro<> wait_closed() const;
  /// close() on every connection.
  void close_clients() const noexcept;
  /// abort() on every connection.
  void abort_clients() const noexcept;

  /// The whole way down: stops listening, lets handlers go on until the deadline, then cancels
  /// those that are left, each with a report that tells where it waits, and closes what is open. A
  /// handler that ignores its cancellation for as long again, at least for a second, is reported
  /// and left; its connection is aborted.
  ///
  /// Units: any chrono duration, from now.
  [[nodiscard]] Coro<> shutdown(Duration deadline) const;

  // `co_await asyncio::with(server, ...)`: its end is close() and wait_closed().
  [[nodiscard]] detail::Immediate aenter() const noexcept { return {}; }
  [[nodiscard]] Coro<> aexit(std::exception_ptr error) const;

  /// "<Server 127.0.0.1:8080>"
  [[nodiscard]] std::string repr() const;

 private:
  friend struct detail::ServerAccess;
  explicit Server(detail::Ref<detail::ServerState> state) noexcept;
  detail::Ref<detail::ServerState> state_;
};

/// Listens and calls `handler(reader, writer)` for each connection, as a task of the server. When
/// it returns, what it has written is sent and its connection is closed. When it throws, the error
/// is reported with its traceback and that connection is closed; the others go on.
///
///     auto server = co_await asyncio::start_server(handle, "127.0.0.1", 8080);
///     co_await server.serve_forever();
///
/// Python: asyncio.start_server; there a connection stays open when its handler returns
/// Host: "" is every interface, IPv4 and IPv6. Port 0 is a free one; see Server::sockets().
/// Throws: std::system_error "error while attempting to bind on address 127.0.0.1:80: Permission
/// denied".
/// Lifetime: the handler is kept until the last client has gone.
template <detail::HandlesClients F>
[[nodiscard]] Coro<Server> start_server(F handler, std::string_view host, std::uint16_t port,
                                        ServerOptions options = {}) {
  return detail::start_stream_server(detail::client_handler(std::move(handler)),
                                     {std::string(host)}, port, options);
}
/// On several hosts.
template <detail::HandlesClients F>
[[nodiscard]] Coro<Server> start_server(F handler, std::vector<std::string> hosts,
                                        std::uint16_t port, ServerOptions options = {}) {
  return detail::start_stream_server(detail::client_handler(std::move(handler)), std::move(hosts),
                                     port, options);
}
/// On a socket that is bound, which it takes over.
template <detail::HandlesClients F>
[[nodiscard]] Server start_server(F handler, Socket socket, ServerOptions options = {}) {
  return detail::start_socket_server(detail::client_handler(std::move(handler)), std::move(socket),
                                     options);
}
/// Python: asyncio.start_unix_server. A socket file that is there already is replaced, and removed
/// when the server closes; a path that begins with "@" or NUL is an abstract name.
/// Throws: std::system_error "error while attempting to bind on address /run/my.sock: Address
/// already in use", std::invalid_argument for an empty path.
template <detail::HandlesClients F>
[[nodiscard]] Coro<Server> start_unix_server(F handler, std::string_view path,
                                             ServerOptions options = {}) {
  return detail::start_unix_stream_server(detail::client_handler(std::move(handler)),
                                          std::string(path), options);
}

}  // namespace asyncio
