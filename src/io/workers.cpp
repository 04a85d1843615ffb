#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/task.hpp>
#include <asyncio/workers.hpp>

#include "io/run_main_task.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <thread>

namespace asyncio::detail {
namespace {

/// What the workers know of each other. Any thread.
class Workers {
 public:
  explicit Workers(std::size_t n) : running_(n) {}

  /// A worker's main task begins. Returns: false if all are to stop already.
  bool enter(std::size_t index, const AnyTask& task) {
    const std::lock_guard guard(mutex_);
    if (stopping_) return false;
    running_[index].emplace(task);
    return true;
  }

  /// It ends, and so do the others.
  void leave(std::size_t index, const std::exception_ptr& error) {
    const std::lock_guard guard(mutex_);
    running_[index].reset();
    if (error_ == nullptr) error_ = error;
    stop_all();
  }

  /// Those that have not entered yet will not.
  void stop() {
    const std::lock_guard guard(mutex_);
    stop_all();
  }

  void raise_error() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

 private:
  // A loop cannot end meanwhile: its worker would have to leave() before.
  void stop_all() {
    if (std::exchange(stopping_, true)) return;
    for (const std::optional<AnyTask>& task : running_) {
      if (!task) continue;
      task->get_loop().call_soon_threadsafe([other = *task] { other.cancel(); });
    }
  }

  std::mutex mutex_;
  std::vector<std::optional<AnyTask>> running_;
  std::exception_ptr error_;
  bool stopping_ = false;
};

// A cancellation is no error of the worker's; what has asked for it says more.
Coro<> work(Workers& workers, std::size_t index, WorkerMain main) {
  if (!workers.enter(index, *current_task())) co_return;
  auto result = co_await as_result(main(index));
  workers.leave(index, result || result.cancelled() ? nullptr : result.error());
  if (result.cancelled()) raise(failure_of(result));
}

Coro<int> work_as_main(Workers& workers, WorkerMain main) {
  co_await work(workers, 0, std::move(main));
  co_return 0;
}

void run_on_thread(Workers& workers, std::size_t index, WorkerMain main,
                   const RunOptions& options) {
  const std::string name = fmt::format("worker-{}", index);
  RunOptions own = options;
  own.name = name;
  try {
    asyncio::run(work(workers, index, std::move(main)), own);
  } catch (const CancelledError&) {
    // Another one has ended.
  } catch (...) {
    workers.leave(index, std::current_exception());
  }
}

int run_here(Workers& workers, WorkerMain main, RunOptions options) {
  options.name = "worker-0";
  try {
    Runner runner(options);
    const int code = run_main_task(runner, work_as_main(workers, std::move(main)));
    workers.stop();
    runner.close();
    return code;
  } catch (const CancelledError&) {
    return 0;
  } catch (...) {
    workers.leave(0, std::current_exception());
    return 1;
  }
}

}  // namespace

int run_worker_mains(std::vector<WorkerMain> mains, const RunOptions& options) {
  if (mains.empty()) throw_invalid_argument("run_workers(): there must be at least 1 worker");
  check_no_loop("run_workers()", false);
  Workers workers(mains.size());
  std::vector<std::thread> threads;
  struct Joiner {
    std::vector<std::thread>& threads;
    ~Joiner() {
      for (std::thread& thread : threads) thread.join();
    }
  };
  int code = 0;
  {
    const Joiner joiner{threads};
    try {
      for (std::size_t i = 1; i < mains.size(); ++i) {
        threads.emplace_back([&workers, &options, i, main = std::move(mains[i])]() mutable {
          run_on_thread(workers, i, std::move(main), options);
        });
      }
    } catch (...) {
      workers.stop();
      throw;
    }
    code = run_here(workers, std::move(mains[0]), options);
    workers.stop();
  }
  workers.raise_error();
  return code;
}

}  // namespace asyncio::detail
