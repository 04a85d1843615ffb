#include "io/fault.hpp"

namespace asyncio::detail::sys {

constinit thread_local Fault* fault = nullptr;
constinit thread_local Limit* limit = nullptr;

Limit::Limit(Call call, std::size_t most) noexcept : call_(call), most_(most) { limit = this; }
Limit::~Limit() { limit = nullptr; }

Fault::Fault(Call call, int error, std::uint64_t nth, std::uint64_t times) noexcept
    : call_(call), error_(error), nth_(nth), times_(times), outer_(fault) {
  fault = this;
}

Fault::~Fault() { fault = outer_; }

int injected(Call call) noexcept {
  for (Fault* at = fault; at != nullptr; at = at->outer_) {
    if (at->call_ != call) continue;
    const std::uint64_t number = __atomic_fetch_add(&at->seen_, 1, __ATOMIC_RELAXED);
    if (number < at->nth_ || number - at->nth_ >= at->times_) continue;
    __atomic_fetch_add(&at->injected_, 1, __ATOMIC_RELAXED);
    return at->error_;
  }
  return 0;
}

}  // namespace asyncio::detail::sys
