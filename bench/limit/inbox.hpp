#pragma once

#include "ready_queue.hpp"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace limit {

/// What other threads give to the loop, and whether it sleeps.
class Inbox {
 public:
  /// Returns: true if the loop has to be woken.
  bool post(Callback callback) {
    const std::lock_guard guard(lock_);
    callbacks_.push_back(callback);
    pending_.store(true, std::memory_order_relaxed);
    return std::exchange(asleep_, false);
  }

  [[nodiscard]] bool pending() const { return pending_.load(std::memory_order_relaxed); }

  [[gnu::noinline]] void take(ReadyQueue& ready) {
    {
      const std::lock_guard guard(lock_);
      taken_.swap(callbacks_);
      pending_.store(false, std::memory_order_relaxed);
    }
    for (const Callback& callback : taken_) ready.push(callback);
    taken_.clear();
  }

  /// Returns: false if something is in the inbox, so that the loop must not sleep.
  bool fall_asleep() {
    const std::lock_guard guard(lock_);
    return asleep_ = callbacks_.empty();
  }
  void wake_up() {
    const std::lock_guard guard(lock_);
    asleep_ = false;
  }

 private:
  std::mutex lock_;
  std::vector<Callback> callbacks_;
  std::vector<Callback> taken_;
  std::atomic<bool> pending_ = false;
  bool asleep_ = false;
};

}  // namespace limit
