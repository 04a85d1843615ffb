#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/detail/io_wait.hpp>

#include <coroutine>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace asyncio {

class EventLoop;

namespace detail {
class Endpoint;
class LoopState;
class SocketState;
struct SocketAccess;
}  // namespace detail

/// A socket: non-blocking, closed on exec, owned. What waits is in EventLoop: sock_recv() and so
/// on.
///
///     asyncio::Socket socket(asyncio::Address::Family::ipv4);
///     co_await asyncio::get_running_loop().sock_connect(socket, {"127.0.0.1", 8080});
///
/// Python: socket.socket, after setblocking(False)
/// Lifetime: closes itself. Operations that still wait then end with std::system_error (EBADF).
/// Threads: belongs to the loop that it is first used with.
class Socket {
 public:
  enum class Type : std::uint8_t { stream, datagram, seqpacket };
  enum class How : std::uint8_t { read, write, both };

  /// None.
  Socket() noexcept;
  /// Throws: std::system_error.
  explicit Socket(Address::Family family, Type type = Type::stream);
  /// Takes over a descriptor and makes it non-blocking. Whether it is closed on exec stays as it
  /// is.
  /// Throws: std::system_error if it is no socket; it is the caller's then.
  [[nodiscard]] static Socket adopt(int fd);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  /// False of none, and of one that is closed.
  explicit operator bool() const noexcept { return fileno() >= 0; }
  /// -1 when it is closed.
  [[nodiscard]] int fileno() const noexcept;
  [[nodiscard]] Address::Family family() const;
  [[nodiscard]] Type type() const;

  // Throw: std::system_error: "bind 127.0.0.1:80: Permission denied".
  void bind(const Address& address);
  void listen(int backlog = 100);
  void shutdown(How how);
  /// With the system's numbers: setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1).
  void setsockopt(int level, int name, int value);
  [[nodiscard]] int getsockopt(int level, int name) const;
  [[nodiscard]] Address getsockname() const;
  [[nodiscard]] Address getpeername() const;

  /// Idempotent.
  void close() noexcept;
  /// The descriptor is the caller's.
  [[nodiscard]] int detach() noexcept;

  /// "<Socket fd=5 127.0.0.1:80 -> 127.0.0.1:4711>"
  [[nodiscard]] std::string repr() const;

 private:
  friend struct detail::SocketAccess;
  detail::Ref<detail::SocketState> state_;
};

/// Two connected sockets of this process. Python: socket.socketpair
struct SocketPair {
  Socket first;
  Socket second;
};
[[nodiscard]] SocketPair socketpair(Socket::Type type = Socket::Type::stream);

/// What EventLoop::sock_accept() gives.
struct Accepted {
  Socket connection;
  Address address;
};
/// What EventLoop::sock_recvfrom() gives.
struct ReceivedFrom {
  std::string data;
  Address address;
};
/// What EventLoop::sock_recvfrom_into() gives.
struct ReceivedFromInto {
  std::size_t size;
  Address address;
};

namespace detail {

/// An operation of a socket: tried at once, and again when the socket may go on.
class SockOp : public IoWait {
 public:
  /// Movable until it is awaited.
  SockOp(SockOp&& other) noexcept;

  [[nodiscard]] bool await_ready();
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "a socket can be awaited only in an asyncio::Coro");
    suspend();
  }

 protected:
  SockOp(const Ops& ops, EventLoop& loop, Socket& socket, Way way);
  ~SockOp();
  SockOp(const SockOp&) = delete;

  /// Returns: what the call gives; -EAGAIN to wait for it.
  virtual std::int64_t call(Endpoint& endpoint) noexcept = 0;
  /// At the end. Throws: CancelledError, std::system_error.
  std::int64_t end();
  /// The operation and its object.
  [[nodiscard]] virtual std::string operation() const = 0;
  [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
  [[nodiscard]] std::string to_peer(std::string_view operation) const;

 private:
  friend class IoWait;
  [[nodiscard]] IoSource* source() noexcept;
  [[nodiscard]] Way way() const noexcept { return direction_; }
  bool attempt() noexcept;
  void suspend();

  LoopState* loop_;
  Ref<SocketState> socket_;
  std::int64_t result_ = 0;
  Way direction_;
  bool over_ = false;
};

class [[nodiscard]] SockRecv : public SockOp, public ConvertsToCoro<SockRecv, std::string> {
 public:
  SockRecv(EventLoop& loop, Socket& socket, std::size_t most);
  std::string await_resume();

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  [[nodiscard]] std::string operation() const override { return to_peer("recv from"); }
  std::size_t most_;
  std::string text_;  // received in place
};

class [[nodiscard]] SockRecvInto : public SockOp, public ConvertsToCoro<SockRecvInto, std::size_t> {
 public:
  SockRecvInto(EventLoop& loop, Socket& socket, std::span<std::byte> into);
  std::size_t await_resume() { return static_cast<std::size_t>(end()); }

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  [[nodiscard]] std::string operation() const override { return to_peer("recv from"); }
  std::span<std::byte> into_;
};

/// One that tells where it comes from.
class SockReceiveFrom : public SockOp {
 protected:
  using SockOp::SockOp;
  std::int64_t receive(Endpoint& endpoint, std::span<std::byte> into) noexcept;
  [[nodiscard]] Address address() const;
  [[nodiscard]] std::string operation() const override { return "recvfrom"; }

 private:
  unsigned address_size_ = 0;
  alignas(8) unsigned char address_[128];
};

class [[nodiscard]] SockRecvFrom : public SockReceiveFrom,
                                   public ConvertsToCoro<SockRecvFrom, ReceivedFrom> {
 public:
  SockRecvFrom(EventLoop& loop, Socket& socket, std::size_t most);
  ReceivedFrom await_resume();

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  std::size_t most_;
};

class [[nodiscard]] SockRecvFromInto : public SockReceiveFrom,
                                       public ConvertsToCoro<SockRecvFromInto, ReceivedFromInto> {
 public:
  SockRecvFromInto(EventLoop& loop, Socket& socket, std::span<std::byte> into);
  ReceivedFromInto await_resume();

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  std::span<std::byte> into_;
};

class [[nodiscard]] SockSendAll : public SockOp, public ConvertsToCoro<SockSendAll, void> {
 public:
  SockSendAll(EventLoop& loop, Socket& socket, std::span<const std::byte> data);
  void await_resume() { end(); }

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  [[nodiscard]] std::string operation() const override { return to_peer("send to"); }
  std::span<const std::byte> left_;
};

class [[nodiscard]] SockSendTo : public SockOp, public ConvertsToCoro<SockSendTo, std::size_t> {
 public:
  SockSendTo(EventLoop& loop, Socket& socket, std::span<const std::byte> data, Address to);
  std::size_t await_resume() { return static_cast<std::size_t>(end()); }

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  [[nodiscard]] std::string operation() const override { return "sendto " + to_.str(); }
  std::span<const std::byte> data_;
  Address to_;
};

class [[nodiscard]] SockConnect : public SockOp, public ConvertsToCoro<SockConnect, void> {
 public:
  SockConnect(EventLoop& loop, Socket& socket, Address to);
  void await_resume() { end(); }

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  [[nodiscard]] std::string operation() const override { return "connect to " + to_.str(); }
  Address to_;
  bool begun_ = false;
};

class [[nodiscard]] SockAccept : public SockOp, public ConvertsToCoro<SockAccept, Accepted> {
 public:
  SockAccept(EventLoop& loop, Socket& socket);
  SockAccept(SockAccept&&) = default;
  ~SockAccept();
  Accepted await_resume();

 private:
  std::int64_t call(Endpoint& endpoint) noexcept override;
  [[nodiscard]] std::string operation() const override;
  int accepted_ = -1;
  unsigned address_size_ = 0;
  alignas(8) unsigned char address_[128];
};

}  // namespace detail

}  // namespace asyncio
