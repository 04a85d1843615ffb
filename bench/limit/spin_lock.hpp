#pragma once

#include <atomic>
#include <thread>

namespace limit {

/// For a few instructions: one atomic exchange where a mutex needs two.
class SpinLock {
 public:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_ = false;
};

}  // namespace limit
