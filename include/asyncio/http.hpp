#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/http_body.hpp>
#include <asyncio/http_cookies.hpp>
#include <asyncio/http_errors.hpp>
#include <asyncio/http_headers.hpp>
#include <asyncio/http_params.hpp>
#include <asyncio/http_response.hpp>
#include <asyncio/http_url.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace asyncio::http {

namespace detail {
class ClientState;
class Transfer;
}  // namespace detail

/// How long a request may take. nullopt: no limit.
///
/// Python: httpx.Timeout
struct Timeout {
  /// For a connection: name, TCP, proxy and TLS together.
  std::optional<Duration> connect = Duration::nanoseconds(5'000'000'000);
  /// Between two pieces of the answer, and before the first.
  std::optional<Duration> read = Duration::nanoseconds(5'000'000'000);
  /// Between two pieces of the body that is sent.
  std::optional<Duration> write = Duration::nanoseconds(5'000'000'000);
  /// For a free place among the connections that Limits allows.
  std::optional<Duration> pool = Duration::nanoseconds(5'000'000'000);
  /// For everything, redirects too. Not in httpx: ours; a server that sends a byte a second never
  /// reaches `read`.
  std::optional<Duration> total = {};

  /// Python: httpx.Timeout(seconds)
  [[nodiscard]] static constexpr Timeout all(std::optional<Duration> each) noexcept {
    return {each, each, each, each, {}};
  }
};
static_assert(std::is_trivially_destructible_v<Timeout>);

/// How many connections a client may have. A request that finds none waits.
///
/// Python: httpx.Limits
struct Limits {
  std::optional<std::size_t> max_connections = 100;
  /// Not in httpx: ours.
  std::optional<std::size_t> max_connections_per_host = {};
  /// Those that are kept open without a request.
  std::size_t max_keepalive_connections = 20;
  /// How long. Units: whole seconds, at least one.
  Duration keepalive_expiry = Duration::nanoseconds(5'000'000'000);
};
static_assert(std::is_trivially_destructible_v<Limits>);

/// Who asks: see basic_auth() and bearer_auth(). Refers to the caller's texts.
struct Auth {
  enum class Kind : unsigned char { none, basic, bearer };
  Kind kind = Kind::none;
  std::string_view name = {};
  std::string_view secret = {};
};
/// Python: httpx.BasicAuth
[[nodiscard]] constexpr Auth basic_auth(std::string_view username,
                                        std::string_view password) noexcept {
  return {Auth::Kind::basic, username, password};
}
[[nodiscard]] constexpr Auth bearer_auth(std::string_view token) noexcept {
  return {Auth::Kind::bearer, {}, token};
}

/// How a Client asks. Copied where the client is made.
struct ClientOptions {
  /// What URLs are relative to: "https://api.example.com/v2/".
  std::string_view base_url = {};
  /// Sent with every request; a request's own take their place.
  HeadersRef headers = {};
  ParamsRef params = {};
  /// Sent with every request, to the origin that it is for.
  CookiesRef cookies = {};
  Auth auth = {};
  Timeout timeout = {};
  Limits limits = {};
  bool follow_redirects = false;
  std::size_t max_redirects = 20;
  /// Headers, besides Authorization and Cookie, that no other origin may see after a redirect:
  /// "X-Api-Key, X-Token".
  std::string_view secret_headers = {};
  /// "http://user:password@proxy:3128", "socks5h://..."; "": what `trust_env` finds.
  std::string_view proxy = {};
  /// Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count.
  bool trust_env = true;
  /// False: any certificate will do, and anybody may be the server.
  bool verify = true;
  /// PEM files in place of the system's CAs.
  std::string_view ca_file = {};
  /// The same from memory.
  std::string_view ca_data = {};
  /// Of the client: PEM files.
  std::string_view client_cert = {};
  std::string_view client_key = {};
  std::string_view client_key_password = {};
  /// HTTP/2 over TLS where the server speaks it: many requests share a connection. Not those of
  /// stream(), whose servers are slowed down by HTTP/1.1 only.
  bool http2 = false;
  /// Requests go to this socket, whatever host the URL names.
  std::string_view unix_socket = {};
  /// Of the body, decompressed, in a Response; stream() has no limit of its own.
  std::size_t max_response_bytes = std::size_t{100} * 1024 * 1024;
  /// Of all header lines of one answer.
  std::size_t max_header_bytes = std::size_t{64} * 1024;
};
static_assert(std::is_trivially_destructible_v<ClientOptions>);

/// One request. Copied where the request is made, but for `stream`.
struct RequestOptions {
  HeadersRef headers = {};
  /// Behind the parameters of the URL and the client.
  ParamsRef params = {};
  CookiesRef cookies = {};
  Auth auth = {};
  // The body; at most one of these.
  std::optional<std::string_view> content = {};
  /// A text that is JSON already: http_json.hpp makes it of a value.
  std::optional<std::string_view> json = {};
  /// A form.
  ParamsRef data = {};
  MultipartRef files = {};
  /// Made while it is sent; chunked, unless headers have a Content-Length.
  ChunksRef stream = {};

  /// In place of the client's.
  std::optional<Timeout> timeout = {};
  std::optional<bool> follow_redirects = {};
};
static_assert(std::is_trivially_destructible_v<RequestOptions>);

/// An answer whose body comes piece by piece, as fast as it is taken.
///
///     auto page = co_await client.stream("GET", url);
///     while (auto chunk = co_await page.next()) file << *chunk;
///
/// Lifetime: when it is destroyed before the end, the transfer is, too.
/// Python: what httpx.AsyncClient.stream() enters; next() is aiter_bytes()
class ResponseStream : public Response {
 public:
  ResponseStream(ResponseStream&& other) noexcept;
  ResponseStream& operator=(ResponseStream&& other) noexcept;
  ~ResponseStream();

  /// Returns: a piece of the body, decompressed; nothing at its end.
  /// Throws: ReadError, ReadTimeout, RemoteProtocolError, DecodingError, TimeoutException.
  /// Cancellation: nothing is lost, the next call gives it.
  [[nodiscard]] Coro<std::optional<std::string>> next();
  /// Without its end of line; nothing at the end. Python: aiter_lines()
  ///
  /// Throws: ResponseTooLarge for a line above 1 MiB.
  [[nodiscard]] Coro<std::optional<std::string>> next_line();
  /// What is left of the body, and it is in `content` then.
  ///
  /// Throws: ResponseTooLarge.
  [[nodiscard]] Coro<std::string> read();
  /// Ends the transfer; what has not been read is dropped. Idempotent.
  void close() noexcept;
  /// Throws: HTTPStatusError unless it is a success.
  const ResponseStream& raise_for_status() const;

 private:
  friend class detail::ClientState;
  explicit ResponseStream(asyncio::detail::Ref<detail::Transfer> transfer);
  asyncio::detail::Ref<detail::Transfer> transfer_;
  [[nodiscard]] Coro<std::optional<std::string>> receive();
  std::string take_rest();
  std::string lines_;      // received by next_line()
  std::size_t given_ = 0;  // of them
};

/// Asks HTTP servers. Connections are kept and used again, also by tasks that ask at the same time;
/// cookies are kept, too. A shared handle: copies are the same client.
///
///     asyncio::http::Client client({.base_url = "https://api.github.com"});
///     auto answer = co_await client.get("/repos/python/cpython");
///     std::cout << answer.raise_for_status().text();
///
/// URLs are absolute, or relative to base_url. Only http and https are spoken, also after
/// redirects.
///
/// Python: httpx.AsyncClient
/// Throws: every request: what http_errors.hpp lists; InvalidURL and std::invalid_argument for what
/// cannot be sent, at the call.
/// Cancellation: of every request: it ends at once and its connection with it, or with HTTP/2 its
/// stream.
/// Lifetime: requests that run keep what they need. Closed with its loop.
/// Threads: the loop's in which it is used first.
class Client {
 public:
  /// Throws: InvalidURL, std::invalid_argument.
  explicit Client(ClientOptions options = {});
  Client(const Client& other) noexcept;
  Client& operator=(Client other) noexcept;
  ~Client();

  [[nodiscard]] Coro<Response> get(std::string_view url, RequestOptions options = {}) const {
    return request("GET", url, options);
  }
  [[nodiscard]] Coro<Response> post(std::string_view url, RequestOptions options = {}) const {
    return request("POST", url, options);
  }
  [[nodiscard]] Coro<Response> put(std::string_view url, RequestOptions options = {}) const {
    return request("PUT", url, options);
  }
  [[nodiscard]] Coro<Response> patch(std::string_view url, RequestOptions options = {}) const {
    return request("PATCH", url, options);
  }
  [[nodiscard]] Coro<Response> delete_(std::string_view url, RequestOptions options = {}) const {
    return request("DELETE", url, options);
  }
  [[nodiscard]] Coro<Response> head(std::string_view url, RequestOptions options = {}) const {
    return request("HEAD", url, options);
  }
  [[nodiscard]] Coro<Response> options(std::string_view url, RequestOptions options = {}) const {
    return request("OPTIONS", url, options);
  }
  [[nodiscard]] Coro<Response> request(std::string_view method, std::string_view url,
                                       RequestOptions options = {}) const;
  /// Ends when the header lines have come; the body follows as it is asked for.
  [[nodiscard]] Coro<ResponseStream> stream(std::string_view method, std::string_view url,
                                            RequestOptions options = {}) const;

  /// What servers have set so far.
  [[nodiscard]] std::vector<StoredCookie> cookies() const;
  void clear_cookies() const;

  /// Closes the connections; requests that run end with an error. Idempotent.
  ///
  /// Python: aclose(), which awaits
  void close() const noexcept;
  [[nodiscard]] bool is_closed() const noexcept;

 private:
  friend class Retry;
  asyncio::detail::Ref<detail::ClientState> state_;
};

// Of a client that is made for one request. Python: httpx.get() etc.
[[nodiscard]] Coro<Response> get(std::string_view url, RequestOptions options = {});
[[nodiscard]] Coro<Response> post(std::string_view url, RequestOptions options = {});

}  // namespace asyncio::http
