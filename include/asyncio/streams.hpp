#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/detail/stream_ops.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/error.hpp>
#include <asyncio/socket.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace asyncio {

namespace ssl {
class Context;
}  // namespace ssl

/// How many bytes readline() and readuntil() look through for the end of a line.
inline constexpr std::size_t default_limit = std::size_t{64} * 1024;

/// What comes in. A shared handle: copies read from the same place.
///
///     while (auto line = co_await reader.next_line()) handle(*line);
///
/// Python: asyncio.StreamReader
/// Cancellation: of every read: nothing is lost, what has arrived stays for the next one.
/// Threads: the loop's. One task at a time may wait for data: another one is a RuntimeError.
class StreamReader {
 public:
  /// One that is fed by hand. Throws: std::invalid_argument for a limit of 0.
  explicit StreamReader(std::size_t limit = default_limit);
  StreamReader(const StreamReader& other) noexcept;
  StreamReader& operator=(StreamReader other) noexcept;
  ~StreamReader();

  /// At least one byte and at most `most`, as soon as there is one; "" at the end.
  ///
  /// Throws: what the connection has ended with, once all that had arrived was read.
  [[nodiscard]] detail::StreamRead read(std::size_t most) const;
  /// Everything until the end, whatever the limit.
  [[nodiscard]] detail::StreamRead read() const;
  /// Into a buffer of the caller's, without a copy in between.
  ///
  /// Returns: how many bytes; 0 at the end.
  /// Lifetime: `into` must live until it has ended.
  [[nodiscard]] detail::StreamReadInto read_into(std::span<std::byte> into) const;
  [[nodiscard]] detail::StreamReadInto read_into(std::span<char> into) const {
    return read_into(std::as_writable_bytes(into));
  }
  /// Exactly `size` bytes, whatever the limit.
  ///
  /// Throws: IncompleteReadError with what there was, if the end comes before.
  [[nodiscard]] detail::StreamRead readexactly(std::size_t size) const;
  /// Up to and with the separator.
  ///
  /// Throws: IncompleteReadError with what there was, if the end comes before; LimitOverrunError,
  /// which leaves the data where it is; std::invalid_argument for an empty separator.
  [[nodiscard]] detail::StreamRead readuntil(std::string_view separator = "\n") const;
  /// Up to and with that one of several separators whose match ends first.
  [[nodiscard]] detail::StreamRead readuntil(const std::vector<std::string>& separators) const;
  /// Up to and with the newline; without one at the end; "" after that.
  ///
  /// Throws: std::invalid_argument for a line above the limit, which is dropped.
  [[nodiscard]] detail::StreamRead readline() const;
  /// The same for loops: nothing after the end. Python: `async for line in reader`
  [[nodiscard]] detail::StreamNextLine next_line() const;

  /// The end has come and everything before it was read. What has not been received yet is not
  /// known: only a read tells.
  [[nodiscard]] bool at_eof() const noexcept;
  /// What the connection has ended with; null: nothing.
  [[nodiscard]] std::exception_ptr exception() const noexcept;
  [[nodiscard]] std::size_t limit() const noexcept;

  // --- for who feeds it ---

  /// Throws: RuntimeError after feed_eof().
  void feed_data(std::string_view data) const;
  void feed_eof() const;
  void set_exception(std::exception_ptr error) const;

  /// "<StreamReader 12 bytes eof>"
  [[nodiscard]] std::string repr() const;

  explicit StreamReader(detail::Ref<detail::ReaderState> state) noexcept;

 private:
  friend struct detail::StreamAccess;
  detail::Ref<detail::ReaderState> state_;
};

/// How StreamWriter::start_tls() goes about it.
struct StartTlsOptions {
  /// Whom the server's certificate must name. A client that verifies needs it.
  std::string_view server_hostname = {};
  std::optional<Duration> ssl_handshake_timeout = {};
  std::optional<Duration> ssl_shutdown_timeout = {};
};
static_assert(std::is_trivially_destructible_v<StartTlsOptions>);

/// Where a connection goes to. A shared handle: copies write to the same place.
///
///     writer.write("hello\n");
///     co_await writer.drain();
///
/// Python: asyncio.StreamWriter
/// Lifetime: when the last handle of a connection is gone, it is aborted, with a warning if
/// close() was not called.
/// Threads: the loop's.
class StreamWriter {
 public:
  StreamWriter(const StreamWriter& other) noexcept;
  StreamWriter& operator=(StreamWriter other) noexcept;
  ~StreamWriter();

  /// Sends at once what the system takes; a copy of the rest is sent as soon as it takes it. Never
  /// waits, so a writer that never awaits drain() may need any amount of memory.
  ///
  /// Throws: RuntimeError after write_eof(). Writes to a lost connection are dropped; drain()
  /// tells.
  void write(std::string_view data) const;
  void write(std::span<const std::byte> data) const;
  /// All of them by as few system calls as possible, without joining them first.
  void writelines(std::initializer_list<std::string_view> parts) const;
  void writelines(std::span<const std::string> parts) const;
  void writelines(std::span<const std::string_view> parts) const;

  /// Waits while more than the high mark is unsent, until it is no more than the low mark.
  ///
  /// Throws: the error that the connection has ended with; std::system_error (connection_reset)
  /// "Connection lost" when it has ended before, (connection_aborted) while it waits.
  /// Cancellation: leaves no trace.
  [[nodiscard]] detail::StreamDrain drain() const;
  /// Units: bytes. A null low mark is a quarter of the high one.
  /// Throws: std::invalid_argument unless high >= low.
  void set_write_buffer_limits(std::size_t high, std::optional<std::size_t> low = {}) const;
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept;

  /// The peer will read an end after what was written; it may still send.
  /// Throws: RuntimeError over TLS, which cannot.
  void write_eof() const;
  [[nodiscard]] bool can_write_eof() const noexcept;

  /// What was written is sent, then the connection ends; nothing more is received. Idempotent.
  void close() const noexcept;
  [[nodiscard]] bool is_closing() const noexcept;
  /// Until the connection has ended. Any number of tasks may wait.
  ///
  /// Throws: the error that it has ended with.
  [[nodiscard]] detail::StreamClosed wait_closed() const;
  /// Ends at once; what is unsent is dropped.
  void abort() const noexcept;

  /// From here on the connection is TLS, by the side that it was made by: a server if it was
  /// accepted. What was written before is sent first. The handles stay; let nobody read or write
  /// meanwhile.
  ///
  /// Throws: ssl::SSLError, std::system_error; the connection is aborted then.
  /// Cancellation: aborts the connection.
  [[nodiscard]] Coro<> start_tls(const ssl::Context& context, StartTlsOptions options = {}) const;

  /// The address of the other end; also after the connection has ended, if it was asked for before.
  [[nodiscard]] Address peername() const;
  [[nodiscard]] Address sockname() const;
  /// -1 when the connection has ended.
  [[nodiscard]] int fileno() const noexcept;
  /// "peername", "sockname" and, over TLS, "cipher", "version", "alpn", "peercert".
  /// Returns: nothing for what there is not.
  [[nodiscard]] std::optional<std::string> get_extra_info(std::string_view name) const;

  friend bool operator==(const StreamWriter& a, const StreamWriter& b) noexcept {
    return a.state_.get() == b.state_.get();
  }
  /// "<StreamWriter 127.0.0.1:80 -> 127.0.0.1:4711>"
  [[nodiscard]] std::string repr() const;

  explicit StreamWriter(detail::Ref<detail::StreamState> state) noexcept;

 private:
  friend struct detail::StreamAccess;
  detail::Ref<detail::StreamState> state_;
};

/// What open_connection() gives.
struct Connection {
  StreamReader reader;
  StreamWriter writer;
};

/// How open_connection() connects.
struct ConnectionOptions {
  std::size_t limit = default_limit;
  /// TLS, with these settings; ssl::create_default_context() verifies the server. The context is
  /// copied. null: none.
  const ssl::Context* ssl = nullptr;
  /// Whom the certificate must name; "": the host that was given.
  std::string_view server_hostname = {};
  /// nullopt: 60 seconds, then std::system_error (connection_aborted).
  std::optional<Duration> ssl_handshake_timeout = {};
  /// nullopt: 30 seconds for the peer to answer a close.
  std::optional<Duration> ssl_shutdown_timeout = {};
  /// Attempts to several addresses run at the same time, each begun so long after the one before.
  /// nullopt: one after the other.
  std::optional<Duration> happy_eyeballs_delay = {};
  /// So many addresses of the first family, then the families in turn. nullopt: 1 with Happy
  /// Eyeballs, else as the resolver gives them.
  std::optional<std::size_t> interleave = {};
  /// Where to connect from.
  const Address* local_addr = nullptr;
  /// If no address can be reached: an ExceptionGroup of all errors.
  bool all_errors = false;
};
static_assert(std::is_trivially_destructible_v<ConnectionOptions>);

/// Connects to a host, by name or numeric address.
///
///     auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", 8080);
///
/// Python: asyncio.open_connection
/// Throws: std::system_error "connect to 127.0.0.1:9: Connection refused".
/// Cancellation: prompt, and leaves nothing open.
[[nodiscard]] Coro<Connection> open_connection(std::string_view host, std::uint16_t port,
                                               ConnectionOptions options = {});
[[nodiscard]] Coro<Connection> open_connection(const Address& address,
                                               ConnectionOptions options = {});
/// Python: asyncio.open_unix_connection. A path that begins with "@" or NUL is an abstract name.
[[nodiscard]] Coro<Connection> open_unix_connection(std::string_view path,
                                                    ConnectionOptions options = {});
/// Of a socket that is connected, which it takes over. TLS follows by start_tls().
///
/// Throws: std::invalid_argument with options.ssl.
[[nodiscard]] Connection open_connection(Socket socket, ConnectionOptions options = {});

}  // namespace asyncio
