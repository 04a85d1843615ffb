#include "io/watchdog.hpp"

#include "base/log.hpp"
#include "io/blocked_signals.hpp"
#include "io/fork_safe_mutex.hpp"
#include "io/loop_watch.hpp"
#include "io/stall_report.hpp"
#include "io/system.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio::detail {
namespace {

constexpr std::int64_t shortest = 10'000'000;         // threshold, in nanoseconds
constexpr std::int64_t longest_look = 1'000'000'000;  // between two looks

constexpr std::chrono::milliseconds patience{500};  // with a sink that does not return

constinit std::mutex mutex;  // of all that follows; not held while a report is written

/// Its thread, and whom it watches. A log sink may wait for somebody who waits for the mutex, or
/// who ends the watchdog: so a report is written without the mutex, and a thread that goes on
/// writing is left to itself; it sees by the number that another one is in its place.
class Watchdog {
 public:
  /// Never destroyed: its thread may outlive main(). A forked child has one of its own, and leaves
  /// its parent's thread alone.
  static Watchdog& instance() {
    static Watchdog* made = nullptr;
    if (made == nullptr || made->forks_ != sys::forks()) made = new Watchdog;
    return *made;
  }

  void add(LoopWatch& watch) {
    watches_.push_back(&watch);
    try {
      if (!thread_.joinable()) start();
    } catch (...) {
      watches_.pop_back();
      throw;
    }
    changed_.notify_all();
  }

  /// Returns: a thread that is to be joined without the mutex, if it can be.
  std::thread remove(LoopWatch& watch, std::unique_lock<std::mutex>& lock) noexcept {
    if (std::erase(watches_, &watch) == 0 || !watches_.empty()) return {};
    const unsigned number = number_;
    std::thread thread = stop();
    if (!thread.joinable()) return thread;
    const bool is_this_one = thread.get_id() == std::this_thread::get_id();  // in a sink
    const auto through = [&] { return writing_ != number; };
    if (is_this_one || !written_.wait_for(lock, patience, through)) thread.detach();
    return thread;
  }

  /// The program ends: nothing is reported from here on.
  void end() noexcept {
    std::thread left = stop();
    if (left.joinable()) left.detach();
  }

 private:
  void start() {
    static const int at_exit = std::atexit([] {
      const std::lock_guard lock(mutex);
      instance().end();
    });
    (void)at_exit;
    const unsigned number = ++number_;
    {
      const BlockedSignals blocked;  // they are for other threads
      thread_ = std::thread([this, number] { run(number); });
    }
    ::pthread_setname_np(thread_.native_handle(), watchdog_thread_name);
    begin_sampling();
  }

  std::thread stop() noexcept {
    ++number_;
    changed_.notify_all();
    end_sampling();
    return std::move(thread_);
  }

  void run(unsigned number) noexcept {
    std::unique_lock lock(mutex);
    while (number == number_) {
      const std::optional<std::string> report = look();
      if (report) {
        writing_ = number;
        lock.unlock();
        log(LogLevel::warning,
            report->empty() ? "an event loop is blocked, and there is no memory to say by what"
                            : std::string_view(*report));
        lock.lock();
        if (writing_ == number) writing_ = 0;
        written_.notify_all();
      } else {
        changed_.wait_for(lock, std::chrono::nanoseconds(pause_));
      }
    }
  }

  // Returns: a report, if one is due, empty without memory for it; else how long to wait is in
  // pause_.
  std::optional<std::string> look() noexcept {
    pause_ = longest_look;
    for (LoopWatch* watch : watches_) {
      try {
        if (auto report = look_at(*watch)) return report;
      } catch (...) {
        return std::string();
      }
    }
    return std::nullopt;
  }

  void look_again_in(std::int64_t nanoseconds) noexcept {
    pause_ = std::clamp(nanoseconds, shortest / 2, pause_);
  }

  std::optional<std::string> look_at(LoopWatch& watch) {
    if (watch.threshold() > 0) look_again_in(watch.threshold() / 2);
    auto running = watch.running();
    if (!running || running->threshold <= 0) return std::nullopt;
    Stall& stall = running->stall;
    stall.blocked = sys::monotonic_now() - stall.blocked;
    if (watch.due_turn != running->request.turn) {
      watch.due_turn = running->request.turn;
      watch.due = std::max(running->threshold, shortest);
    }
    if (stall.blocked < watch.due) {
      look_again_in(watch.due - stall.blocked);
      return std::nullopt;
    }
    while (watch.due <= stall.blocked) watch.due *= 2;
    std::string why_not;
    const SampleAnswer answer = take_sample(running->request, why_not);
    if (answer == SampleAnswer::ended) return std::nullopt;
    watch.set_reported(running->request.turn);
    return format_stall(stall, answer == SampleAnswer::taken ? &last_sample() : nullptr, why_not);
  }

  std::vector<LoopWatch*> watches_;
  std::thread thread_;
  std::condition_variable changed_;
  std::int64_t pause_ = 0;
  const unsigned forks_ = sys::forks();
  std::condition_variable written_;
  unsigned number_ = 0;   // of the thread
  unsigned writing_ = 0;  // the one that writes a report; 0: none
};

}  // namespace

void begin_watching(LoopWatch& watch) {
  sys::watch_forks();
  hold_over_forks<mutex>();
  const std::lock_guard lock(mutex);
  Watchdog::instance().add(watch);
}

void end_watching(LoopWatch& watch) noexcept {
  std::thread ended;
  {
    std::unique_lock lock(mutex);
    ended = Watchdog::instance().remove(watch, lock);
  }
  if (ended.joinable()) ended.join();
}

}  // namespace asyncio::detail
