#include <asyncio/error.hpp>
#include <asyncio/socket.hpp>

#include "io/system.hpp"
#include "loop/loop_state.hpp"
#include "net/net_errors.hpp"
#include "net/socket_state.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace asyncio {
namespace detail {

// --- the state ----------------------------------------------------------------------------------

Endpoint& SocketState::endpoint_of(LoopState& loop, const char* what) {
  if (endpoint_ == nullptr) {
    if (fd_ < 0) sys::throw_errno(EBADF, fmt::format("{}: the socket is closed", what));
    if (loop.watchers().has(fd_)) {
      throw_runtime_error(
          fmt::format("{}: descriptor {} is watched by add_reader() or add_writer(); call "
                      "remove_reader() and remove_writer() first",
                      what, fd_));
    }
    endpoint_ = loop.backend().open(fd_, Descriptor::socket);
    fd_ = -1;
    loop_ = loop.number;
  } else if (loop_ != loop.number) {
    throw_runtime_error(
        fmt::format("{}: the socket belongs to another event loop than \"{}\"; use it in the loop "
                    "that used it first",
                    what, loop.name));
  }
  return *endpoint_;
}

void SocketState::close() noexcept {
  // Out of here first: who waits for it is told and looks.
  const std::unique_ptr<Endpoint> endpoint = std::move(endpoint_);
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0) sys::close(fd);
}

int SocketState::detach() noexcept {
  const std::unique_ptr<Endpoint> endpoint = std::move(endpoint_);
  return endpoint != nullptr ? endpoint->release() : std::exchange(fd_, -1);
}

std::unique_ptr<Endpoint> take_endpoint(LoopState& loop, const Socket& socket, const char* who) {
  SocketState& state = SocketAccess::state(socket, who);
  const Endpoint& endpoint = state.endpoint_of(loop, who);
  if (endpoint.awaited(Way::read) || endpoint.awaited(Way::write)) {
    throw_runtime_error(fmt::format(
        "{}: an operation still waits for {}; cancel it first, or let it end", who, socket.repr()));
  }
  return state.give_up();
}

namespace {

// As CPython's transports. What a listener accepts inherits it.
void set_nodelay(Socket& socket) {
  if (socket.getsockopt(SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP) return;
  socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
}

}  // namespace

std::unique_ptr<Endpoint> take_stream(LoopState& loop, Socket& socket, const char* who) {
  (void)SocketAccess::state(socket, who).endpoint_of(loop, who);  // before it is asked
  if (socket.type() != Socket::Type::stream) {
    throw_invalid_argument(
        fmt::format("{}: A Stream Socket was expected, got {}; make it of Socket::Type::stream",
                    who, socket.repr()));
  }
  set_nodelay(socket);
  return take_endpoint(loop, socket, who);
}

SocketState& SocketAccess::state(const Socket& socket, const char* what) {
  if (!socket.state_) {
    throw_invalid_argument(fmt::format("{}: there is no socket; make one, or adopt() one", what));
  }
  return *socket.state_;
}

Socket SocketAccess::make(int fd) {
  Socket socket;
  try {
    socket.state_ = Ref<SocketState>::adopt(new SocketState(fd));
  } catch (...) {
    sys::close(fd);
    throw;
  }
  return socket;
}

namespace {

int system_family(Address::Family family) {
  switch (family) {
    case Address::Family::ipv4: return AF_INET;
    case Address::Family::ipv6: return AF_INET6;
    case Address::Family::unix_: return AF_UNIX;
    case Address::Family::none: break;
  }
  throw_invalid_argument("Socket: it needs a family; take ipv4, ipv6 or unix_");
}

int system_type(Socket::Type type) {
  if (type == Socket::Type::stream) return SOCK_STREAM;
  return type == Socket::Type::datagram ? SOCK_DGRAM : SOCK_SEQPACKET;
}

// Throws std::system_error if `result` is an error.
template <class Operation>
int checked(int result, Operation operation) {
  if (result < 0) sys::throw_errno(-result, operation());
  return result;
}

Address address_by(int (*call)(int, sockaddr*, unsigned*) noexcept, int fd, const char* what) {
  sockaddr_storage raw{};
  unsigned size = sizeof raw;
  auto* generic = reinterpret_cast<sockaddr*>(&raw);
  checked(call(fd, generic, &size), [what] { return what; });
  return {generic, size};
}

int option_of(const Socket& socket, int name) { return socket.getsockopt(SOL_SOCKET, name); }

}  // namespace
}  // namespace detail

// --- the socket ---------------------------------------------------------------------------------

using detail::checked;
namespace sys = detail::sys;

Socket::Socket(Address::Family family, Type type) {
  const int fd =
      checked(sys::open_socket(detail::system_family(family), detail::system_type(type), 0),
              [] { return "socket"; });
  *this = detail::SocketAccess::make(fd);
}

Socket Socket::adopt(int fd) {
  Socket socket = detail::SocketAccess::make(-1);  // first: when this throws, `fd` is the caller's
  int type = 0;
  checked(sys::get_option(fd, SOL_SOCKET, SO_TYPE, type),
          [fd] { return fmt::format("adopting descriptor {} as a socket", fd); });
  checked(sys::set_nonblocking(fd), [fd] { return fmt::format("adopting descriptor {}", fd); });
  socket.state_->adopt(fd);
  return socket;
}

Socket::Socket() noexcept = default;
Socket::Socket(Socket&&) noexcept = default;

Socket& Socket::operator=(Socket&& other) noexcept {
  Socket old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Socket::~Socket() { close(); }

int Socket::fileno() const noexcept { return state_ ? state_->fd() : -1; }

Address::Family Socket::family() const {
  switch (detail::option_of(*this, SO_DOMAIN)) {
    case AF_INET: return Address::Family::ipv4;
    case AF_INET6: return Address::Family::ipv6;
    case AF_UNIX: return Address::Family::unix_;
    default: return Address::Family::none;
  }
}

Socket::Type Socket::type() const {
  switch (detail::option_of(*this, SO_TYPE)) {
    case SOCK_STREAM: return Type::stream;
    case SOCK_DGRAM: return Type::datagram;
    default: return Type::seqpacket;
  }
}

void Socket::bind(const Address& address) {
  sockaddr_storage raw{};
  const unsigned size = address.to_raw(&raw);
  checked(sys::bind(fileno(), reinterpret_cast<const sockaddr*>(&raw), size),
          [&] { return "bind " + address.str(); });
}

void Socket::listen(int backlog) {
  checked(sys::listen(fileno(), backlog),
          [this] { return "listen at " + detail::local_address(fileno()).str(); });
}

void Socket::shutdown(How how) {
  const int number = how == How::read ? SHUT_RD : how == How::write ? SHUT_WR : SHUT_RDWR;
  checked(sys::shutdown(fileno(), number), [this] { return "shutdown of " + repr(); });
}

void Socket::setsockopt(int level, int name, int value) {
  checked(sys::set_option(fileno(), level, name, value), [=] {
    return fmt::format("setsockopt(level {}, option {}, value {})", level, name, value);
  });
}

int Socket::getsockopt(int level, int name) const {
  int value = 0;
  checked(sys::get_option(fileno(), level, name, value),
          [=] { return fmt::format("getsockopt(level {}, option {})", level, name); });
  return value;
}

Address Socket::getsockname() const {
  return detail::address_by(&sys::name_of_socket, fileno(), "getsockname");
}
Address Socket::getpeername() const {
  return detail::address_by(&sys::name_of_peer, fileno(), "getpeername");
}

void Socket::close() noexcept {
  if (state_) state_->close();
}

int Socket::detach() noexcept { return state_ ? state_->detach() : -1; }

std::string Socket::repr() const {
  if (fileno() < 0) return "<Socket closed>";
  std::string text = fmt::format("<Socket fd={}", fileno());
  if (const Address local = detail::local_address(fileno());
      local.family() != Address::Family::none) {
    text += " " + local.str();
  }
  if (const Address peer = detail::peer_address(fileno()); peer.family() != Address::Family::none) {
    text += " -> " + peer.str();
  }
  return text + ">";
}

SocketPair socketpair(Socket::Type type) {
  int fds[2];
  checked(sys::socket_pair(detail::system_type(type), fds), [] { return "socketpair"; });
  try {
    return {detail::SocketAccess::make(std::exchange(fds[0], -1)),
            detail::SocketAccess::make(std::exchange(fds[1], -1))};
  } catch (...) {
    for (const int fd : fds) {
      if (fd >= 0) sys::close(fd);
    }
    throw;
  }
}

}  // namespace asyncio
