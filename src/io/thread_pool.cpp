#include <asyncio/executor.hpp>

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
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
    const std::lock_guard lock(mutex_);
    if (closed_) {
      detail::throw_runtime_error(
          "ThreadPoolExecutor: cannot schedule new futures after shutdown(); make a new pool");
    }
    if (idle_ <= queued_ && threads_.size() < most_) start_thread();
    job.next_in_queue = nullptr;
    (first_ == nullptr ? first_ : last_->next_in_queue) = &job;
    last_ = &job;
    ++queued_;
    work_.notify_one();
  }

  void shutdown(bool wait, bool cancel_queued) {
    detail::Job* dropped = nullptr;
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      if (cancel_queued) {
        dropped = std::exchange(first_, nullptr);
        queued_ = 0;
      }
      work_.notify_all();
    }
    while (dropped != nullptr) std::exchange(dropped, dropped->next_in_queue)->drop();
    if (!wait) return;
    {
      // Everybody waits for the last job; one of them joins the threads.
      std::unique_lock lock(mutex_);
      ended_.wait(lock, [this] { return working_ == 0; });
      threads = std::exchange(threads_, {});
    }
    for (std::thread& t : threads) t.join();
  }

  [[nodiscard]] std::size_t most() const noexcept { return most_; }

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

 private:
  // With the lock. A thread that cannot be had is no error while there is another one.
  void start_thread() {
    constexpr std::size_t most_characters = 15;  // the kernel's limit; the number must not be cut
    const std::string number = fmt::format("_{}", threads_.size());
    const std::string name = prefix_.substr(0, most_characters - number.size()) + number;
    try {
      threads_.reserve(threads_.size() + 1);
      threads_.emplace_back([this] { work(); });
      ++working_;
    } catch (...) {
      if (threads_.empty()) throw;
      return;
    }
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      work_.wait(lock, [this] { return first_ != nullptr || closed_; });
      --idle_;
      if (first_ == nullptr) {
        if (--working_ == 0) ended_.notify_all();
        return;
      }
      detail::Job& job = *std::exchange(first_, first_->next_in_queue);
      --queued_;
      lock.unlock();
      job.run();
      lock.lock();
    }
  }

  detail::SharedCount users_;
  const std::size_t most_;
  const std::string prefix_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  detail::Job* first_ = nullptr;
  detail::Job* last_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t idle_ = 0;
  std::size_t working_ = 0;  // threads that have not ended
  bool closed_ = false;
  std::vector<std::thread> threads_;
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
