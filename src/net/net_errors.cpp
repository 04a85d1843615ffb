#include "net/net_errors.hpp"

#include "io/system.hpp"
#include "loop/endpoint.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <system_error>

namespace asyncio::detail {
namespace {

Address address_by(int (*call)(int, sockaddr*, unsigned*) noexcept, int fd) {
  sockaddr_storage raw{};
  unsigned size = sizeof raw;
  auto* generic = reinterpret_cast<sockaddr*>(&raw);
  return call(fd, generic, &size) == 0 ? Address(generic, size) : Address();
}

}  // namespace

Address local_address(int fd) { return address_by(&sys::name_of_socket, fd); }
Address peer_address(int fd) { return address_by(&sys::name_of_peer, fd); }

std::exception_ptr system_error(int error, std::string_view operation) {
  return std::make_exception_ptr(
      std::system_error(error, std::generic_category(), std::string(operation)));
}

std::string with_peer(std::string_view operation, const Address& peer) {
  if (peer.family() == Address::Family::none) return fmt::format("{} the peer", operation);
  return fmt::format("{} {}", operation, peer.str());
}

std::string with_peer(std::string_view operation, int fd) {
  return with_peer(operation, peer_address(fd));
}

std::exception_ptr error_of(ByteStream& stream, IoResult result, std::string_view operation,
                            const Address& peer) {
  if (std::exception_ptr own = stream.own_error()) return own;
  return system_error(static_cast<int>(-result), with_peer(operation, peer));
}

}  // namespace asyncio::detail
