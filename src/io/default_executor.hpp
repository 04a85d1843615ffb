#pragma once

#include <asyncio/executor.hpp>

#include "loop/loop_state.hpp"

#include <memory>

namespace asyncio::detail {

/// The jobs of a loop that are on their way, so that closing it can let go of their futures.
class JobTable {
 public:
  void add(Job& job) noexcept;
  static void remove(Job& job) noexcept;
  void detach_all() noexcept;

 private:
  static JobTable*& table_of(Scheduler& scheduler) noexcept;
  Job* first_ = nullptr;
};

/// A loop's default executor, made at first use, and its jobs on any executor.
class DefaultExecutor final : public LoopService {
 public:
  static DefaultExecutor& of(LoopState& loop);

  /// Throws: RuntimeError after shutdown().
  [[nodiscard]] Executor& get();
  /// Shares its threads.
  void set(ThreadPoolExecutor& executor);
  /// No more get(). Returns: the pool, to be joined; null if there is none.
  [[nodiscard]] std::unique_ptr<ThreadPoolExecutor> shut_down() noexcept;
  void loop_closing() noexcept override;

  JobTable jobs;

 private:
  std::unique_ptr<ThreadPoolExecutor> pool_;
  bool shared_ = false;  // with the user who has set it
  bool shut_down_ = false;
};

/// Lets a pool end by itself: its threads run what is queued, and nobody waits for them.
void abandon(std::unique_ptr<ThreadPoolExecutor> pool) noexcept;

}  // namespace asyncio::detail
