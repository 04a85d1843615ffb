#include "net/datagram_transport.hpp"

#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "io/system.hpp"
#include "net/net_errors.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <utility>

namespace asyncio::detail {

DatagramTransportState::DatagramTransportState(LoopState& loop, std::unique_ptr<Endpoint> endpoint,
                                               ProtocolPtr<DatagramProtocol> protocol,
                                               Address destination)
    : TransportLife(loop),
      endpoint_(std::move(endpoint)),
      protocol_(protocol),
      destination_(std::move(destination)),
      peer_(peer_address(endpoint_->fd())),
      local_(local_address(endpoint_->fd())),
      must_retry_(local_.family() == Address::Family::unix_ &&
                  peer_.family() == Address::Family::none) {
  if (destination_.family() == Address::Family::none) destination_ = peer_;
  loop.make_scratch();
  live_on();
  schedule(due_begin);
}

DatagramTransportState::~DatagramTransportState() = default;

// --- turns --------------------------------------------------------------------------------------

// Each may bring about the end.
void DatagramTransportState::take_turn(std::uint8_t due) {
  const char* reading = (due & due_read) != 0 ? "read" : "write";
  try {
    if ((due & due_begin) != 0 && !is_lost()) begin();
    if ((due & due_read) != 0 && !is_closing()) read_ready();
    reading = "write";
    if ((due & due_flush) != 0 && !is_lost()) flush();
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (...) {
    const Failure failure = current_failure();
    report("Fatal ", reading, " error on datagram transport");
    lose(failure);
  }
}

// --- calling the protocol -----------------------------------------------------------------------

template <class F>
bool DatagramTransportState::call(const char* before, const char* what, F fn) {
  const auto self = Ref<DatagramTransportState>(this);
  const ProtocolPtr<DatagramProtocol> protocol = protocol_;
  try {
    fn(*protocol);
    return true;
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (...) {
    report(before, "protocol.", what);
    return false;
  }
}

void DatagramTransportState::begin() {
  const ReceivesNext afterwards{*this};
  const bool made = call("Fatal error: ", "connection_made() call failed.", [this](auto& protocol) {
    protocol.connection_made(DatagramAccess::make(Ref<DatagramTransportState>(this)));
  });
  if (!made) abort();
}

void DatagramTransportState::error_received(std::exception_ptr error) {
  call("", "error_received() failed", [&](auto& protocol) { protocol.error_received(error); });
}

void DatagramTransportState::set_protocol(ProtocolPtr<DatagramProtocol> protocol) {
  if (!protocol) throw_invalid_argument("set_protocol(): it is null; give a protocol");
  if (!has_ended()) std::swap(protocol_, protocol);
}

// --- receiving ----------------------------------------------------------------------------------

// At the next poll, as an event would. Nothing is received on suspicion: it might be what was sent
// after that poll, and has to wait for another one.
void DatagramTransportState::receive_next() noexcept {
  if (is_closing()) return;
  if (endpoint_->drained()) {
    endpoint_->wait(Way::read, readable_);
  } else {
    schedule_at_poll(due_read);
  }
}

// Once; what is left comes in another turn, after those of others.
void DatagramTransportState::read_ready() {
  const std::span<std::byte> into = loop().scratch();
  sockaddr_storage raw{};
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_name = &raw;
  message.msg_namelen = sizeof raw;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const IoResult got =
      endpoint_->may(Way::read) ? sys::receive_message(endpoint_->fd(), message) : would_block;
  if (got == would_block) {
    endpoint_->exhausted(Way::read);
    return endpoint_->wait(Way::read, readable_);
  }
  const ReceivesNext afterwards{*this};
  if (got >= 0) {
    const Address from(reinterpret_cast<const sockaddr*>(&raw), message.msg_namelen);
    received(into.first(static_cast<std::size_t>(got)), from);
  } else {
    const bool connected = peer_.family() != Address::Family::none;
    error_received(system_error(static_cast<int>(-got),
                                connected ? "recvfrom " + peer_.str() : std::string("recvfrom")));
  }
}

void DatagramTransportState::received(std::span<const std::byte> data, const Address& from) {
  const LoopState::ScratchLoan loan(loop());
  call("", "datagram_received() failed", [&](auto& protocol) {
    protocol.datagram_received({reinterpret_cast<const char*>(data.data()), data.size()}, from);
  });
}

// --- sending ------------------------------------------------------------------------------------

const Address& DatagramTransportState::destination_of(const Address& to) const {
  const bool given = to.family() != Address::Family::none;
  if (destination_.family() == Address::Family::none) {
    if (given) return to;  // NOLINT(bugprone-return-const-ref-from-parameter): for this call only
    throw_invalid_argument(
        "sendto(): an address is needed; give one, or make the endpoint with a "
        "remote_addr");
  }
  if (given && to != destination_) {
    throw_invalid_argument(
        fmt::format("sendto(): invalid address {}: must be none or {}; an endpoint without "
                    "remote_addr sends to any",
                    to.str(), destination_.str()));
  }
  return destination_;
}

IoResult DatagramTransportState::send(std::span<const std::byte> data, const Address& to) noexcept {
  if (!must_retry_ && !endpoint_->may(Way::write)) return would_block;
  sockaddr_storage raw{};
  iovec part{const_cast<std::byte*>(data.data()), data.size()};  // NOLINT: it is only read
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (peer_.family() == Address::Family::none) {
    message.msg_name = &raw;
    message.msg_namelen = to.to_raw(&raw);
  }
  const IoResult sent = sys::send_message(endpoint_->fd(), message);
  if (sent == would_block) endpoint_->exhausted(Way::write);
  return sent;
}

void DatagramTransportState::send_failed(IoResult error, const Address& to) {
  error_received(system_error(static_cast<int>(-error), "sendto " + to.str()));
}

void DatagramTransportState::sendto(std::span<const std::byte> data, const Address& to) {
  const Address& destination = destination_of(to);
  if (is_lost()) {
    if (!tell_of_drop()) return;
    return log(LogLevel::warning,
               "sendto(): the endpoint is closed, the datagram is dropped; look at is_closing()");
  }
  if (queue_.empty()) {
    const IoResult sent = send(data, destination);
    if (sent >= 0) return;
    if (sent != would_block) return send_failed(sent, destination);
  }
  wait_to_write();
  queue_.push({std::string(reinterpret_cast<const char*>(data.data()), data.size()), destination});
  pause_if_full();
}

// Of Unix sockets that are not connected the kernel says that they are writable all the time, also
// when a receiver has as many unread datagrams as it may have.
void DatagramTransportState::wait_to_write() {
  constexpr std::int64_t pause = 2'000'000;
  if (!must_retry_) {
    if (!endpoint_->awaited(Way::write)) endpoint_->wait(Way::write, writable_);
  } else if (!retrying_) {
    loop().arm(retry_, loop().now() + pause);
    retrying_ = true;
    add_ref();
  }
}

void DatagramTransportState::Retry::ended(ReadyCall& self, ReadyAction action) {
  auto& retry = static_cast<Retry&>(static_cast<Timer&>(self));
  const auto transport = Ref<DatagramTransportState>::adopt(&retry.transport);
  transport->retrying_ = false;
  retry.loop.ready.unreserve();
  if (action == ReadyAction::run && !transport->is_lost()) transport->schedule(due_flush);
}

void DatagramTransportState::flush() {
  while (!queue_.empty()) {
    const DatagramQueue::Datagram& first = queue_.front();
    const IoResult sent = send(std::as_bytes(std::span(first.data)), first.to);
    if (sent == would_block) {
      wait_to_write();
      break;
    }
    const DatagramQueue::Datagram datagram = queue_.pop();
    if (sent >= 0) continue;
    schedule_at_poll(due_flush);  // the rest later, as CPython
    return send_failed(sent, datagram.to);
  }
  if (marks_.ends_pause(queue_.size())) {
    call("", "resume_writing() failed", [](auto& protocol) { protocol.resume_writing(); });
  }
  if (queue_.empty() && is_closing() && !is_lost()) lost();
}

void DatagramTransportState::set_write_limits(std::optional<std::size_t> high,
                                              std::optional<std::size_t> low) {
  marks_.set(high, low);
  pause_if_full();
}

void DatagramTransportState::pause_if_full() {
  if (!marks_.begins_pause(queue_.size())) return;
  call("", "pause_writing() failed", [](auto& protocol) { protocol.pause_writing(); });
}

// --- the end ------------------------------------------------------------------------------------

void DatagramTransportState::stop_writing() noexcept {
  queue_.clear();
  endpoint_->stop_waiting(Way::write);
  if (!retry_.armed()) return;
  loop().disarm(retry_);
  retrying_ = false;
  drop_ref();  // not the last one: who calls this has one
}

void DatagramTransportState::connection_lost() {
  call("", "connection_lost() failed",
       [this](auto& protocol) { protocol.connection_lost(failure().error); });
}

void DatagramTransportState::release() noexcept {
  try {
    (void)local();  // while it can be told
  } catch (...) {
    // It cannot be told then.
  }
  endpoint_.reset();
  // The two no longer keep each other.
  const ProtocolPtr<DatagramProtocol> last = std::exchange(protocol_, {});
}

// --- about it -----------------------------------------------------------------------------------

const Address& DatagramTransportState::local() {
  if (endpoint_ != nullptr) local_ = local_address(endpoint_->fd());
  return local_;
}

std::optional<std::string> DatagramTransportState::extra_info(std::string_view name) {
  if (name != "peername" && name != "sockname") return std::nullopt;
  const Address& address = name == "peername" ? peer() : local();
  if (address.family() == Address::Family::none) return std::nullopt;
  return address.str();
}

}  // namespace asyncio::detail
