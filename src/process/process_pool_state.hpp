#pragma once

#include <asyncio/process_pool.hpp>

#include "base/chain.hpp"
#include "loop/loop_state.hpp"
#include "process/fork_server.hpp"
#include "process/fork_server_messages.hpp"
#include "process/process_pool_worker.hpp"

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::detail {

/// What a loop has of process pools, since none of them may outlive it, and its own one.
class ProcessPoolService final : public LoopService {
 public:
  static ProcessPoolService& of(LoopState& loop);
  void loop_closing() noexcept override;
  ProcessPoolExecutor& own_pool();
  void enter(ProcessPoolState& pool) noexcept { pools_.enter(pool); }
  void leave(ProcessPoolState& pool) noexcept { pools_.leave(pool); }

 private:
  Chain<ProcessPoolState> pools_;
  std::unique_ptr<ProcessPoolExecutor> own_;
};

/// A pool. What comes from its processes is taken in turns of the loop: poll() only schedules one.
///
/// States: open → closing, by shutdown(); open or closing → over, when there is nothing to do any
/// more, the loop is closed or the fork server is lost (`broken_` says why, then).
/// Owners: the executor; the loop's service, from the first job until it is over; a queued turn.
class ProcessPoolState final : public ChainLink<ProcessPoolState>, private ReadyCall, IoObserver {
 public:
  explicit ProcessPoolState(const ProcessPoolOptions& options);
  ProcessPoolState(const ProcessPoolState&) = delete;
  ProcessPoolState& operator=(const ProcessPoolState&) = delete;

  void add_ref() noexcept { ++owners_; }
  void drop_ref() noexcept;  // not here: g++ takes two in a row for a use of what is gone

  void submit(LoopState& loop, ProcessJob& job, FutureState& future);
  /// For a job that was not taken.
  static void refuse(ProcessJob& job) noexcept;
  void shutdown(bool wait, bool cancel) noexcept;
  void loop_closing() noexcept;
  [[nodiscard]] std::size_t most() const noexcept { return most_; }

 private:
  enum class Phase : unsigned char { open, closing, over };
  ~ProcessPoolState();

  static void on_ready(IoObserver& self) noexcept;
  static void take_turn(ReadyCall& self, ReadyAction action);
  void schedule() noexcept;
  void advance() noexcept;
  void watch() noexcept;

  // --- jobs ---
  void check_may_submit(LoopState& loop) const;
  void attach(LoopState& loop);
  ProgramPlace place(const void* address);
  void write_head(ProcessJob& job);
  void dispatch() noexcept;
  ProcessJob* first_wanted() noexcept;
  bool give(PoolWorker& worker, ProcessJob& job) noexcept;
  static void settle(ProcessJob& job, const PoolWorker::Message& message) noexcept;
  static void fail(ProcessJob& job, const std::exception_ptr& error) noexcept;
  void fail_all(const std::exception_ptr& error) noexcept;
  void cancel_queued() noexcept;
  void drop_jobs() noexcept;
  [[nodiscard]] bool has_wanted() noexcept;
  void wait_for_answers() noexcept;
  void wait_once();

  // --- processes ---
  [[nodiscard]] PoolWorker* find(std::uint64_t number) const noexcept;
  void start_workers();
  void start_worker();
  void serve(PoolWorker& worker) noexcept;
  void take_messages(PoolWorker& worker) noexcept;
  void hear(PoolWorker& worker, const PoolWorker::Message& message) noexcept;
  void lost(PoolWorker& worker) noexcept;
  void ended(std::uint64_t number, int status);
  void take_reports() noexcept;
  void take_report(const ForkReport& report);
  void not_forked(const ForkReport& report);
  void server_lost();
  void break_down(const std::string& why) noexcept;
  void break_down_by_initializer(std::string_view content) noexcept;
  void end_if_done() noexcept;
  /// Ends the processes at once.
  void end() noexcept;
  [[nodiscard]] bool in_child() const noexcept;

  unsigned owners_ = 1;
  Phase phase_ = Phase::open;
  bool turn_queued_ = false;
  bool directly_ = false;  // it waits for its processes without the loop
  bool advancing_ = false;
  bool server_ready_ = false;
  unsigned failed_starts_ = 0;  // one after the other
  const unsigned forks_;
  const std::size_t most_;
  const std::size_t jobs_of_a_worker_;
  ProgramPlace initializer_;
  ForkServer server_;
  std::unique_ptr<Endpoint> control_;
  LoopState* loop_ = nullptr;
  std::uint64_t numbers_ = 0;
  std::string broken_;
  std::deque<ProcessJob*> queued_;
  std::vector<std::unique_ptr<PoolWorker>> workers_;
  std::unordered_map<const void*, ProgramPlace> places_;
};

}  // namespace asyncio::detail
