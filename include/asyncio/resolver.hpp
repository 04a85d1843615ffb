#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/socket.hpp>

#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace asyncio {

/// What a lookup is to find.
///
/// Python: the keywords of loop.getaddrinfo
struct ResolveOptions {
  /// none: any.
  Address::Family family = Address::Family::none;
  /// For which kind of socket a service is looked up. nullopt: any.
  std::optional<Socket::Type> type = std::nullopt;
  /// For bind(): an empty host is every interface of this machine.
  bool passive = false;
  /// No lookup: a host that is a name is a gaierror (EAI_NONAME).
  bool numeric_host = false;
};
static_assert(std::is_trivially_destructible_v<ResolveOptions>);

/// Finds the addresses of names. To use a DNS of your own, derive from this and give it to
/// EventLoop::set_resolver().
///
/// Python: overriding loop.getaddrinfo
/// Threads: the loop's.
class Resolver {
 public:
  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;

  /// Asked for what is no numeric address with a number as port, of which it is not told. The host
  /// is printable ASCII with at most 253 characters (and perhaps a last dot), without empty labels;
  /// with `passive` it may be empty. The service is a name or a number in digits.
  ///
  /// Returns: the addresses, the preferred one first. None is an error, as EventLoop::getaddrinfo()
  /// says.
  /// Throws: gaierror, if it wants to be told from other errors.
  virtual Coro<std::vector<Address>> resolve(std::string host, std::string service,
                                             ResolveOptions options) = 0;
};

/// What the system says: /etc/hosts, DNS and what else /etc/nsswitch.conf names. The default.
///
/// Throws: gaierror; std::system_error for what is wrong with the system itself.
/// Cancellation: returns at once; the lookup is left to end on its thread.
/// Cost: one of at most eight threads of the running loop, which have nothing else to do. Closing
/// the loop does not wait for them.
class SystemResolver final : public Resolver {
 public:
  Coro<std::vector<Address>> resolve(std::string host, std::string service,
                                     ResolveOptions options) override;
};

/// How EventLoop::getnameinfo() answers.
///
/// Python: the NI_* flags
struct NameInfoOptions {
  bool numeric_host = false;
  bool numeric_service = false;
  /// A host without a name is a gaierror (EAI_NONAME) instead of its number.
  bool name_required = false;
  /// The service's name in UDP.
  bool datagram = false;
};
static_assert(std::is_trivially_destructible_v<NameInfoOptions>);

/// What EventLoop::getnameinfo() gives.
struct NameInfo {
  std::string host;
  std::string service;
};

/// A name was not found: "getaddrinfo nosuch.invalid: Name or service not known". The code is one
/// of <netdb.h>: EAI_NONAME, EAI_AGAIN.
///
/// Python: socket.gaierror
class gaierror : public std::system_error {
 public:
  gaierror(int code, const std::string& operation);
};
/// Of the codes of gaierror.
[[nodiscard]] const std::error_category& gai_category() noexcept;

}  // namespace asyncio
