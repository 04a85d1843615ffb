#include "net/lookup.hpp"

#include "io/default_executor.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace asyncio {

// --- errors -------------------------------------------------------------------------------------

namespace {

class GaiCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "getaddrinfo"; }
  [[nodiscard]] std::string message(int code) const override { return ::gai_strerror(code); }
};

}  // namespace

const std::error_category& gai_category() noexcept {
  // Never destroyed: a lookup that nobody waits for may end when the program does.
  static const auto* category = new GaiCategory;  // NOLINT(bugprone-unhandled-exception-at-new)
  return *category;
}

gaierror::gaierror(int code, const std::string& operation)
    : std::system_error(code, gai_category(), operation) {}

namespace detail {

constinit LookupCalls lookup_calls;

namespace {

// `error` is errno right after the call.
[[noreturn]] void throw_lookup_error(int code, int error, const std::string& operation) {
  if (code == EAI_SYSTEM) {
    throw std::system_error(error, std::generic_category(), operation);
  }
  throw gaierror(code, operation);
}

// --- what can be no name ------------------------------------------------------------------------

// What stands behind a NUL would be lost, and line breaks would end up in logs and headers.
void check_printable(std::string_view text, const char* what) {
  const auto is_printable = [](char c) { return c > ' ' && c < '\x7f'; };
  const auto* bad = std::find_if_not(text.begin(), text.end(), is_printable);
  if (bad == text.end()) return;
  throw_invalid_argument(fmt::format(
      "getaddrinfo(): the {} has the byte 0x{:02x} at position {}; names are printable ASCII, and "
      "international ones are written as \"xn--...\"",
      what, static_cast<unsigned char>(*bad), bad - text.begin()));
}

void check_label(std::string_view label, std::string_view host) {
  constexpr std::size_t most = 63;
  if (label.empty()) {
    throw_invalid_argument(
        fmt::format("getaddrinfo(): the host \"{}\" has an empty label; write one dot between two "
                    "labels, and none before the first",
                    host));
  }
  if (label.size() > most) {
    throw_invalid_argument(fmt::format(
        "getaddrinfo(): the label \"{}\" of the host has {} characters; {} are the most", label,
        label.size(), most));
  }
}

}  // namespace

void check_host(std::string_view host, bool may_be_empty) {
  constexpr std::size_t most = 253;
  if (host.empty() && may_be_empty) return;
  if (host.empty()) {
    throw_invalid_argument(
        "getaddrinfo(): the host is empty; name one, such as \"localhost\" (only a passive lookup "
        "takes \"\" for every interface)");
  }
  std::string_view labels = host;
  if (labels.ends_with('.')) labels.remove_suffix(1);
  if (labels.size() > most) {
    throw_invalid_argument(fmt::format("getaddrinfo(): the host has {} characters; {} are the most",
                                       labels.size(), most));
  }
  check_printable(labels, "host");
  for (;;) {
    const std::size_t end = std::min(labels.find('.'), labels.size());
    check_label(labels.substr(0, end), host);
    if (end == labels.size()) return;
    labels.remove_prefix(end + 1);
  }
}

void check_service(std::string_view service) { check_printable(service, "service"); }

// --- names to addresses -------------------------------------------------------------------------

namespace {

struct Free {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

int system_family(Address::Family family) noexcept {
  if (family == Address::Family::none) return AF_UNSPEC;
  return family == Address::Family::ipv4 ? AF_INET : AF_INET6;
}

addrinfo hints_of(const ResolveOptions& options) noexcept {
  addrinfo hints{};
  hints.ai_family = system_family(options.family);
  if (options.type) {
    hints.ai_socktype = *options.type == Socket::Type::stream     ? SOCK_STREAM
                        : *options.type == Socket::Type::datagram ? SOCK_DGRAM
                                                                  : SOCK_SEQPACKET;
  }
  if (options.passive) hints.ai_flags |= AI_PASSIVE;
  if (options.numeric_host) hints.ai_flags |= AI_NUMERICHOST;
  return hints;
}

const char* c_str_or_null(const std::string& text) noexcept {
  return text.empty() ? nullptr : text.c_str();
}

bool is_localhost_with_dot(std::string_view host) noexcept {
  constexpr std::string_view name = "localhost.";
  return std::equal(host.begin(), host.end(), name.begin(), name.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

}  // namespace

AddressLookup::AddressLookup(std::string host, std::string service, ResolveOptions options)
    : calls_(lookup_calls),
      host_(std::move(host)),
      service_(std::move(service)),
      options_(options) {
  // /etc/hosts does not know it so, and no name server is asked for it (RFC 6761).
  if (is_localhost_with_dot(host_)) host_.pop_back();
}

std::vector<Address> AddressLookup::operator()() const {
  const addrinfo hints = hints_of(options_);
  addrinfo* list = nullptr;
  const int code = calls_.addresses(c_str_or_null(host_), c_str_or_null(service_), &hints, &list);
  const int error = errno;
  if (code != 0) throw_lookup_error(code, error, "getaddrinfo " + host_);
  const std::unique_ptr<addrinfo, Free> owned(list);
  std::vector<Address> addresses;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    Address address(info->ai_addr, info->ai_addrlen);
    // One is there for each type of socket.
    const bool known = std::find(addresses.begin(), addresses.end(), address) != addresses.end();
    if (address.is_ip() && !known) addresses.push_back(std::move(address));
  }
  return addresses;
}

// --- addresses to names -------------------------------------------------------------------------

NameLookup::NameLookup(Address address, NameInfoOptions options)
    : calls_(lookup_calls), address_(std::move(address)), options_(options) {}

NameInfo NameLookup::operator()() const {
  int flags = 0;
  if (options_.numeric_host) flags |= NI_NUMERICHOST;
  if (options_.numeric_service) flags |= NI_NUMERICSERV;
  if (options_.name_required) flags |= NI_NAMEREQD;
  if (options_.datagram) flags |= NI_DGRAM;
  sockaddr_storage raw{};
  const unsigned size = address_.to_raw(&raw);
  char host[NI_MAXHOST];
  char service[NI_MAXSERV];
  const int code = calls_.name(reinterpret_cast<const sockaddr*>(&raw), size, host, sizeof host,
                               service, sizeof service, flags);
  const int error = errno;
  if (code != 0) throw_lookup_error(code, error, "getnameinfo " + address_.str());
  return {host, service};
}

// --- the threads --------------------------------------------------------------------------------

Executor& LookupThreads::of(EventLoop& loop) {
  LoopState& state = LoopAccess::state(loop);
  state.check_open("getaddrinfo()");
  if (state.lookups == nullptr) state.lookups = std::make_unique<LookupThreads>();
  return *static_cast<LookupThreads&>(*state.lookups).pool_;
}

LookupThreads::LookupThreads()
    : pool_(std::make_unique<ThreadPoolExecutor>(
          ThreadPoolOptions{.max_workers = 8, .thread_name_prefix = "asyncio-dns"})) {}

LookupThreads::~LookupThreads() { abandon(std::move(pool_)); }

void LookupThreads::loop_closing() noexcept { pool_->shutdown(false, true); }

}  // namespace detail
}  // namespace asyncio
