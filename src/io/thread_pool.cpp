#include <asyncio/executor.hpp>

#include "io/system.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio {

class ThreadPoolExecutor::Pool {
 public:
  Pool(std::size_t most, std::string_view prefix) : most_(most), prefix_(prefix) {}

  void submit(detail::Job& job) {
    Worker* idle = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) {
        detail::throw_runtime_error(
            "ThreadPoolExecutor: cannot schedule new futures after shutdown(); make a new pool");
      }
      if (idle_ == nullptr && workers_.size() < most_) start_worker();
      job.next_in_queue = nullptr;
      (first_ == nullptr ? first_ : last_->next_in_queue) = &job;
      last_ = &job;
      idle = idle_;
      if (idle != nullptr) idle_ = idle->next_idle;
    }
    if (idle != nullptr) idle->wake();  // without the lock, which it needs at once
  }

  void shutdown(bool wait, bool cancel_queued) {
    detail::Job* dropped = nullptr;
    Worker* idle = nullptr;
    std::vector<std::unique_ptr<Worker>> workers;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      if (cancel_queued) dropped = std::exchange(first_, nullptr);
      idle = std::exchange(idle_, nullptr);
    }
    while (idle != nullptr) std::exchange(idle, idle->next_idle)->wake();
    while (dropped != nullptr) std::exchange(dropped, dropped->next_in_queue)->drop();
    if (!wait) return;
    {
      // Everybody waits for the last job; one of them joins the threads.
      std::unique_lock lock(mutex_);
      ended_.wait(lock, [this] { return working_ == 0; });
      workers = std::exchange(workers_, {});
    }
    for (const auto& worker : workers) worker->thread.join();
  }

  [[nodiscard]] std::size_t most() const noexcept { return most_; }

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

 private:
  struct Worker {
    std::thread thread;
    Worker* next_idle = nullptr;
    std::uint32_t woken = 0;  // atomic

    void wake() noexcept {
      __atomic_store_n(&woken, 1, __ATOMIC_RELEASE);
      detail::sys::futex_wake(woken);  // it may be gone already; then nobody is there to wake
    }
    void sleep() noexcept {
      while (__atomic_load_n(&woken, __ATOMIC_ACQUIRE) == 0) detail::sys::futex_wait(woken, 0);
    }
  };

  // With the lock. A thread that cannot be had is no error while there is another one.
  void start_worker() {
    constexpr std::size_t most_characters = 15;  // the kernel's limit; the number must not be cut
    const std::string number = fmt::format("_{}", workers_.size());
    const std::string name = prefix_.substr(0, most_characters - number.size()) + number;
    try {
      workers_.push_back(std::make_unique<Worker>());
      Worker& worker = *workers_.back();
      worker.thread = std::thread([this, &worker] { work(worker); });
      ++working_;
    } catch (...) {
      if (!workers_.empty() && !workers_.back()->thread.joinable()) workers_.pop_back();
      if (workers_.empty()) throw;
      return;
    }
    pthread_setname_np(workers_.back()->thread.native_handle(), name.c_str());
  }

  void work(Worker& me) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (first_ != nullptr) {
        detail::Job& job = *std::exchange(first_, first_->next_in_queue);
        lock.unlock();
        job.run();
        lock.lock();
      } else if (closed_) {
        if (--working_ == 0) ended_.notify_all();
        return;
      } else {
        me.woken = 0;
        me.next_idle = std::exchange(idle_, &me);
        lock.unlock();
        me.sleep();
        lock.lock();
      }
    }
  }

  detail::SharedCount users_;
  const std::size_t most_;
  const std::string prefix_;
  std::mutex mutex_;
  std::condition_variable ended_;
  detail::Job* first_ = nullptr;
  detail::Job* last_ = nullptr;
  Worker* idle_ = nullptr;   // the last one to fall idle first: its caches are warm
  std::size_t working_ = 0;  // threads that have not ended
  bool closed_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;
};

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options)
    : pool_(new Pool(options.max_workers != 0
                         ? options.max_workers
                         : std::min<std::size_t>(32, std::thread::hardware_concurrency() + 4),
                     options.thread_name_prefix)) {}

ThreadPoolExecutor::ThreadPoolExecutor(Pool* shared) noexcept : pool_(shared) { pool_->add_ref(); }

void ThreadPoolExecutor::forget() noexcept { std::exchange(pool_, nullptr)->drop_ref(); }

ThreadPoolExecutor::~ThreadPoolExecutor() {
  if (pool_ == nullptr) return;
  pool_->shutdown(true, false);
  pool_->drop_ref();
}

void ThreadPoolExecutor::submit(detail::Job& job) { pool_->submit(job); }
void ThreadPoolExecutor::shutdown(bool wait, bool cancel_futures) {
  pool_->shutdown(wait, cancel_futures);
}
std::size_t ThreadPoolExecutor::max_workers() const noexcept { return pool_->most(); }

}  // namespace asyncio
