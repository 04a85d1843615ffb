#include <asyncio/concurrent_future.hpp>
#include <asyncio/detail/thread_state.hpp>

#include "base/log.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace asyncio::concurrent::detail {

using Callback = asyncio::detail::UniqueFunction<void()>;

struct State::Sync {
  enum class Phase { pending, cancelled, finished };
  std::mutex mutex;
  std::condition_variable changed;
  Phase phase = Phase::pending;
  asyncio::detail::Failure failure;
  Callback canceller;
  std::vector<Callback> callbacks;

  // From pending, once. Callbacks run without the lock: they may ask the future.
  bool become(Phase next, const Callback* emplace, asyncio::detail::Failure f) {
    std::vector<Callback> ready;
    Callback dropped;
    {
      const std::lock_guard lock(mutex);
      if (phase != Phase::pending) return false;
      if (emplace != nullptr) (*emplace)();
      phase = next;
      failure = std::move(f);
      ready = std::move(callbacks);
      if (next == Phase::finished) dropped = std::move(canceller);
      changed.notify_all();
    }
    for (const Callback& fn : ready) call(fn);
    return true;
  }

  static void call(const Callback& fn) {
    try {
      fn();
    } catch (const std::exception& e) {
      asyncio::detail::log(
          LogLevel::error,
          std::string("Exception in callback of a concurrent future: ") + e.what());
    } catch (...) {
      asyncio::detail::log(LogLevel::error, "Exception in callback of a concurrent future");
    }
  }
};

State::State() : sync_(new Sync) {}
State::~State() { delete sync_; }

bool State::done() const noexcept {
  const std::lock_guard lock(sync_->mutex);
  return sync_->phase != Sync::Phase::pending;
}

bool State::cancelled() const noexcept {
  const std::lock_guard lock(sync_->mutex);
  return sync_->phase == Sync::Phase::cancelled;
}

bool State::cancel() {
  if (!sync_->become(Sync::Phase::cancelled, nullptr, {})) return false;
  Callback canceller;
  {
    const std::lock_guard lock(sync_->mutex);
    canceller = std::move(sync_->canceller);
  }
  if (canceller) Sync::call(canceller);
  return true;
}

bool State::wait(std::optional<Duration> timeout) const {
  std::unique_lock lock(sync_->mutex);
  const auto is_done = [this] { return sync_->phase != Sync::Phase::pending; };
  if (is_done()) return true;
  if (scheduler_ != nullptr && asyncio::detail::thread_state.scheduler == scheduler_) {
    asyncio::detail::throw_runtime_error(
        "concurrent::Future: waiting for it here would block the event loop that must complete it; "
        "co_await the coroutine instead");
  }
  constexpr auto longest = Duration(std::chrono::hours(24 * 365));  // more would overflow the clock
  if (!timeout || *timeout > longest) {
    sync_->changed.wait(lock, is_done);
    return true;
  }
  return sync_->changed.wait_for(lock, std::chrono::nanoseconds(timeout->nanoseconds()), is_done);
}

std::exception_ptr State::wait_for_error(std::optional<Duration> timeout) const {
  if (!wait(timeout)) throw TimeoutError();
  const std::lock_guard lock(sync_->mutex);
  if (sync_->phase == Sync::Phase::cancelled) throw CancelledError();
  asyncio::detail::remember(sync_->failure);
  return sync_->failure.error;
}

void State::wait_for_value(std::optional<Duration> timeout) const {
  if (std::exception_ptr error = wait_for_error(timeout)) std::rethrow_exception(std::move(error));
}

void State::add_done_callback(Callback fn) {
  {
    const std::lock_guard lock(sync_->mutex);
    if (sync_->phase == Sync::Phase::pending) {
      sync_->callbacks.push_back(std::move(fn));
      return;
    }
  }
  Sync::call(fn);
}

bool State::finish(Callback emplace) { return sync_->become(Sync::Phase::finished, &emplace, {}); }

bool State::fail(asyncio::detail::Failure failure) {
  if (asyncio::detail::is_cancelled_error(failure.error)) {
    return sync_->become(Sync::Phase::cancelled, nullptr, {});
  }
  return sync_->become(Sync::Phase::finished, nullptr, std::move(failure));
}

void State::abandon(const char* why) noexcept {
  if (starting_ || done()) return;  // whoever starts it will say why it failed
  try {
    throw RuntimeError(why);
  } catch (...) {
    fail(asyncio::detail::current_failure());  // bad_alloc, if there was no memory for the text
  }
}

void State::set_canceller(Callback canceller) {
  {
    const std::lock_guard lock(sync_->mutex);
    if (sync_->phase == Sync::Phase::pending) {
      sync_->canceller = std::move(canceller);
      return;
    }
    if (sync_->phase != Sync::Phase::cancelled) return;
  }
  Sync::call(canceller);  // cancelled before there was anything to cancel
}

}  // namespace asyncio::concurrent::detail
