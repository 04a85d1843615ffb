#include "io/reaper.hpp"

#include "base/log.hpp"
#include "io/blocked_signals.hpp"
#include "io/fork_safe_mutex.hpp"
#include "io/system_process.hpp"

#include <poll.h>

#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

namespace asyncio::detail {
namespace {

constinit std::mutex mutex;  // of what the reaper has

class Reaper {
 public:
  // Never destroyed: its thread may outlive main().
  static Reaper& instance() {
    static Reaper* const made = new Reaper;
    hold_over_forks<mutex>();
    return *made;
  }

  void add(OwnedFd pidfd) {
    const std::lock_guard lock(mutex);
    if (sys::forks() != forks_) {  // the children, and the thread, are our parent's
      forks_ = sys::forks();
      waiting_.clear();
      runs_ = false;
    }
    waiting_.push_back(std::move(pidfd));
    try {
      if (!runs_) start();
    } catch (...) {
      waiting_.pop_back();
      throw;
    }
    sys::write_event(wake_);
  }

 private:
  Reaper() = default;

  void start() {
    if (wake_ < 0) wake_ = sys::event_fd();
    {
      const BlockedSignals blocked;  // they are for other threads
      std::thread([this] { run(); }).detach();
    }
    runs_ = true;
  }

  void run() noexcept {
    std::vector<pollfd> watched;
    while (look_at_all(watched)) {
      ::poll(watched.data(), watched.size(), -1);
      sys::reset_event(wake_);
    }
  }

  // Returns: false if nobody is left, and then the thread ends.
  bool look_at_all(std::vector<pollfd>& watched) noexcept {
    while (true) {
      try {
        return try_look(watched);
      } catch (const std::bad_alloc&) {
        sys::nap(1'000'000);
      }
    }
  }

  bool try_look(std::vector<pollfd>& watched) {
    const std::lock_guard lock(mutex);
    std::erase_if(waiting_, [](const OwnedFd& pidfd) {
      int status = 0;
      return sys::wait_for_child(pidfd.get(), status) != -EAGAIN;
    });
    watched.assign(1, {wake_, POLLIN, 0});
    for (const OwnedFd& pidfd : waiting_) watched.push_back({pidfd.get(), POLLIN, 0});
    runs_ = !waiting_.empty();
    return runs_;
  }

  std::vector<OwnedFd> waiting_;
  int wake_ = -1;
  unsigned forks_ = sys::forks();
  bool runs_ = false;
};

}  // namespace

void reap_later(OwnedFd pidfd) noexcept {
  try {
    Reaper::instance().add(std::move(pidfd));
  } catch (...) {
    log(LogLevel::warning,
        "a child process goes on after its loop and cannot be watched: when it ends it stays a "
        "zombie until this process ends");
  }
}

}  // namespace asyncio::detail
