#include "io/endpoint_uring.hpp"

#include <asyncio/error.hpp>

#include "io/fault.hpp"
#include "io/system.hpp"

#include <fmt/format.h>
#include <liburing.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace asyncio::detail {
namespace {

// In tests: the error that the call is to fail with; an interrupted one is made again.
int fault_now(sys::Call call) noexcept {
  int error = sys::fault_of(call);
  while (error == EINTR) error = sys::fault_of(call);
  return error;
}

// What is larger costs more to copy than a system call.
constexpr std::size_t small_message = std::size_t{4} << 10;
constexpr std::uint8_t mostly_large = 8;
constexpr std::size_t most_received_ahead = std::size_t{64} << 10;
constexpr std::size_t most_unsent = std::size_t{256} << 10;
constexpr std::size_t most_accepted_ahead = 64;

}  // namespace

// --- beginning and end --------------------------------------------------------------------------

UringEndpoint::UringEndpoint(UringEndpoints& all, int fd, Descriptor kind)
    : Endpoint(fd), kind_(kind), flight_(new UringFlight(*this, all)) {}

UringEndpoint::~UringEndpoint() {
  const int fd = release();
  if (fd >= 0) sys::close(fd);
}

int UringEndpoint::release() noexcept {
  if (flight_ != nullptr) {
    flush();
    Uring& ring = all().ring;
    leave();
    // The address may be wanted at once, and nobody is to connect to a listener that was closed.
    // Connections end in the next poll, all by one call.
    if (!stream_) ring.cancel_now();
  }
  const int fd = std::exchange(fd_, -1);
  close_accepted();
  tell(Way::read);  // who still waits is to find it gone
  tell(Way::write);
  return fd;
}

// The requests are cancelled, and end without it.
void UringEndpoint::leave() noexcept {
  for (const Way way : {Way::read, Way::write}) {
    if (awaited(way)) --all().waits;
  }
  sending_over();
  all().buffers.drop(received_);
  all().by_fd_[static_cast<std::size_t>(fd_)] = nullptr;
  --*all().watched;
  UringFlight& flight = *std::exchange(flight_, nullptr);
  flight.endpoint = nullptr;
  Uring& ring = flight.all.ring;
  ring.cancel(flight.reading());
  ring.cancel(flight.writing());
  flight.let_go();
}

void UringEndpoint::close_accepted() noexcept {
  while (waiting_accepted() > 0) sys::close(accepted_->take());
}

// What the system would have taken at once is not lost when nobody waits for the rest.
void UringEndpoint::flush() noexcept {
  const Writing& writing = flight_->writing();
  const bool with_the_kernel =
      !writing.idle() && !writing.queued() && writing.kind == Writing::Kind::bytes;
  if (with_the_kernel || all().ring.foreign()) return;
  for (SendBuffer* bytes : {&flight_->sending, &flight_->collecting}) {
    while (bytes->size() > 0) {
      const iovec part{const_cast<std::byte*>(bytes->data()), bytes->size()};  // NOLINT: only read
      const IoResult sent = sys::send(fd_, &part, 1);
      if (sent <= 0) return;
      bytes->consume(static_cast<std::size_t>(sent));
    }
  }
}

void UringEndpoint::begin_stream() noexcept {
  stream_ = true;
  ahead_ = flight_ != nullptr && all().receives_ahead && kind_ == Descriptor::socket;
  large_ = 0;
}

// Bytes; not so few that it would be no use to ask for more. Decides how to receive the next ones.
void UringEndpoint::has_come(std::size_t bytes) noexcept {
  if (bytes <= small_message) {
    if (large_ > 0) --large_;
  } else if (large_ < mostly_large) {
    ++large_;
  }
  if (ahead_ && large_ == mostly_large) {
    ahead_ = false;
    if (flight_->reading().kind == Reading::Kind::bytes) all().ring.cancel(flight_->reading());
  } else if (!ahead_ && large_ == 0) {
    begin_stream();
  }
}

// --- reading ------------------------------------------------------------------------------------

bool UringEndpoint::has_input() const noexcept {
  return received_.bytes > 0 || ended_ || read_error_ != 0 || waiting_accepted() > 0;
}

IoResult UringEndpoint::receive(std::span<std::byte> into) noexcept {
  if (!may(Way::read)) return would_block;
  if (received_.bytes == 0 && !ended_) {
    if (flight_ == nullptr || flight_->reading().kind != Reading::Kind::bytes ||
        flight_->reading().idle()) {
      return receive_directly(into);
    }
    exhausted(Way::read);  // what has arrived is with the ring
    return would_block;
  }
  if (const int error = fault_now(sys::Call::receive)) return -error;
  if (received_.bytes == 0) return std::exchange(read_error_, 0);
  const std::size_t taken = all().buffers.take(received_, into);
  const bool drained = received_.bytes == 0 && !ended_;
  if (drained && !flight_->reading().idle()) exhausted(Way::read);
  return static_cast<IoResult>(taken);
}

IoResult UringEndpoint::receive_directly(std::span<std::byte> into) noexcept {
  const IoResult got = kind_ == Descriptor::socket ? sys::receive(fd_, into.data(), into.size())
                                                   : sys::read(fd_, into.data(), into.size());
  // Less than there was room for: nothing is left.
  const bool drained = got > 0 && got < static_cast<IoResult>(into.size()) && !hung_up();
  if (got == would_block || drained) exhausted(Way::read);
  if (stream_ && got > 0) has_come(static_cast<std::size_t>(got));
  return got;
}

// To wait costs no call of its own: the next poll finds what the system has. But each datagram of
// many would need a visit to the ring, which costs more than to ask.
bool UringEndpoint::drained() const noexcept {
  return known_empty() || (stream_ ? !has_input() : !sys::is_readable(fd_));
}

void UringEndpoint::arm_reading() noexcept {
  Reading& reading = flight_->reading();
  if (!reading.idle()) return;
  if (has_input()) {
    reading.kind = Reading::Kind::at_once;
  } else if (listening_ && all().ring.modern() && has_room_for_accepted()) {
    reading.kind = Reading::Kind::connections;
  } else {
    reading.kind = ahead_ ? Reading::Kind::bytes : Reading::Kind::readable;
  }
  all().ring.queue(reading);
}

void UringEndpoint::told_ready(Way way) noexcept {
  if (may_again(way)) --all().waits;
}

void UringEndpoint::can_read(int result) noexcept {
  if (Request::is_transient(result)) return;
  constexpr int over = POLLERR | POLLHUP | POLLRDHUP;
  if (result > 0 && (result & over) != 0) hung_up_ = true;
  told_ready(Way::read);
}

void UringEndpoint::received(int result, unsigned flags) noexcept {
  if (result > 0) {
    const auto id = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    all().buffers.append(received_, id, static_cast<std::uint32_t>(result));
    // Nobody reads, or it is much at a time: the system shall keep it.
    if (received_.bytes > most_received_ahead) large_ = mostly_large - 1;
    if (ahead_) has_come(received_.bytes);
  } else {
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
      all().buffers.give_back(static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT));
    }
    if (Request::is_transient(result)) return;
    if (result == -ENOBUFS) {
      if (all().buffers.grow()) return;
      ahead_ = false;
      large_ = mostly_large;  // not again at once
      return;
    }
    if (result == -EINVAL || result == -EOPNOTSUPP || result == -ENOTSOCK) {
      ahead_ = false;
      all().receives_ahead = all().receives_ahead && result != -EINVAL;
      return;
    }
    ended_ = true;
    hung_up_ = true;
    read_error_ = result;
  }
  told_ready(Way::read);
}

// Nothing may have been said, or not to who waits now.
void UringEndpoint::reading_ended() noexcept {
  if (awaited(Way::read)) arm_reading();
}

// --- accepting ----------------------------------------------------------------------------------

IoResult UringEndpoint::accept(sockaddr* address, unsigned* size) noexcept {
  listening_ = true;
  if (!may(Way::read)) return would_block;
  if (!has_input()) {
    const IoResult fd = sys::accept(fd_, address, size);
    if (fd == would_block) exhausted(Way::read);
    return fd;
  }
  if (const int error = fault_now(sys::Call::accept)) return -error;
  if (waiting_accepted() == 0) {
    exhausted(Way::read);
    return std::exchange(read_error_, 0);
  }
  const int fd = accepted_->take();
  if (!has_input()) exhausted(Way::read);
  if (address != nullptr && sys::name_of_peer(fd, address, size) != 0) *size = 0;  // gone already
  return fd;
}

int UringEndpoint::Accepted::take() noexcept {
  const int fd = fds[next++];
  if (waiting() == 0) {
    fds.clear();
    next = 0;
  }
  return fd;
}

// Who is accepted ahead must not be turned away for lack of memory: accept() is called then.
bool UringEndpoint::has_room_for_accepted() noexcept {
  try {
    if (accepted_ == nullptr) accepted_ = std::make_unique<Accepted>();
    accepted_->fds.reserve(most_accepted_ahead);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void UringEndpoint::accepted(int result) noexcept {
  if (Request::is_transient(result)) return;
  if (result < 0) {
    read_error_ = result;
  } else {
    try {
      accepted_->fds.push_back(result);
    } catch (...) {
      sys::close(result);
      read_error_ = -ENOMEM;
    }
    if (accepted_->waiting() >= most_accepted_ahead) all().ring.cancel(flight_->reading());
  }
  told_ready(Way::read);
}

// --- writing ------------------------------------------------------------------------------------

IoResult UringEndpoint::send(const iovec* parts, int count) noexcept {
  if (send_error_ != 0) return std::exchange(send_error_, 0);
  if (!stream_ || flight_ == nullptr || kind_ == Descriptor::pipe)
    return send_directly(parts, count);
  const std::size_t unsent = flight_->unsent();
  if (unsent == 0) {
    std::size_t bytes = 0;
    for (int i = 0; i < count; ++i) bytes += parts[i].iov_len;
    if (bytes > small_message || all().quiet()) return send_directly(parts, count);
  }
  if (const int error = fault_now(sys::Call::send)) return -error;
  const std::size_t room = most_unsent - std::min(unsent, most_unsent);
  const std::size_t taken = flight_->collecting.append(parts, count, room);
  if (taken > 0) {
    send_collected();
    return static_cast<IoResult>(taken);
  }
  if (unsent == 0) return send_directly(parts, count);  // there is no memory
  exhausted(Way::write);
  return would_block;
}

IoResult UringEndpoint::send_directly(const iovec* parts, int count) noexcept {
  if (!may(Way::write)) return would_block;
  if (flight_ != nullptr) ++all().sent_directly;
  const IoResult sent = kind_ == Descriptor::socket ? sys::send(fd_, parts, count)
                                                    : sys::write_pipe(fd_, parts, count);
  if (sent == would_block) exhausted(Way::write);
  return sent;
}

void UringEndpoint::send_collected() noexcept {
  if (!std::exchange(counted_, true)) ++all().sending;
  if (!flight_->writing().idle()) return;
  flight_->writing().kind = Writing::Kind::bytes;
  all().ring.queue_urgent(flight_->writing());
}

void UringEndpoint::sending_over() noexcept {
  if (std::exchange(counted_, false)) --all().sending;
}

void UringEndpoint::sent(int result) noexcept {
  SendBuffer& sending = flight_->sending;
  if (result >= 0) {
    sending.consume(static_cast<std::size_t>(result));
  } else if (!Request::is_transient(result)) {
    send_error_ = result;
    sending.clear();
    flight_->collecting.clear();
  }
  if (flight_->unsent() > 0) {
    // The system has no room, though it ought to have waited for some.
    const bool full = result == -EAGAIN || result == 0;
    flight_->writing().kind = full ? Writing::Kind::writable : Writing::Kind::bytes;
    all().ring.queue(flight_->writing());
  } else {
    sending_over();
  }
  if (flight_->unsent() <= most_unsent / 2) told_ready(Way::write);
}

void UringEndpoint::can_write(int result) noexcept {
  if (Request::is_transient(result)) {
    if (awaited(Way::write) || flight_->unsent() > 0) all().ring.queue(flight_->writing());
    return;
  }
  if (result > 0 && (result & (POLLERR | POLLHUP)) != 0) hung_up_ = true;
  if (flight_->unsent() > 0) {
    send_collected();
  } else {
    told_ready(Way::write);
  }
}

IoResult UringEndpoint::send_error_or_pending() noexcept {
  if (send_error_ != 0) return std::exchange(send_error_, 0);
  if (flight_ == nullptr || flight_->unsent() == 0) return 0;
  exhausted(Way::write);
  return would_block;
}

IoResult UringEndpoint::finish_sending() noexcept {
  const IoResult result = send_error_or_pending();
  return result != 0 ? result : sys::shutdown_sending(fd_);
}

IoResult UringEndpoint::finish() noexcept { return send_error_or_pending(); }

// --- waiting ------------------------------------------------------------------------------------

void UringEndpoint::wait(Way way, IoObserver& observer) noexcept {
  observers_[index(way)] = &observer;
  if (flight_ == nullptr) return;
  ++all().waits;
  if (way == Way::read) {
    arm_reading();
  } else if (flight_->writing().idle()) {
    flight_->writing().kind = Writing::Kind::writable;
    all().ring.queue(flight_->writing());
  }
}

void UringEndpoint::stop_waiting(Way way) noexcept {
  if (std::exchange(observers_[index(way)], nullptr) != nullptr && flight_ != nullptr)
    --all().waits;
}

// --- all ----------------------------------------------------------------------------------------

std::unique_ptr<Endpoint> UringEndpoints::open(int fd, Descriptor kind) {
  // Sockets can always be watched.
  const int error = fd < 0 ? EBADF : kind == Descriptor::pipe ? sys::cannot_be_watched(fd) : 0;
  if (error != 0) sys::throw_errno(error, fmt::format("watching descriptor {}", fd));
  const auto index = static_cast<std::size_t>(fd);
  if (index >= by_fd_.size()) by_fd_.resize(index + 1);
  auto endpoint = std::make_unique<UringEndpoint>(*this, fd, kind);
  by_fd_[index] = endpoint.get();
  ++*watched;
  return endpoint;
}

void UringEndpoints::forget_all() noexcept {
  for (UringEndpoint* endpoint : by_fd_) {
    if (endpoint == nullptr) continue;
    endpoint->flush();
    endpoint->leave();
  }
}

}  // namespace asyncio::detail
