#include <asyncio/datagram.hpp>
#include <asyncio/error.hpp>

#include "net/bind.hpp"
#include "net/datagram_transport.hpp"
#include "net/socket_state.hpp"
#include "net/until_made.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <utility>

namespace asyncio {

using detail::DatagramTransportState;
using detail::Ref;

DatagramTransport::DatagramTransport(Ref<DatagramTransportState> state) noexcept
    : state_(std::move(state)) {}
DatagramTransport::DatagramTransport(const DatagramTransport&) noexcept = default;
DatagramTransport& DatagramTransport::operator=(DatagramTransport other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
DatagramTransport::~DatagramTransport() = default;

void DatagramTransport::sendto(std::string_view data, const Address& to) const {
  sendto(std::as_bytes(std::span(data)), to);
}
void DatagramTransport::sendto(std::span<const std::byte> data, const Address& to) const {
  state_->sendto(data, to);
}

void DatagramTransport::set_write_buffer_limits(std::size_t high,
                                                std::optional<std::size_t> low) const {
  state_->set_write_limits(high, low);
}
DatagramTransport::Limits DatagramTransport::get_write_buffer_limits() const noexcept {
  return {state_->marks().low(), state_->marks().high()};
}
std::size_t DatagramTransport::get_write_buffer_size() const noexcept { return state_->unsent(); }

void DatagramTransport::close() const noexcept { state_->close(); }
void DatagramTransport::abort() const noexcept { state_->abort(); }
bool DatagramTransport::is_closing() const noexcept { return state_->is_closing(); }

void DatagramTransport::set_protocol(ProtocolPtr<DatagramProtocol> protocol) const {
  state_->set_protocol(protocol);
}
DatagramProtocol* DatagramTransport::get_protocol() const noexcept { return state_->protocol(); }

Address DatagramTransport::peername() const { return state_->peer(); }
Address DatagramTransport::sockname() const { return state_->local(); }
int DatagramTransport::fileno() const noexcept { return state_->fd(); }
std::optional<std::string> DatagramTransport::get_extra_info(std::string_view name) const {
  return state_->extra_info(name);
}

// --- making them --------------------------------------------------------------------------------

namespace detail {
namespace {

constexpr const char* who = "create_datagram_endpoint()";

/// DatagramOptions that own what they name.
struct DatagramPlan {
  Address::Family family;
  Address local;
  Address remote;
  bool reuse_port;
  bool allow_broadcast;

  explicit DatagramPlan(const DatagramOptions& options)
      : family(options.family),
        local(options.local_addr != nullptr ? *options.local_addr : Address()),
        remote(options.remote_addr != nullptr ? *options.remote_addr : Address()),
        reuse_port(options.reuse_port),
        allow_broadcast(options.allow_broadcast) {}
};

/// Throws: std::invalid_argument if there is none that all agree on.
Address::Family family_of(const DatagramPlan& plan) {
  Address::Family family = plan.family;
  for (const Address* address : {&plan.local, &plan.remote}) {
    if (address->family() == Address::Family::none) continue;
    if (family == Address::Family::none) family = address->family();
    if (family == address->family()) continue;
    throw_invalid_argument(
        fmt::format("{}: can not get address information: {} is of another family; give addresses "
                    "of one family",
                    who, address->str()));
  }
  if (family == Address::Family::none) {
    throw_invalid_argument(fmt::format(
        "{}: unexpected address family; give an address, or one of Address::Family", who));
  }
  return family;
}

Socket bound(const DatagramPlan& plan) {
  Socket socket(family_of(plan), Socket::Type::datagram);
  if (plan.reuse_port) socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
  if (plan.allow_broadcast) socket.setsockopt(SOL_SOCKET, SO_BROADCAST, 1);
  if (plan.local.family() != Address::Family::none) {
    const std::string& path = plan.local.path();
    if (!path.empty() && path.front() != '\0') remove_stale(path);
    socket.bind(plan.local);
  }
  return socket;
}

using Opened = ConnectedDatagram<DatagramProtocol>;

Coro<Opened> start(EventLoop& loop, DatagramFactory factory, Socket socket, Address destination) {
  LoopState& state = LoopAccess::state(loop);
  const ProtocolPtr<DatagramProtocol> protocol = factory();
  std::unique_ptr<Endpoint> endpoint = take_endpoint(state, socket, who);
  auto transport = Ref<DatagramTransportState>::adopt(
      new DatagramTransportState(state, std::move(endpoint), protocol, std::move(destination)));
  co_await until_made(transport);
  co_return Opened{DatagramAccess::make(std::move(transport)), protocol};
}

Coro<Opened> open_planned(EventLoop& loop, DatagramFactory factory, DatagramPlan plan) {
  Socket socket = bound(plan);
  if (plan.remote.family() != Address::Family::none && !plan.allow_broadcast) {
    co_await loop.sock_connect(socket, plan.remote);
  }
  co_return co_await start(loop, std::move(factory), std::move(socket), std::move(plan.remote));
}

Coro<Opened> open_socket(EventLoop& loop, DatagramFactory factory, Socket socket) {
  if (socket && socket.type() != Socket::Type::datagram) {
    throw_invalid_argument(
        fmt::format("{}: A datagram socket was expected, got {}; its type must be "
                    "Socket::Type::datagram",
                    who, socket.repr()));
  }
  co_return co_await start(loop, std::move(factory), std::move(socket), Address());
}

}  // namespace

Coro<Opened> open_datagram(EventLoop& loop, DatagramFactory factory, DatagramOptions options) {
  return open_planned(loop, std::move(factory), DatagramPlan(options));
}

Coro<Opened> open_datagram(EventLoop& loop, DatagramFactory factory, Socket socket) {
  return open_socket(loop, std::move(factory), std::move(socket));
}

}  // namespace detail
}  // namespace asyncio
