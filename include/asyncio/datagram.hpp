#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/protocols.hpp>
#include <asyncio/socket.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {
class DatagramTransportState;
struct DatagramAccess;
}  // namespace detail

/// Sends datagrams, and calls a protocol with those that come. A shared handle; the endpoint stays
/// open when it is dropped.
///
/// Python: asyncio.DatagramTransport
/// Threads: the loop's.
class DatagramTransport {
 public:
  DatagramTransport(const DatagramTransport& other) noexcept;
  DatagramTransport& operator=(DatagramTransport other) noexcept;
  ~DatagramTransport();

  /// Sends at once; if that would block, a copy is queued and sent in its turn. An empty datagram
  /// is sent, too. What the system refuses goes to error_received() and the transport goes on.
  ///
  /// Throws: std::invalid_argument if `to` is not the remote address that it has, or is missing
  /// where it has none. After the end, what is sent is dropped.
  void sendto(std::string_view data, const Address& to = {}) const;
  void sendto(std::span<const std::byte> data, const Address& to = {}) const;

  /// Units: bytes; each queued datagram counts 8 more. Throws: std::invalid_argument unless
  /// high >= low.
  void set_write_buffer_limits(std::size_t high, std::optional<std::size_t> low = {}) const;
  struct Limits {
    std::size_t low;
    std::size_t high;
  };
  [[nodiscard]] Limits get_write_buffer_limits() const noexcept;
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept;

  /// What is queued is sent, then connection_lost() follows. Nothing more is received.
  void close() const noexcept;
  void abort() const noexcept;
  [[nodiscard]] bool is_closing() const noexcept;

  /// The next calls go to it.
  void set_protocol(ProtocolPtr<DatagramProtocol> protocol) const;
  /// Null once it is lost.
  [[nodiscard]] DatagramProtocol* get_protocol() const noexcept;

  /// Where it is connected to; of no family if it is not.
  [[nodiscard]] Address peername() const;
  [[nodiscard]] Address sockname() const;
  /// -1 when it has ended.
  [[nodiscard]] int fileno() const noexcept;
  /// "peername" and "sockname".
  [[nodiscard]] std::optional<std::string> get_extra_info(std::string_view name) const;

  friend bool operator==(const DatagramTransport& a, const DatagramTransport& b) noexcept {
    return a.state_.get() == b.state_.get();
  }

 private:
  friend struct detail::DatagramAccess;
  explicit DatagramTransport(detail::Ref<detail::DatagramTransportState> state) noexcept;
  detail::Ref<detail::DatagramTransportState> state_;
};

/// How create_datagram_endpoint() makes its socket. A family is needed if there is no address.
///
/// Lifetime: the addresses are copied by the call.
struct DatagramOptions {
  /// Where to receive. A Unix socket file that is there is replaced.
  const Address* local_addr = nullptr;
  /// Where all datagrams go to; the socket is connected to it, but not with allow_broadcast.
  const Address* remote_addr = nullptr;
  Address::Family family = Address::Family::none;
  bool reuse_port = false;
  bool allow_broadcast = false;
};
static_assert(std::is_trivially_destructible_v<DatagramOptions>);

/// What create_datagram_endpoint() gives.
template <class P>
struct ConnectedDatagram {
  DatagramTransport transport;
  ProtocolPtr<P> protocol;
};

namespace detail {

using DatagramFactory = UniqueFunction<ProtocolPtr<DatagramProtocol>()>;

template <class F>
DatagramFactory datagram_factory(F factory) {
  static_assert(std::derived_from<ProtocolOf<F>, DatagramProtocol>,
                "create_datagram_endpoint() needs a factory of a DatagramProtocol");
  return DatagramFactory([factory = std::move(factory)]() mutable {
    return ProtocolPtr<DatagramProtocol>(ProtocolPtr<ProtocolOf<F>>(factory()));
  });
}

Coro<ConnectedDatagram<DatagramProtocol>> open_datagram(EventLoop& loop, DatagramFactory factory,
                                                        DatagramOptions options);
Coro<ConnectedDatagram<DatagramProtocol>> open_datagram(EventLoop& loop, DatagramFactory factory,
                                                        Socket socket);

template <class P>
Coro<ConnectedDatagram<P>> opened_as(Coro<ConnectedDatagram<DatagramProtocol>> opening) {
  ConnectedDatagram<DatagramProtocol> any = co_await std::move(opening);
  co_return ConnectedDatagram<P>{any.transport,
                                 ProtocolPtr<P>(static_cast<P*>(any.protocol.get()))};
}

}  // namespace detail

template <class F>
Coro<ConnectedDatagram<detail::ProtocolOf<F>>> EventLoop::create_datagram_endpoint(
    F factory, DatagramOptions options) {
  return detail::opened_as<detail::ProtocolOf<F>>(
      detail::open_datagram(*this, detail::datagram_factory(std::move(factory)), options));
}

template <class F>
Coro<ConnectedDatagram<detail::ProtocolOf<F>>> EventLoop::create_datagram_endpoint(F factory,
                                                                                   Socket socket) {
  return detail::opened_as<detail::ProtocolOf<F>>(detail::open_datagram(
      *this, detail::datagram_factory(std::move(factory)), std::move(socket)));
}

}  // namespace asyncio
