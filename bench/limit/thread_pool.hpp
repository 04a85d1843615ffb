#pragma once

#include "loop.hpp"
#include "ready_queue.hpp"

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <thread>

namespace limit {

/// One worker.
class ThreadPool {
 public:
  ThreadPool() : worker_([this] { work(); }) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() {
    submit({nullptr, nullptr});
    worker_.join();
  }

  /// A job without a function is the last one.
  void submit(Callback job) {
    {
      const std::lock_guard guard(mutex_);
      jobs_.push_back(job);
    }
    submitted_.notify_one();
  }

 private:
  void work() {
    for (Callback job = take(); job.function != nullptr; job = take()) job.function(job.context);
  }

  Callback take() {
    std::unique_lock lock(mutex_);
    submitted_.wait(lock, [this] { return !jobs_.empty(); });
    const Callback job = jobs_.front();
    jobs_.pop_front();
    return job;
  }

  std::mutex mutex_;
  std::condition_variable submitted_;
  std::deque<Callback> jobs_;
  std::thread worker_;
};

/// Awaits a job in the pool.
class ToThread {
 public:
  ToThread(ThreadPool& pool, Callback job) : pool_(pool), job_(job) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    pool_.submit({run, this});
  }
  void await_resume() const noexcept {}

 private:
  static void run(void* context) {
    auto& self = *static_cast<ToThread*>(context);
    self.job_.function(self.job_.context);
    loop.call_soon_threadsafe(Callback::resuming(self.coroutine_));
  }

  ThreadPool& pool_;
  Callback job_;
  std::coroutine_handle<> coroutine_;
};

}  // namespace limit
