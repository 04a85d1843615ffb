#pragma once

#include <asyncio/detail/process_call.hpp>

#include <cstdint>

namespace asyncio::detail {

/// From a pool to its fork server. A worker's socket comes with `fork`.
struct ForkRequest {
  enum class Kind : std::uint32_t { fork, kill };
  Kind kind = Kind::fork;
  std::uint64_t worker = 0;
  ProgramPlace initializer;  ///< module 0: none
};

/// From the fork server.
struct ForkReport {
  enum class Kind : std::uint32_t {
    ready,        ///< it is there
    has_threads,  ///< it cannot fork: `value` threads are there already
    not_forked,   ///< `value`: errno
    ended,        ///< `value`: as waitpid() has it
  };
  Kind kind = Kind::ready;
  std::int32_t value = 0;
  std::uint64_t worker = 0;
};

}  // namespace asyncio::detail
