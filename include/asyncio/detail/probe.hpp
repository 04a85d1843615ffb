#pragma once

#if __has_include(<sys/sdt.h>) && !defined(ASYNCIO_NO_PROBES)
// Registers: where memory is allowed, too, clang stores each argument to the stack first.
#ifndef STAP_SDT_ARG_CONSTRAINT
#define STAP_SDT_ARG_CONSTRAINT nr
#endif
#include <sys/sdt.h>
#else
#define STAP_PROBE1(provider, name, a) static_cast<void>(a)
#define STAP_PROBE2(provider, name, a, b) (static_cast<void>(a), static_cast<void>(b))
#define STAP_PROBE3(provider, name, a, b, c) \
  (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c))
#endif

/// USDT probes of the provider "asyncio": a nop each, and a note that tells tools such as bpftrace
/// where it is and in which registers its arguments are; these are what the code has in registers
/// anyhow. docs/tracing.md says how to read these.
namespace asyncio::detail::probe {

/// In a header, since futures are made done in code of users, too.
inline void task_wake(const void* task) noexcept { STAP_PROBE1(asyncio, task__wake, task); }

}  // namespace asyncio::detail::probe
