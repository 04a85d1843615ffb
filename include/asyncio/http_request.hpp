#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/http_headers.hpp>
#include <asyncio/http_params.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace asyncio::http {

class EventStream;
class ReplyStream;

namespace detail {
class ServerConnection;
}

/// A request that a server's handler answers. Its body is received when the handler asks for it.
///
/// Lifetime: until the handler has ended, and so are the views that it gives.
/// Threads: the loop's.
class Request {
 public:
  explicit Request(detail::ServerConnection& connection) noexcept : connection_(&connection) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// "GET"; what was sent, in its case.
  [[nodiscard]] std::string_view method() const noexcept;
  /// As it was sent: "/users/J%C3%BCrgen?page=2", "http://example.com/", "*".
  [[nodiscard]] std::string_view target() const noexcept;
  /// Percent-decoded and without the query: "/users/Jürgen". Nothing else is made of it: ".." and
  /// "//" are what the client has sent.
  [[nodiscard]] std::string_view path() const noexcept;
  /// What follows the "?", as it was sent.
  [[nodiscard]] std::string_view query() const noexcept;
  /// The query, decoded; "+" is a space.
  [[nodiscard]] Params params() const { return Params::parse(query()); }
  /// The first value of that name in it.
  [[nodiscard]] std::optional<std::string> query_value(std::string_view name) const;
  /// What stands in the path for "{name}" of the route, decoded.
  ///
  /// Throws: std::invalid_argument if the route has no such name.
  [[nodiscard]] std::string_view path_param(std::string_view name) const;

  [[nodiscard]] const Headers& headers() const;
  /// The first value of that name; "" if there is none. Cheaper than headers().
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  [[nodiscard]] bool is_http10() const noexcept;
  /// Whom the connection is with: perhaps a proxy.
  [[nodiscard]] Address peer() const;

  /// For this request, instead of ServerLimits::body_bytes. nullopt: none.
  void set_body_limit(std::optional<std::size_t> bytes) noexcept;
  /// The whole body, or what next() has left of it. A client that waits for "100 Continue" is told
  /// by the first of these calls, unless the answer has begun before.
  ///
  /// Throws: Abort(413) for a body above the limit, Abort(400) for one that is no HTTP;
  /// IncompleteReadError if the client ends it too early, std::system_error if it goes away: a
  /// handler may let both pass, nobody is told.
  /// Cancellation: what has come of the body is lost.
  [[nodiscard]] Coro<std::string> read();
  /// A piece of the body, as it comes; nothing at its end. The client is slowed down to the pace of
  /// these calls.
  ///
  /// Throws: as read().
  /// Cancellation: nothing is lost.
  [[nodiscard]] Coro<std::optional<std::string>> next();

  /// Begins an answer whose content is written piece by piece. It ends with the handler. Without a
  /// Content-Length among the headers it is sent in chunks.
  ///
  /// Throws: RuntimeError if the answer has begun already; std::invalid_argument for a status that
  /// is none of 200 to 599, and for a Content-Length that is no number; as ReplyStream::write().
  [[nodiscard]] Coro<ReplyStream> start_reply(int status = 200, HeadersRef headers = {});
  /// Begins an answer of server-sent events, for an EventSource in a browser. Throws: as
  /// start_reply().
  [[nodiscard]] Coro<EventStream> start_events(HeadersRef headers = {});
  /// Ends the connection without an answer, or in the middle of one; what the handler returns after
  /// that is dropped.
  void hang_up() noexcept;

 private:
  detail::ServerConnection* connection_;
};

/// The content of an answer, piece by piece. A handle.
///
/// Lifetime: until the handler has ended.
class ReplyStream {
 public:
  /// Sends it, and waits while the client does not read what was sent before.
  ///
  /// Throws: RuntimeError for more than the Content-Length, and for content of a 204 or 304;
  /// std::system_error if the client is gone: a handler may let that pass, nobody is told.
  /// Cancellation: it is sent nevertheless.
  /// Lifetime: `content` must live until it has ended.
  [[nodiscard]] Coro<> write(std::string_view content);

  explicit ReplyStream(detail::ServerConnection& connection) noexcept : connection_(&connection) {}

 private:
  detail::ServerConnection* connection_;
};

/// What goes with an event.
struct EventOptions {
  /// Whom it is for: addEventListener(event, ...). "": onmessage
  std::string_view event = {};
  /// Sent back as Last-Event-ID by a client that connects again.
  std::string_view id = {};
  /// How long a client that is cut off waits before it connects again.
  std::optional<Duration> retry = {};
};
static_assert(std::is_trivially_destructible_v<EventOptions>);

/// Server-sent events. A handle.
///
/// Lifetime: until the handler has ended.
class EventStream {
 public:
  /// Data of several lines is received as such; each kind of line end becomes "\n".
  ///
  /// Throws: std::invalid_argument for an event or id with CR, LF or NUL; as ReplyStream::write().
  [[nodiscard]] Coro<> send(std::string_view data, EventOptions options = {});
  /// Something that clients ignore: one now and then tells that a client is gone, and keeps proxies
  /// from giving up an idle connection.
  [[nodiscard]] Coro<> comment(std::string_view text = "");

  explicit EventStream(detail::ServerConnection& connection) noexcept : connection_(&connection) {}

 private:
  detail::ServerConnection* connection_;
};

}  // namespace asyncio::http
