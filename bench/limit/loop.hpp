#pragma once

#include "inbox.hpp"
#include "ready_queue.hpp"
#include "timer_heap.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <coroutine>
#include <cstdint>

namespace limit {

inline std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

class Loop {
 public:
  Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // every write is an event, so that nobody has to read
    epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    close(wake_);
    close(epoll_);
  }

  void call_soon(Callback callback) { ready_.push(callback); }
  void resume_soon(std::coroutine_handle<> coroutine) {
    ready_.push(Callback::resuming(coroutine));
  }

  /// The coroutine that runs in the same turn when the running one has returned to the loop. (Were
  /// it resumed from there by symmetric transfer, the stack would grow where that is no tail call.)
  void resume_next(std::coroutine_handle<> coroutine) { next_ = coroutine; }

  Timer* call_later(std::int64_t nanoseconds, Callback callback) {
    return timers_.add(now() + nanoseconds, callback);
  }
  void cancel(Timer* timer) { timers_.cancel(timer); }

  /// Any thread.
  void call_soon_threadsafe(Callback callback) {
    if (!inbox_.post(callback)) return;
    const std::uint64_t one = 1;
    (void)!write(wake_, &one, sizeof one);
  }

  template <class Done>
  void run_until(const Done& done) {
    while (!done()) iterate();
  }

 private:
  [[gnu::always_inline]] void iterate() {
    if (inbox_.pending()) [[unlikely]]
      inbox_.take(ready_);
    if (!timers_.empty()) timers_.run_due(now());
    if (ready_.empty()) [[unlikely]]
      return sleep();
    ready_.drain([this](const Callback& callback) { run(callback); });
  }

  [[gnu::always_inline]] void run(const Callback& callback) {
    if (callback.function != nullptr) return callback.function(callback.context);
    auto coroutine = std::coroutine_handle<>::from_address(callback.context);
    do {
      next_ = nullptr;
      coroutine.resume();
      coroutine = next_;
    } while (coroutine);
  }

  [[gnu::noinline]] void sleep() {
    int milliseconds = -1;
    if (!timers_.empty()) {
      const std::int64_t left = timers_.next_deadline() - now();
      if (left <= 0) return;
      milliseconds = static_cast<int>((left + 999'999) / 1'000'000);
    }
    if (!inbox_.fall_asleep()) return;
    epoll_event event{};
    epoll_wait(epoll_, &event, 1, milliseconds);
    inbox_.wake_up();
  }

  ReadyQueue ready_;
  std::coroutine_handle<> next_;
  TimerHeap timers_;
  Inbox inbox_;
  int epoll_;
  int wake_;
};

/// The program's only one.
inline Loop loop;

}  // namespace limit
