#include <asyncio/address.hpp>
#include <asyncio/error.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace asyncio {
namespace {

constexpr std::size_t longest_host = INET6_ADDRSTRLEN + IF_NAMESIZE;

// The number behind the "%" of a scoped address; 0: there is no such interface.
std::uint32_t scope_of(const char* zone) noexcept {
  std::uint32_t number = 0;
  const char* end = zone + std::strlen(zone);
  if (std::from_chars(zone, end, number).ptr == end) return number;
  return ::if_nametoindex(zone);
}

struct NumericHost {
  Address::Family family = Address::Family::none;
  std::uint32_t scope = 0;
  std::uint8_t ip[16] = {};
};

NumericHost parse(std::string_view host) noexcept {
  NumericHost result;
  char text[longest_host];
  if (host.empty() || host.size() >= sizeof text) return result;
  if (host.find('\0') != std::string_view::npos) return result;
  *std::copy(host.begin(), host.end(), text) = '\0';
  if (::inet_pton(AF_INET, text, result.ip) == 1) {
    result.family = Address::Family::ipv4;
    return result;
  }
  if (char* zone = std::strchr(text, '%')) {
    *zone = '\0';
    result.scope = scope_of(zone + 1);
    if (result.scope == 0) return result;
  }
  if (::inet_pton(AF_INET6, text, result.ip) == 1) result.family = Address::Family::ipv6;
  return result;
}

}  // namespace

Address::Address(std::string_view host, std::uint16_t port) : port_(port) {
  const NumericHost numeric = parse(host);
  if (numeric.family == Family::none) {
    detail::throw_invalid_argument(fmt::format(
        "Address: \"{}\" is not a numeric address; resolve a name with getaddrinfo()", host));
  }
  family_ = numeric.family;
  scope_ = numeric.scope;
  std::memcpy(ip_, numeric.ip, sizeof ip_);
}

bool Address::is_numeric(std::string_view host) noexcept {
  return parse(host).family != Family::none;
}

Address Address::unix_path(std::string_view path) {
  constexpr std::size_t most = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > most) {
    detail::throw_invalid_argument(
        fmt::format("Address: the path of a Unix socket has {} bytes, \"{}\"; {} are the most",
                    path.size(), path, most));
  }
  if (path.find('\0', 1) != std::string_view::npos) {
    detail::throw_invalid_argument("Address: the path of a Unix socket has a NUL in it");
  }
  Address address;
  address.family_ = Family::unix_;
  address.path_ = path;
  if (path.starts_with('@')) address.path_[0] = '\0';
  return address;
}

Address::Address(const sockaddr* raw, unsigned size) {
  if (size < sizeof(sa_family_t)) return;
  if (raw->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, raw, sizeof in);
    family_ = Family::ipv4;
    port_ = ntohs(in.sin_port);
    std::memcpy(ip_, &in.sin_addr, sizeof in.sin_addr);
  } else if (raw->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in{};
    std::memcpy(&in, raw, sizeof in);
    family_ = Family::ipv6;
    port_ = ntohs(in.sin6_port);
    scope_ = in.sin6_scope_id;
    std::memcpy(ip_, &in.sin6_addr, sizeof in.sin6_addr);
  } else if (raw->sa_family == AF_UNIX) {
    family_ = Family::unix_;
    constexpr std::size_t head = offsetof(sockaddr_un, sun_path);
    if (size <= head) return;  // unnamed
    const char* path = reinterpret_cast<const char*>(raw) + head;
    // A path ends with NUL; an abstract name begins with it and has all the rest.
    path_ = *path == '\0' ? std::string(path, size - head)
                          : std::string(path, ::strnlen(path, size - head));
  }
}

std::string Address::host() const {
  if (!is_ip()) return {};
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(family_ == Family::ipv4 ? AF_INET : AF_INET6, ip_, text, sizeof text);
  return scope_ == 0 ? std::string(text) : fmt::format("{}%{}", text, scope_);
}

Address Address::with_port(std::uint16_t port) const {
  Address other = *this;
  other.port_ = port;
  return other;
}

std::string Address::str() const {
  switch (family_) {
    case Family::none: return "nowhere";
    case Family::ipv4: return fmt::format("{}:{}", host(), port_);
    case Family::ipv6: return fmt::format("[{}]:{}", host(), port_);
    case Family::unix_: break;
  }
  if (path_.empty()) return "an unnamed Unix socket";
  return path_[0] == '\0' ? "@" + path_.substr(1) : path_;
}

unsigned Address::to_raw(void* raw) const noexcept {
  if (family_ == Family::ipv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port_);
    std::memcpy(&in.sin_addr, ip_, sizeof in.sin_addr);
    std::memcpy(raw, &in, sizeof in);
    return sizeof in;
  }
  if (family_ == Family::ipv6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port_);
    in.sin6_scope_id = scope_;
    std::memcpy(&in.sin6_addr, ip_, sizeof in.sin6_addr);
    std::memcpy(raw, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_un un{};
  un.sun_family = family_ == Family::unix_ ? AF_UNIX : AF_UNSPEC;
  std::memcpy(un.sun_path, path_.data(), path_.size());
  const bool abstract = path_.starts_with('\0');
  const std::size_t used =
      offsetof(sockaddr_un, sun_path) + path_.size() + (abstract || path_.empty() ? 0 : 1);
  const auto size = static_cast<unsigned>(std::min(used, sizeof un));
  std::memcpy(raw, &un, sizeof un);
  return size;
}

}  // namespace asyncio
