#pragma once

#include <asyncio/socket.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// Takes connections.
[[nodiscard]] inline asyncio::Socket listener(std::string_view host = "127.0.0.1",
                                              std::uint16_t port = 0) {
  const asyncio::Address address(host, port);
  asyncio::Socket socket(address.family());
  socket.bind(address);
  socket.listen();
  return socket;
}

/// Where nobody listens: a port that was free.
[[nodiscard]] inline asyncio::Address refusing_address(std::string_view host = "127.0.0.1") {
  return listener(host).getsockname();
}

/// Where connections are neither taken nor refused, since the listener's backlog is full.
class BlackHole {
 public:
  BlackHole() : server_(asyncio::Address::Family::ipv4) {
    server_.bind({"127.0.0.1", 0});
    server_.listen(0);
    while (is_taken()) {
    }
  }
  [[nodiscard]] asyncio::Address address() const { return server_.getsockname(); }

 private:
  bool is_taken() {
    asyncio::Socket client(asyncio::Address::Family::ipv4);
    sockaddr_storage raw{};
    const unsigned size = address().to_raw(&raw);
    (void)::connect(client.fileno(), reinterpret_cast<const sockaddr*>(&raw), size);
    pollfd entry{.fd = client.fileno(), .events = POLLOUT, .revents = 0};
    constexpr int milliseconds = 50;
    const bool taken = ::poll(&entry, 1, milliseconds) == 1;
    clients_.push_back(std::move(client));
    return taken;
  }

  asyncio::Socket server_;
  std::vector<asyncio::Socket> clients_;
};

}  // namespace support
