#include "io/uring_flight.hpp"

#include "io/endpoint_uring.hpp"
#include "io/system.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>

namespace asyncio::detail {

UringFlight& UringReading::flight() noexcept { return static_cast<UringFlight&>(*this); }
UringFlight& UringWriting::flight() noexcept { return static_cast<UringFlight&>(*this); }

void UringReading::prepare(io_uring_sqe& entry) noexcept {
  const int fd = flight().endpoint->fd();
  if (kind == Kind::bytes && !flight().all.buffers.ready()) kind = Kind::readable;
  switch (kind) {
    case Kind::at_once: io_uring_prep_nop(&entry); break;
    case Kind::readable: io_uring_prep_poll_add(&entry, fd, POLLIN | POLLRDHUP); break;
    case Kind::bytes:
      io_uring_prep_recv_multishot(&entry, fd, nullptr, 0, 0);
      entry.flags |= IOSQE_BUFFER_SELECT;
      entry.buf_group = UringBuffers::group;
      break;
    case Kind::connections:
      io_uring_prep_multishot_accept(&entry, fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      break;
  }
}

void UringReading::completed(int result, unsigned flags) noexcept {
  UringEndpoint* endpoint = flight().endpoint;
  if (endpoint == nullptr) return drop(result, flags);
  switch (kind) {
    case Kind::at_once: endpoint->told_ready(Way::read); break;
    case Kind::readable: endpoint->can_read(result); break;
    case Kind::bytes: endpoint->received(result, flags); break;
    case Kind::connections: endpoint->accepted(result); break;
  }
  if (idle()) endpoint->reading_ended();
}

// What came too late for anybody.
void UringReading::drop(int result, unsigned flags) noexcept {
  if ((flags & IORING_CQE_F_BUFFER) != 0) {
    flight().all.buffers.give_back(static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT));
  }
  if (kind == Kind::connections && result >= 0) sys::close(result);
  if (idle()) flight().let_go();
}

void UringWriting::prepare(io_uring_sqe& entry) noexcept {
  const int fd = flight().endpoint->fd();
  if (kind == Kind::writable) {
    io_uring_prep_poll_add(&entry, fd, POLLOUT);
    return;
  }
  SendBuffer& bytes = flight().sending;
  if (bytes.size() == 0) bytes.swap(flight().collecting);
  io_uring_prep_send(&entry, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void UringWriting::completed(int result, unsigned) noexcept {
  if (flight().endpoint == nullptr) {
    flight().let_go();
  } else if (kind == Kind::writable) {
    flight().endpoint->can_write(result);
  } else {
    flight().endpoint->sent(result);
  }
}

void UringFlight::let_go() noexcept {
  if (reading().idle() && writing().idle()) delete this;
}

}  // namespace asyncio::detail
