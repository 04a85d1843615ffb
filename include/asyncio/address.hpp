#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr;

namespace asyncio {

/// Where a socket is or goes to: an IPv4 or IPv6 address with a port, the path of a Unix socket, or
/// an abstract Unix name.
///
/// Python: the tuples (host, port) and (host, port, flowinfo, scope_id), and the paths
class Address {
 public:
  enum class Family : std::uint8_t { none, ipv4, ipv6, unix_ };

  /// None. (An unnamed Unix socket has an empty path.)
  Address() noexcept = default;
  /// A numeric address: "127.0.0.1", "::1", "fe80::1%eth0".
  /// Throws: std::invalid_argument if it is a name; EventLoop::getaddrinfo() resolves those.
  Address(std::string_view host, std::uint16_t port);
  /// Throws: std::invalid_argument if it is longer than 107 bytes, or has a NUL that does not begin
  /// it; an abstract name begins with NUL or "@".
  [[nodiscard]] static Address unix_path(std::string_view path);
  /// Of the system's structure.
  Address(const sockaddr* raw, unsigned size);

  /// True if `host` is numeric, so that Address(host, port) takes it.
  [[nodiscard]] static bool is_numeric(std::string_view host) noexcept;

  [[nodiscard]] Family family() const noexcept { return family_; }
  [[nodiscard]] bool is_ip() const noexcept {
    return family_ == Family::ipv4 || family_ == Family::ipv6;
  }
  /// "127.0.0.1" or "fe80::1%2"; "" of a Unix socket.
  [[nodiscard]] std::string host() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// The same with another port.
  [[nodiscard]] Address with_port(std::uint16_t port) const;
  /// Of a Unix socket; an abstract name begins with NUL.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@abstract".
  [[nodiscard]] std::string str() const;

  friend bool operator==(const Address&, const Address&) noexcept = default;

  /// The system's structure: what it needs, at most 128 bytes, is written to `raw`.
  /// Returns: its size.
  unsigned to_raw(void* raw) const noexcept;

 private:
  std::string path_;
  std::uint32_t scope_ = 0;
  std::uint16_t port_ = 0;
  Family family_ = Family::none;
  std::uint8_t ip_[16] = {};
};

}  // namespace asyncio
