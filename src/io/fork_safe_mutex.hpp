#pragma once

#include <pthread.h>

#include <mutex>

namespace asyncio::detail {

/// Locks a mutex whenever this process forks, so that the child does not find it held by a thread
/// that it does not have. To be called before it is locked first.
template <std::mutex& mutex>
void hold_over_forks() noexcept {
  static const int registered =
      ::pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });
  (void)registered;
}

}  // namespace asyncio::detail
