#pragma once

#include <asyncio/event_loop.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <string>

namespace asyncio::http::detail {

/// The addresses of hosts, looked up by the loop, so that its Resolver counts, and kept for a
/// while. Requests that ask for the same host at the same time share one lookup.
class LookupCache {
 public:
  LookupCache() = default;
  LookupCache(const LookupCache&) = delete;
  LookupCache& operator=(const LookupCache&) = delete;
  ~LookupCache() { clear(); }

  /// Returns: "HOST:PORT:ADDRESS,ADDRESS", as curl takes it.
  /// Throws: gaierror, std::invalid_argument.
  [[nodiscard]] Coro<std::string> look_up(EventLoop& loop, std::string host, std::uint16_t port);
  void clear() noexcept;

 private:
  struct Outcome {
    std::string addresses;
    std::exception_ptr error;
  };
  struct Entry {
    Task<Outcome> task;
    TimePoint expires;
  };
  static Coro<Outcome> ask(EventLoop& loop, std::string host, std::uint16_t port);

  void forget_old(TimePoint now) noexcept;

  static constexpr std::size_t least_looked_through = 64;
  std::map<std::string, Entry> entries_;
  std::size_t looked_through_at_ = least_looked_through;
};

}  // namespace asyncio::http::detail
