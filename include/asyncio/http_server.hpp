#pragma once

#include <asyncio/detail/http_handler.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/http_reply.hpp>
#include <asyncio/http_request.hpp>
#include <asyncio/server.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio::http {

namespace detail {
class ServerState;
}

/// What a client may cost. nullopt: no limit.
///
/// Units: bytes, and any chrono duration.
struct ServerLimits {
  /// Of the request line and the header lines together. Above: 431
  std::optional<std::size_t> header_bytes = std::size_t{16} * 1024;
  /// For all of these, from the first byte on. Above: 408
  std::optional<Duration> header_time = Duration::nanoseconds(10'000'000'000);
  /// Of a body that a handler reads. Above: Abort(413)
  std::optional<std::size_t> body_bytes = std::size_t{1024} * 1024;
  /// For the body and the handler together. Above, the handler is cancelled: 503, or the connection
  /// ends, if the answer has begun.
  std::optional<Duration> request_time = {};
  /// Without a byte: between two requests, where the connection then ends; within a body that is
  /// waited for, where the handler is cancelled: 408.
  std::optional<Duration> idle_time = Duration::nanoseconds(75'000'000'000);
  /// For a client that takes nothing of what is to be sent. Above, the connection ends.
  std::optional<Duration> write_time = Duration::nanoseconds(60'000'000'000);
  /// On one connection, which then is closed.
  std::optional<std::size_t> max_requests = {};
};
static_assert(std::is_trivially_destructible_v<ServerLimits>);

/// An HTTP/1.1 server: routes and their handlers. A shared handle; what listens goes on when it is
/// dropped, until close() or the end of the loop.
///
///     http::Server server;
///     server.get("/users/{id}", [&](http::Request& request) -> asyncio::Coro<http::Reply> {
///       co_return http::Reply::json(co_await find(request.path_param("id")));
///     });
///     co_await server.start("127.0.0.1", 8080);
///     co_await server.serve_forever();
///
/// A handler takes a Request& and is a coroutine that returns a Reply, a coroutine that streams its
/// answer and returns nothing, or a plain function that returns a Reply. What it throws is
/// reported, with its traceback; the client gets a 500, or, if the answer has begun, its connection
/// is aborted.
///
/// A pattern is a path. In it "{name}" stands for one segment that is not empty, and "{name...}",
/// at the end, for all that is left, which may be empty. Of several patterns that match a path, the
/// one with the text goes before the one with "{name}", and that before "{name...}", from left to
/// right.
///
/// HEAD is answered by GET's handler if it has none, OPTIONS with the methods of the path. There is
/// a 404 for a path that nobody knows, and a 405 for one with other methods.
///
/// Threads: the loop's.
class Server {
 public:
  explicit Server(ServerLimits limits = {});
  Server(const Server& other) noexcept;
  Server& operator=(Server other) noexcept;
  ~Server();

  // --- routes; at any time ---

  /// Throws: std::invalid_argument for a pattern that is none, or that this method has already.
  template <detail::HandlesRequests F>
  Server& get(std::string_view pattern, F&& handler) {
    return route("GET", pattern, std::forward<F>(handler));
  }
  template <detail::HandlesRequests F>
  Server& post(std::string_view pattern, F&& handler) {
    return route("POST", pattern, std::forward<F>(handler));
  }
  template <detail::HandlesRequests F>
  Server& put(std::string_view pattern, F&& handler) {
    return route("PUT", pattern, std::forward<F>(handler));
  }
  template <detail::HandlesRequests F>
  Server& patch(std::string_view pattern, F&& handler) {
    return route("PATCH", pattern, std::forward<F>(handler));
  }
  /// Method DELETE, which C++ keeps for itself.
  template <detail::HandlesRequests F>
  Server& delete_(std::string_view pattern, F&& handler) {
    return route("DELETE", pattern, std::forward<F>(handler));
  }
  template <detail::HandlesRequests F>
  Server& head(std::string_view pattern, F&& handler) {
    return route("HEAD", pattern, std::forward<F>(handler));
  }
  template <detail::HandlesRequests F>
  Server& options(std::string_view pattern, F&& handler) {
    return route("OPTIONS", pattern, std::forward<F>(handler));
  }
  /// Throws: also for a method that is no token. Methods know upper and lower case.
  template <detail::HandlesRequests F>
  Server& route(std::string_view method, std::string_view pattern, F&& handler) {
    add(method, pattern, detail::handler_of(std::forward<F>(handler)));
    return *this;
  }
  /// For paths that no route matches, of whatever method, instead of a 404.
  template <detail::HandlesRequests F>
  Server& fallback(F&& handler) {
    set_fallback(detail::handler_of(std::forward<F>(handler)));
    return *this;
  }

  // --- serving ---

  /// Listens. May be called several times, for several addresses.
  ///
  /// Throws: as asyncio::start_server(); RuntimeError after close().
  [[nodiscard]] Coro<> start(std::string_view host, std::uint16_t port, ServerOptions options = {});
  /// Throws: as asyncio::start_unix_server().
  [[nodiscard]] Coro<> start_unix(std::string_view path, ServerOptions options = {});
  /// Where it listens; nothing once it is closed.
  [[nodiscard]] std::vector<Address> sockets() const;
  /// Those whose connection has not ended.
  [[nodiscard]] std::size_t clients() const noexcept;

  /// Until close().
  ///
  /// Cancellation: closes the server and its clients' connections, and awaits their ends.
  /// Throws: RuntimeError before start(), after close(), and if another task is in it.
  [[nodiscard]] Coro<> serve_forever();
  /// Stops listening. Connections on which no request has begun end; the others end with their
  /// request. Idempotent.
  void close() noexcept;
  /// Until it is closed and every connection has ended.
  [[nodiscard]] Coro<> wait_closed();
  /// The whole way down: close(), and requests have so long to end; those that are left are
  /// cancelled, each with a report of where it waits, and their connections are closed.
  ///
  /// Units: any chrono duration, from now.
  [[nodiscard]] Coro<> shutdown(Duration deadline);

 private:
  void add(std::string_view method, std::string_view pattern, detail::Handler handler);
  void set_fallback(detail::Handler handler);

  asyncio::detail::Ref<detail::ServerState> state_;
};

}  // namespace asyncio::http
