#pragma once

#include <asyncio/executor.hpp>
#include <asyncio/resolver.hpp>

#include "loop/loop_state.hpp"

#include <netdb.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// The system's calls. Tests put others in their place; a lookup that was made already keeps those
/// that it found.
struct LookupCalls {
  decltype(&::getaddrinfo) addresses = &::getaddrinfo;
  decltype(&::getnameinfo) name = &::getnameinfo;
};
extern constinit LookupCalls lookup_calls;

/// Throws: std::invalid_argument "getaddrinfo(): ..." for what can be no name, before anybody takes
/// a part of it for the whole.
void check_host(std::string_view host, bool may_be_empty);
void check_service(std::string_view service);

/// getaddrinfo(), for a thread that may be stuck in it: owns all that it touches.
class AddressLookup {
 public:
  AddressLookup(std::string host, std::string service, ResolveOptions options);
  /// Throws: gaierror, std::system_error.
  std::vector<Address> operator()() const;

 private:
  LookupCalls calls_;
  std::string host_;
  std::string service_;
  ResolveOptions options_;
};

class NameLookup {
 public:
  NameLookup(Address address, NameInfoOptions options);
  /// Throws: gaierror, std::system_error.
  NameInfo operator()() const;

 private:
  LookupCalls calls_;
  Address address_;
  NameInfoOptions options_;
};

/// The threads of a loop that wait for the system's resolver, which may take half a minute and
/// cannot be interrupted. They are not those of the default executor, which has other work.
class LookupThreads final : public LoopService {
 public:
  /// Throws: RuntimeError on a closed loop.
  static Executor& of(EventLoop& loop);

  LookupThreads();
  /// Does not wait for them.
  ~LookupThreads() override;
  void loop_closing() noexcept override;

 private:
  std::unique_ptr<ThreadPoolExecutor> pool_;
};

}  // namespace asyncio::detail
