#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/socket.hpp>

#include "io/system.hpp"
#include "loop/loop_state.hpp"
#include "net/net_errors.hpp"
#include "net/receive_in_place.hpp"
#include "net/socket_state.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace asyncio::detail {

// --- what all have ------------------------------------------------------------------------------

SockOp::SockOp(const Ops& ops, EventLoop& loop, Socket& socket, Way way)
    : IoWait(ops),
      loop_(&LoopAccess::state(loop)),
      socket_(&SocketAccess::state(socket, ops.what)),
      direction_(way) {}

SockOp::SockOp(SockOp&&) noexcept = default;
SockOp::~SockOp() = default;

IoSource* SockOp::source() noexcept { return socket_->endpoint(); }

bool SockOp::attempt() noexcept {
  if (over_) return true;
  Endpoint* endpoint = socket_->endpoint();
  result_ = endpoint == nullptr ? -EBADF : call(*endpoint);
  over_ = result_ != would_block;
  return over_;
}

bool SockOp::await_ready() {
  if (!socket_) {
    throw_runtime_error(
        fmt::format("{}: this was moved from or awaited already; call it again", ops().what));
  }
  loop_->check_open(ops().what);
  if (thread_state.scheduler != loop_) {
    throw_runtime_error(
        fmt::format("{}: called on loop \"{}\", but the task runs in \"{}\"; use "
                    "get_running_loop()",
                    ops().what, loop_->name, running_scheduler(ops().what).name));
  }
  loop_->make_scratch();
  over_ = false;
  // Before the call: what it would give could be lost while others run.
  if (socket_->endpoint_of(*loop_, ops().what).fairness.is_due()) {
    take_turns();
    return false;
  }
  return attempt();
}

void SockOp::suspend() {
  if (takes_turns()) {
    yield();
  } else {
    socket_->endpoint()->fairness.waited();
    park(*socket_->endpoint(), direction_);
  }
}

IoResult SockOp::end() {
  if (parked()) running_task()->throw_delivery_if_any();
  if (!over_) throw_awaited(direction_);  // it has begun after this was woken
  if (result_ >= 0) return result_;
  if (socket_->fd() < 0) {
    sys::throw_errno(EBADF, fmt::format("{}: the socket was closed meanwhile", ops().what));
  }
  sys::throw_errno(static_cast<int>(-result_), operation());
}

std::string SockOp::to_peer(std::string_view operation) const {
  return with_peer(operation, socket_->fd());
}

namespace {

constexpr auto recv_ops = IoWait::ops_of<SockOp>("sock_recv()");
constexpr auto recv_into_ops = IoWait::ops_of<SockOp>("sock_recv_into()");
constexpr auto recvfrom_ops = IoWait::ops_of<SockOp>("sock_recvfrom()");
constexpr auto recvfrom_into_ops = IoWait::ops_of<SockOp>("sock_recvfrom_into()");
constexpr auto sendall_ops = IoWait::ops_of<SockOp>("sock_sendall()");
constexpr auto sendto_ops = IoWait::ops_of<SockOp>("sock_sendto()");
constexpr auto connect_ops = IoWait::ops_of<SockOp>("sock_connect()");
constexpr auto accept_ops = IoWait::ops_of<SockOp>("sock_accept()");

std::span<std::byte> first(std::span<std::byte> buffer, std::size_t most) {
  return buffer.first(std::min(buffer.size(), most));
}

Address address_in(const unsigned char* raw, unsigned size) {
  return {reinterpret_cast<const sockaddr*>(raw), size};
}

}  // namespace

// --- receiving ----------------------------------------------------------------------------------

SockRecv::SockRecv(EventLoop& loop, Socket& socket, std::size_t most)
    : SockOp(recv_ops, loop, socket, Way::read), most_(most) {}

IoResult SockRecv::call(Endpoint& endpoint) noexcept {
  if (most_ == 0) return 0;
  const std::span<std::byte> scratch = first(loop().scratch(), most_);
  if (const auto got = receive_in_place(endpoint, text_, scratch.size())) return *got;
  const IoResult got = endpoint.receive(scratch);
  if (got > 0) endpoint.last_received = static_cast<std::uint32_t>(got);
  return got;
}

std::string SockRecv::await_resume() {
  const auto size = static_cast<std::size_t>(end());
  if (!text_.empty()) return std::move(text_);
  return {reinterpret_cast<const char*>(loop().scratch().data()), size};
}

SockRecvInto::SockRecvInto(EventLoop& loop, Socket& socket, std::span<std::byte> into)
    : SockOp(recv_into_ops, loop, socket, Way::read), into_(into) {}

IoResult SockRecvInto::call(Endpoint& endpoint) noexcept {
  return into_.empty() ? 0 : endpoint.receive(into_);
}

IoResult SockReceiveFrom::receive(Endpoint& endpoint, std::span<std::byte> into) noexcept {
  if (!endpoint.may(Way::read)) return would_block;
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_name = address_;
  message.msg_namelen = sizeof address_;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const IoResult got = sys::receive_message(endpoint.fd(), message);
  if (got == would_block) endpoint.exhausted(Way::read);
  address_size_ = message.msg_namelen;
  return got;
}

Address SockReceiveFrom::address() const { return address_in(address_, address_size_); }

SockRecvFrom::SockRecvFrom(EventLoop& loop, Socket& socket, std::size_t most)
    : SockReceiveFrom(recvfrom_ops, loop, socket, Way::read), most_(most) {}

IoResult SockRecvFrom::call(Endpoint& endpoint) noexcept {
  return receive(endpoint, first(loop().scratch(), most_));
}

ReceivedFrom SockRecvFrom::await_resume() {
  const auto size = static_cast<std::size_t>(end());
  return {std::string(reinterpret_cast<const char*>(loop().scratch().data()), size), address()};
}

SockRecvFromInto::SockRecvFromInto(EventLoop& loop, Socket& socket, std::span<std::byte> into)
    : SockReceiveFrom(recvfrom_into_ops, loop, socket, Way::read), into_(into) {}

IoResult SockRecvFromInto::call(Endpoint& endpoint) noexcept { return receive(endpoint, into_); }

ReceivedFromInto SockRecvFromInto::await_resume() {
  const auto size = static_cast<std::size_t>(end());
  return {size, address()};
}

// --- sending ------------------------------------------------------------------------------------

SockSendAll::SockSendAll(EventLoop& loop, Socket& socket, std::span<const std::byte> data)
    : SockOp(sendall_ops, loop, socket, Way::write), left_(data) {}

IoResult SockSendAll::call(Endpoint& endpoint) noexcept {
  while (!left_.empty()) {
    const iovec part{const_cast<std::byte*>(left_.data()), left_.size()};  // NOLINT: only read
    const IoResult sent = endpoint.send(&part, 1);
    if (sent < 0) return sent;
    left_ = left_.subspan(static_cast<std::size_t>(sent));
    // The peer may take it as fast as it is sent.
    if (!left_.empty() && endpoint.fairness.is_due()) {
      take_turns();
      return would_block;
    }
  }
  return 0;
}

SockSendTo::SockSendTo(EventLoop& loop, Socket& socket, std::span<const std::byte> data, Address to)
    : SockOp(sendto_ops, loop, socket, Way::write), data_(data), to_(std::move(to)) {}

IoResult SockSendTo::call(Endpoint& endpoint) noexcept {
  if (!endpoint.may(Way::write)) return would_block;
  sockaddr_storage raw{};
  iovec part{const_cast<std::byte*>(data_.data()), data_.size()};  // NOLINT: only read
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (to_.family() != Address::Family::none) {
    message.msg_name = &raw;
    message.msg_namelen = to_.to_raw(&raw);
  }
  const IoResult sent = sys::send_message(endpoint.fd(), message);
  if (sent == would_block) endpoint.exhausted(Way::write);
  return sent;
}

// --- connections --------------------------------------------------------------------------------

SockConnect::SockConnect(EventLoop& loop, Socket& socket, Address to)
    : SockOp(connect_ops, loop, socket, Way::write), to_(std::move(to)) {}

IoResult SockConnect::call(Endpoint& endpoint) noexcept {
  if (!std::exchange(begun_, true)) {
    sockaddr_storage raw{};
    const unsigned size = to_.to_raw(&raw);
    const int result = sys::connect(endpoint.fd(), reinterpret_cast<const sockaddr*>(&raw), size);
    // In progress already: by one that was cancelled.
    if (result != -EINPROGRESS && result != -EALREADY) {
      // A Unix socket whose listener's backlog is full, and nothing would tell when it is not.
      return result == would_block ? -EBUSY : result;
    }
    // What was known of the socket is not true of the connection.
    endpoint.exhausted(Way::write);
    return would_block;
  }
  return endpoint.may(Way::write) ? sys::pending_error(endpoint.fd()) : would_block;
}

SockAccept::SockAccept(EventLoop& loop, Socket& socket)
    : SockOp(accept_ops, loop, socket, Way::read) {}

SockAccept::~SockAccept() {
  if (accepted_ >= 0) sys::close(accepted_);
}

IoResult SockAccept::call(Endpoint& endpoint) noexcept {
  address_size_ = sizeof address_;
  const IoResult fd = endpoint.accept(reinterpret_cast<sockaddr*>(address_), &address_size_);
  if (fd >= 0) accepted_ = static_cast<int>(fd);
  return fd;
}

Accepted SockAccept::await_resume() {
  end();
  Socket connection = SocketAccess::make(std::exchange(accepted_, -1));
  return {std::move(connection), address_in(address_, address_size_)};
}

std::string SockAccept::operation() const { return "accept"; }

}  // namespace asyncio::detail

namespace asyncio {

detail::SockRecv EventLoop::sock_recv(Socket& socket, std::size_t most) {
  return {*this, socket, most};
}
detail::SockRecvInto EventLoop::sock_recv_into(Socket& socket, std::span<std::byte> into) {
  return {*this, socket, into};
}
detail::SockRecvFrom EventLoop::sock_recvfrom(Socket& socket, std::size_t most) {
  return {*this, socket, most};
}
detail::SockRecvFromInto EventLoop::sock_recvfrom_into(Socket& socket, std::span<std::byte> into) {
  return {*this, socket, into};
}
detail::SockSendAll EventLoop::sock_sendall(Socket& socket, std::span<const std::byte> data) {
  return {*this, socket, data};
}
detail::SockSendAll EventLoop::sock_sendall(Socket& socket, std::string_view data) {
  return {*this, socket, std::as_bytes(std::span(data))};
}
detail::SockSendTo EventLoop::sock_sendto(Socket& socket, std::string_view data,
                                          const Address& to) {
  return {*this, socket, std::as_bytes(std::span(data)), to};
}
detail::SockConnect EventLoop::sock_connect(Socket& socket, const Address& to) {
  return {*this, socket, to};
}
detail::SockAccept EventLoop::sock_accept(Socket& socket) { return {*this, socket}; }

}  // namespace asyncio
