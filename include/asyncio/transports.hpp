#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/protocols.hpp>
#include <asyncio/server.hpp>
#include <asyncio/streams.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {
class ProtocolTransport;
struct TransportAccess;
}  // namespace detail

/// A connection that calls a protocol. A shared handle; the connection goes on when it is dropped.
///
/// Python: asyncio.Transport
/// Threads: the loop's.
class Transport {
 public:
  Transport(const Transport& other) noexcept;
  Transport& operator=(Transport other) noexcept;
  ~Transport();

  /// Sends at once what the system takes; a copy of the rest is sent as soon as it takes it.
  ///
  /// Throws: RuntimeError after write_eof(). Writes to a lost connection are dropped.
  void write(std::string_view data) const;
  void write(std::span<const std::byte> data) const;
  void writelines(std::span<const std::string_view> parts) const;
  void writelines(std::initializer_list<std::string_view> parts) const {
    writelines(std::span(parts.begin(), parts.size()));
  }
  /// Throws: RuntimeError over TLS, which cannot.
  void write_eof() const;
  [[nodiscard]] bool can_write_eof() const noexcept;

  /// Units: bytes. One that is not given follows from the other one: low is a quarter of high; both
  /// from 64 KiB. Throws: std::invalid_argument unless high >= low.
  void set_write_buffer_limits(std::optional<std::size_t> high = {},
                               std::optional<std::size_t> low = {}) const;
  struct Limits {
    std::size_t low;
    std::size_t high;
  };
  [[nodiscard]] Limits get_write_buffer_limits() const noexcept;
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept;

  /// Idempotent.
  void pause_reading() const noexcept;
  void resume_reading() const noexcept;
  [[nodiscard]] bool is_reading() const noexcept;

  /// What was written is sent, then connection_lost() follows. Nothing more is received.
  void close() const noexcept;
  void abort() const noexcept;
  [[nodiscard]] bool is_closing() const noexcept;

  /// The next calls go to it; no longer to the other one, which may go now.
  ///
  /// Throws: std::invalid_argument for null.
  void set_protocol(ProtocolPtr<Protocol> protocol) const;
  void set_protocol(ProtocolPtr<BufferedProtocol> protocol) const;
  /// Null once it is lost.
  [[nodiscard]] BaseProtocol* get_protocol() const noexcept;

  [[nodiscard]] Address peername() const;
  [[nodiscard]] Address sockname() const;
  /// -1 when the connection has ended, and so are addresses empty then, unless they were known.
  [[nodiscard]] int fileno() const noexcept;
  [[nodiscard]] std::optional<std::string> get_extra_info(std::string_view name) const;

  friend bool operator==(const Transport& a, const Transport& b) noexcept {
    return a.state_.get() == b.state_.get();
  }

 private:
  friend struct detail::TransportAccess;
  explicit Transport(detail::Ref<detail::ProtocolTransport> state) noexcept;
  detail::Ref<detail::ProtocolTransport> state_;
};

/// What EventLoop::create_connection() and connect_read_pipe() give.
template <class P>
struct Connected {
  Transport transport;
  ProtocolPtr<P> protocol;
};

/// Feeds a StreamReader with what a transport receives, and pauses that while nobody reads.
///
///     asyncio::StreamReader reader;
///     auto feed = [reader] { return std::make_unique<asyncio::StreamReaderProtocol>(reader); };
///     auto [transport, protocol] = co_await loop.connect_read_pipe(feed, fd);
///
/// Python: asyncio.StreamReaderProtocol, without the writer and the callback that only a server
/// needs
class StreamReaderProtocol : public Protocol {
 public:
  explicit StreamReaderProtocol(StreamReader reader) noexcept;
  ~StreamReaderProtocol() override;

  void connection_made(const Transport& transport) override;
  void data_received(std::string_view data) override;
  /// Returns: true: what is written goes on.
  bool eof_received() override;
  void connection_lost(std::exception_ptr error) override;

 private:
  class Feed;
  StreamReader reader_;
  std::unique_ptr<Feed> feed_;
};

namespace detail {

template <class P>
concept StreamProtocol = std::derived_from<P, Protocol> || std::derived_from<P, BufferedProtocol>;

/// A protocol of either kind.
struct AnyProtocol {
  ProtocolPtr<Protocol> plain;
  ProtocolPtr<BufferedProtocol> buffered;

  AnyProtocol() noexcept = default;  // none
  template <StreamProtocol P>
  explicit AnyProtocol(const ProtocolPtr<P>& protocol) {
    if constexpr (std::derived_from<P, Protocol>) {
      plain = protocol;
    } else {
      buffered = protocol;
    }
  }
  [[nodiscard]] BaseProtocol* get() const noexcept {
    return plain ? static_cast<BaseProtocol*>(plain.get()) : buffered.get();
  }
  explicit operator bool() const noexcept { return get() != nullptr; }
  friend bool operator==(const AnyProtocol& a, const AnyProtocol& b) noexcept {
    return a.get() == b.get();
  }
  template <class P>
  [[nodiscard]] ProtocolPtr<P> as() const noexcept {
    return ProtocolPtr<P>(static_cast<P*>(get()));
  }
};

struct ConnectedAny {
  Transport transport;
  AnyProtocol protocol;
};

using ProtocolFactory = UniqueFunction<AnyProtocol()>;

template <class F>
ProtocolFactory protocol_factory(F factory) {
  return ProtocolFactory([factory = std::move(factory)]() mutable {
    return AnyProtocol(ProtocolPtr<ProtocolOf<F>>(factory()));
  });
}

Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, std::string host,
                                    std::uint16_t port, ConnectionOptions options);
Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, Address address,
                                    ConnectionOptions options);
/// Any: of whatever family.
enum class SocketOf : std::uint8_t { any, unix_ };
Coro<ConnectedAny> connect_protocol(EventLoop& loop, ProtocolFactory factory, Socket socket,
                                    SocketOf family, ConnectionOptions options);
Coro<Server> start_protocol_server(EventLoop& loop, ProtocolFactory factory,
                                   std::vector<std::string> hosts, std::uint16_t port,
                                   ServerOptions options);
Server start_protocol_server(EventLoop& loop, ProtocolFactory factory, Socket socket,
                             SocketOf family, ServerOptions options);
Coro<Server> start_unix_protocol_server(EventLoop& loop, ProtocolFactory factory, std::string path,
                                        ServerOptions options);

Coro<ConnectedAny> open_read_pipe(EventLoop& loop, ProtocolFactory factory, int fd);
Coro<ConnectedAny> open_write_pipe(EventLoop& loop, ProtocolFactory factory, int fd);

template <class P>
Coro<Connected<P>> connected_as(Coro<ConnectedAny> connecting) {
  ConnectedAny any = co_await std::move(connecting);
  co_return Connected<P>{any.transport, any.protocol.template as<P>()};
}

/// A ConnectedAny of connect_protocol(loop, factory, how...), as what the factory makes.
template <class F, class... How>
Coro<Connected<ProtocolOf<F>>> connected_by(EventLoop& loop, F factory, How... how) {
  return connected_as<ProtocolOf<F>>(
      connect_protocol(loop, protocol_factory(std::move(factory)), std::move(how)...));
}

}  // namespace detail

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_connection(F factory,
                                                                    std::string_view host,
                                                                    std::uint16_t port,
                                                                    ConnectionOptions options) {
  return detail::connected_by(*this, std::move(factory), std::string(host), port, options);
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_connection(F factory, Socket socket,
                                                                    ConnectionOptions options) {
  return detail::connected_by(*this, std::move(factory), std::move(socket), detail::SocketOf::any,
                              options);
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_connection(F factory, Socket socket) {
  return create_connection(std::move(factory), std::move(socket), ConnectionOptions());
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::connect_accepted_socket(F factory,
                                                                          Socket socket) {
  return create_connection(std::move(factory), std::move(socket));
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_unix_connection(
    F factory, std::string_view path, ConnectionOptions options) {
  return detail::connected_by(*this, std::move(factory), Address::unix_path(path), options);
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_unix_connection(F factory,
                                                                         std::string_view path) {
  return create_unix_connection(std::move(factory), path, ConnectionOptions());
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_unix_connection(
    F factory, Socket socket, ConnectionOptions options) {
  return detail::connected_by(*this, std::move(factory), std::move(socket), detail::SocketOf::unix_,
                              options);
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::create_unix_connection(F factory, Socket socket) {
  return create_unix_connection(std::move(factory), std::move(socket), ConnectionOptions());
}

template <class F>
Coro<Server> EventLoop::create_server(F factory, std::string_view host, std::uint16_t port,
                                      ServerOptions options) {
  return create_server(std::move(factory), std::vector<std::string>{std::string(host)}, port,
                       options);
}

template <class F>
Coro<Server> EventLoop::create_server(F factory, std::string_view host, std::uint16_t port) {
  return create_server(std::move(factory), host, port, ServerOptions());
}

template <class F>
Coro<Server> EventLoop::create_server(F factory, std::vector<std::string> hosts, std::uint16_t port,
                                      ServerOptions options) {
  return detail::start_protocol_server(*this, detail::protocol_factory(std::move(factory)),
                                       std::move(hosts), port, options);
}

template <class F>
Server EventLoop::create_server(F factory, Socket socket, ServerOptions options) {
  return detail::start_protocol_server(*this, detail::protocol_factory(std::move(factory)),
                                       std::move(socket), detail::SocketOf::any, options);
}

template <class F>
Coro<Server> EventLoop::create_unix_server(F factory, std::string_view path,
                                           ServerOptions options) {
  return detail::start_unix_protocol_server(*this, detail::protocol_factory(std::move(factory)),
                                            std::string(path), options);
}

template <class F>
Coro<Server> EventLoop::create_unix_server(F factory, std::string_view path) {
  return create_unix_server(std::move(factory), path, ServerOptions());
}

template <class F>
Server EventLoop::create_unix_server(F factory, Socket socket, ServerOptions options) {
  return detail::start_protocol_server(*this, detail::protocol_factory(std::move(factory)),
                                       std::move(socket), detail::SocketOf::unix_, options);
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::connect_read_pipe(F factory, int fd) {
  return detail::connected_as<detail::ProtocolOf<F>>(
      detail::open_read_pipe(*this, detail::protocol_factory(std::move(factory)), fd));
}

template <class F>
Coro<Connected<detail::ProtocolOf<F>>> EventLoop::connect_write_pipe(F factory, int fd) {
  return detail::connected_as<detail::ProtocolOf<F>>(
      detail::open_write_pipe(*this, detail::protocol_factory(std::move(factory)), fd));
}

}  // namespace asyncio
