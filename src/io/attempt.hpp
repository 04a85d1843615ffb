#pragma once

#include "io/fault.hpp"

#include <cerrno>

namespace asyncio::detail::sys {

/// The result of a call, or -errno; once more if a signal has come in between.
template <class F>
auto attempt(Call call, F system_call) noexcept -> decltype(system_call()) {
  while (true) {
    int error = fault_of(call);
    if (error == 0) {
      const auto result = system_call();
      if (result >= 0) return result;
      error = errno;
    }
    if (error != EINTR) return -error;
  }
}

}  // namespace asyncio::detail::sys
