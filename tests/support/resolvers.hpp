#pragma once

#include <asyncio/event_loop.hpp>
#include <asyncio/resolver.hpp>
#include <asyncio/sleep.hpp>

#include "net/lookup.hpp"

#include <atomic>
#include <exception>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace support {

/// Gives what a test wants, after some time, and remembers what it was asked.
class FakeResolver final : public asyncio::Resolver {
 public:
  FakeResolver() = default;
  explicit FakeResolver(std::vector<asyncio::Address> addresses) : answer(std::move(addresses)) {}

  asyncio::Coro<std::vector<asyncio::Address>> resolve(std::string host, std::string service,
                                                       asyncio::ResolveOptions options) override {
    asked.push_back(host + " " + service);
    last = options;
    if (delay > asyncio::Duration()) co_await asyncio::sleep(delay);
    if (error != nullptr) std::rethrow_exception(error);
    co_return answer;
  }

  std::vector<asyncio::Address> answer;
  std::exception_ptr error;
  asyncio::Duration delay;
  std::vector<std::string> asked;  // "HOST SERVICE" each
  asyncio::ResolveOptions last;
};

/// An answer for SystemCalls: no test asks a name server.
inline int no_such_name(const char*, const char*, const addrinfo*, addrinfo**) {
  return EAI_NONAME;
}

/// While it lives, lookups of the system are calls of these.
class SystemCalls {
 public:
  explicit SystemCalls(asyncio::detail::LookupCalls calls) {
    asyncio::detail::lookup_calls = calls;
  }
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;
  ~SystemCalls() { asyncio::detail::lookup_calls = {}; }
};

/// While it lives, lookups of the system are stuck.
class StuckLookups {
 public:
  StuckLookups() : calls_({.addresses = &StuckLookups::be_stuck}) { calls = 0; }
  StuckLookups(const StuckLookups&) = delete;
  StuckLookups& operator=(const StuckLookups&) = delete;
  /// Lets them end and waits for that.
  ~StuckLookups() {
    may_go.release(calls - ended);
    while (ended < calls) std::this_thread::yield();
    ended = 0;
  }

  [[nodiscard]] static int number() noexcept { return calls; }
  static asyncio::Coro<> wait_for(int number) {
    using namespace std::chrono_literals;
    while (calls < number) co_await asyncio::sleep(1ms);
  }

 private:
  static int be_stuck(const char*, const char*, const addrinfo*, addrinfo**) {
    ++calls;
    may_go.acquire();
    ++ended;
    return EAI_AGAIN;
  }
  inline static std::atomic<int> calls = 0;
  inline static std::atomic<int> ended = 0;
  inline static std::counting_semaphore<> may_go{0};
  SystemCalls calls_;
};

}  // namespace support
