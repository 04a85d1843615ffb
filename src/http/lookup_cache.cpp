#include "http/lookup_cache.hpp"

#include <asyncio/address.hpp>
#include <asyncio/resolver.hpp>
#include <asyncio/shield.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

namespace asyncio::http::detail {
namespace {

using namespace std::chrono_literals;

// Less than curl keeps what it is given, 60 s: so it never has to ask by itself.
constexpr Duration kept_for = 30s;

std::string key_of(const std::string& host, std::uint16_t port) {
  return host + ":" + std::to_string(port);
}

}  // namespace

Coro<LookupCache::Outcome> LookupCache::ask(EventLoop& loop, std::string host, std::uint16_t port) {
  Outcome outcome;
  try {
    const std::vector<Address> addresses = co_await loop.getaddrinfo(host, port);
    for (const Address& address : addresses) {
      outcome.addresses += (outcome.addresses.empty() ? "" : ",") + address.host();
    }
  } catch (const std::exception&) {
    outcome.error = std::current_exception();
  }
  co_return outcome;
}

Coro<std::string> LookupCache::look_up(EventLoop& loop, std::string host, std::uint16_t port) {
  const std::string key = key_of(host, port);
  auto found = entries_.find(key);
  if (found == entries_.end() || found->second.expires <= loop.time()) {
    forget_old(loop.time());
    Task<Outcome> task = loop.create_task(ask(loop, host, port));
    found = entries_.insert_or_assign(key, Entry{std::move(task), loop.time() + kept_for}).first;
  }
  // Whoever asked first may be cancelled; the others still want to know.
  Task<Outcome> task = found->second.task;
  const Outcome outcome = co_await shield(task);
  if (outcome.error) {
    entries_.erase(key);
    std::rethrow_exception(outcome.error);
  }
  // "+": it may grow old.
  co_return "+" + key + ":" + outcome.addresses;
}

// A crawler asks for many hosts, and for most of them once.
void LookupCache::forget_old(TimePoint now) noexcept {
  if (entries_.size() < looked_through_at_) return;
  std::erase_if(entries_, [now](const auto& entry) { return entry.second.expires <= now; });
  looked_through_at_ = std::max(least_looked_through, 2 * entries_.size());
}

void LookupCache::clear() noexcept {
  for (auto& [key, entry] : entries_) entry.task.cancel();
  entries_.clear();
}

}  // namespace asyncio::http::detail
