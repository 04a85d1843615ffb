#include "base/ticks.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <ctime>

namespace asyncio::detail {
namespace {

bool has_invariant_counter() noexcept {
#if defined(__x86_64__)
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned power_management = 0x80000007;
  constexpr unsigned invariant_tsc = 1U << 8;
  return __get_cpuid(power_management, &a, &b, &c, &d) != 0 && (d & invariant_tsc) != 0;
#else
  return false;
#endif
}

}  // namespace

const bool ticks_of_processor = has_invariant_counter();

std::uint64_t monotonic_ticks() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

TickScale::TickScale() noexcept : first_(ticks()), began_(monotonic_ticks()) {
  if (!ticks_of_processor) speed_ = 1;
}

void TickScale::settle() noexcept {
  constexpr std::uint64_t least = 1'000'000;
  while (!settled()) {
    const std::uint64_t passed = monotonic_ticks() - began_;
    const std::uint64_t counted = ticks() - first_;
    if (passed >= least) speed_ = static_cast<double>(passed) / static_cast<double>(counted);
  }
}

}  // namespace asyncio::detail
