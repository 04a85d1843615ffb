#include <asyncio/event_loop.hpp>
#include <asyncio/resolver.hpp>

#include "base/log.hpp"
#include "net/lookup.hpp"
#include "net/socket_state.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace asyncio {
namespace detail {
namespace {

void check_family(Address::Family family) {
  if (family == Address::Family::unix_) {
    throw_invalid_argument(
        "getaddrinfo(): Unix sockets have paths and no hosts; use Address::unix_path()");
  }
}

/// Nothing if it is the name of a service. Throws: std::invalid_argument if it is no port.
std::optional<std::uint16_t> port_number(std::string_view service) {
  constexpr std::uint16_t default_port = 0;
  if (service.empty()) return default_port;
  if (service.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint16_t number = 0;
  if (std::from_chars(service.data(), service.data() + service.size(), number).ec != std::errc()) {
    throw_invalid_argument(
        fmt::format("getaddrinfo(): the port {} is not between 0 and 65535", service));
  }
  return number;
}

std::vector<Address> every_interface(std::uint16_t port, Address::Family family) {
  std::vector<Address> addresses;
  if (family != Address::Family::ipv6) addresses.emplace_back("0.0.0.0", port);
  if (family != Address::Family::ipv4) addresses.emplace_back("::", port);
  return addresses;
}

/// What needs no lookup. Throws: gaierror.
std::optional<std::vector<Address>> answer_at_once(const std::string& host,
                                                   std::string_view service,
                                                   const ResolveOptions& options) {
  const bool is_numeric = Address::is_numeric(host);
  if (!is_numeric && !host.empty() && options.numeric_host) {
    throw gaierror(EAI_NONAME, "getaddrinfo " + host);
  }
  const std::optional<std::uint16_t> port = port_number(service);
  if (!port) return std::nullopt;
  if (host.empty()) return every_interface(*port, options.family);
  if (!is_numeric) return std::nullopt;
  const Address address(host, *port);
  if (options.family != Address::Family::none && options.family != address.family()) {
    throw gaierror(EAI_ADDRFAMILY, "getaddrinfo " + host);
  }
  return std::vector{address};
}

void log_lookup(const EventLoop& loop, const std::string& host, const std::string& service,
                Duration took, const std::vector<Address>& addresses) {
  std::string found;
  for (const Address& address : addresses) {
    found += (found.empty() ? "" : ", ") + address.str();
  }
  log(took >= loop.slow_callback_duration ? LogLevel::info : LogLevel::debug,
      fmt::format("Getting address info {}:{} took {:.3f}ms: [{}]", host, service,
                  took.seconds() * 1e3, found));
}

Coro<std::vector<Address>> look_up(EventLoop& loop, std::string host, std::string service,
                                   ResolveOptions options) {
  check_family(options.family);
  check_host(host, options.passive);
  check_service(service);
  if (auto answer = answer_at_once(host, service, options)) co_return std::move(*answer);
  SystemResolver by_default;
  Resolver* const set = LoopAccess::state(loop).resolver;
  Resolver& resolver = set != nullptr ? *set : by_default;
  const TimePoint begun = loop.time();
  std::vector<Address> addresses = co_await resolver.resolve(host, service, options);
  if (loop.get_debug()) log_lookup(loop, host, service, loop.time() - begun, addresses);
  if (addresses.empty()) {
    throw gaierror(EAI_NODATA, "getaddrinfo() returned empty list for " + host);
  }
  co_return addresses;
}

Coro<NameInfo> look_up_name(EventLoop& loop, Address address, NameInfoOptions options) {
  if (!address.is_ip()) {
    throw_invalid_argument(fmt::format(
        "getnameinfo(): {} is no IP address; only those have a host and a service", address.str()));
  }
  if (options.numeric_host && options.numeric_service && !options.name_required) {
    co_return NameInfo{address.host(), std::to_string(address.port())};
  }
  NameLookup call(std::move(address), options);
  Future<NameInfo> done = loop.run_in_executor(&LookupThreads::of(loop), std::move(call));
  co_return co_await std::move(done);
}

Coro<> connect_by_name(EventLoop& loop, BorrowedSocket socket, std::string host,
                       std::uint16_t port) {
  const ResolveOptions options{.family = socket->family(), .type = socket->type()};
  const std::vector<Address> addresses = co_await loop.getaddrinfo(host, port, options);
  co_await loop.sock_connect(*socket, addresses.front());
}

}  // namespace
}  // namespace detail

Coro<std::vector<Address>> SystemResolver::resolve(std::string host, std::string service,
                                                   ResolveOptions options) {
  detail::check_host(host, options.passive);
  detail::check_service(service);
  EventLoop& loop = get_running_loop();
  detail::AddressLookup call(std::move(host), std::move(service), options);
  Future<std::vector<Address>> done =
      loop.run_in_executor(&detail::LookupThreads::of(loop), std::move(call));
  co_return co_await std::move(done);
}

Coro<std::vector<Address>> EventLoop::getaddrinfo(std::string_view host, std::uint16_t port) {
  return getaddrinfo(host, std::to_string(port), ResolveOptions());
}
Coro<std::vector<Address>> EventLoop::getaddrinfo(std::string_view host, std::uint16_t port,
                                                  ResolveOptions options) {
  return getaddrinfo(host, std::to_string(port), options);
}
Coro<std::vector<Address>> EventLoop::getaddrinfo(std::string_view host, std::string_view service) {
  return getaddrinfo(host, service, ResolveOptions());
}
Coro<std::vector<Address>> EventLoop::getaddrinfo(std::string_view host, std::string_view service,
                                                  ResolveOptions options) {
  return detail::look_up(*this, std::string(host), std::string(service), options);
}

Coro<NameInfo> EventLoop::getnameinfo(const Address& address) {
  return getnameinfo(address, NameInfoOptions());
}
Coro<NameInfo> EventLoop::getnameinfo(const Address& address, NameInfoOptions options) {
  return detail::look_up_name(*this, address, options);
}

void EventLoop::set_resolver(Resolver* resolver) noexcept { state_->resolver = resolver; }

Coro<> EventLoop::sock_connect(Socket& socket, std::string_view host, std::uint16_t port) {
  detail::BorrowedSocket borrowed(socket, "sock_connect()");
  return detail::connect_by_name(*this, std::move(borrowed), std::string(host), port);
}

}  // namespace asyncio
