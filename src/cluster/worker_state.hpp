#pragma once

#include <asyncio/cluster_worker.hpp>
#include <asyncio/event.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>

#include "cluster/job.hpp"

#include <exception>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace asyncio::cluster::detail {

/// A delivery that is worked on.
///
/// Who ends it early says why before it cancels the task: `unwanted` by the client, `lost` to
/// another worker. Else it was cancelled with the worker, and goes back to its queue.
class Execution {
 public:
  enum class Why : unsigned char { stopped, unwanted, lost };
  Execution(WorkerState& by, Delivery what);
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution();

  void end(Why reason);

  WorkerState& worker;
  Delivery delivery;
  Why why = Why::stopped;
  JobRef job;

 private:
  AnyTask task_;  // the one that runs this
};

/// What a Worker is made of.
///
/// run(): a task claims; each delivery is executed by a task of its own; ends are sent together by
/// one that lives while there are some; two more extend leases and tend the queues. All are of one
/// group, so none is left behind.
class WorkerState {
 public:
  WorkerState(Broker& broker, const WorkerOptions& options);

  Coro<> run();
  void stop() noexcept;
  void note_report(const Execution& execution);
  /// There are fewer executions, or fewer ends on their way.
  void note_change() noexcept;

  Consumer consumer;
  WorkerCounts counts;
  std::unordered_set<Execution*> executions;

 private:
  /// How long a broker is told of an end that is not worked for any more.
  static constexpr auto last_words = Duration::nanoseconds(5'000'000'000);
  struct Report {
    Lease lease;
    std::int64_t done = 0;
    std::int64_t total = 0;
  };

  Coro<> serve();
  Coro<> claim_until_stopped();
  Coro<> claim_some(std::uint32_t most);
  Coro<> wait_for_room();
  Coro<> drain();
  static Coro<bool> in_time(Coro<> end, Duration limit);
  Coro<> wait_until_idle();
  Coro<> extend();
  Coro<> tend();
  Coro<> send_ends();
  Coro<> send_reports();

  Coro<> execute(Delivery delivery);
  Coro<> perform(Execution& execution);
  Coro<> settle(Execution& execution, std::exception_ptr error);
  Coro<> settle_cancelled(Execution& execution);
  Coro<> settle_failed(Execution& execution, std::exception_ptr error);
  void finish(const Execution& execution, Outcome outcome, std::string payload);
  [[nodiscard]] bool idle() const noexcept;
  [[nodiscard]] std::vector<Lease> leases() const;
  /// Started again when it has ended.
  void keep_running(std::optional<Task<>>& task, Coro<> (WorkerState::*body)());

  Broker& broker_;
  Duration grace_;
  TaskGroup group_;
  std::optional<Task<>> claiming_;
  std::optional<Task<>> sending_;
  std::optional<Task<>> reporting_;
  std::vector<Finished> ends_;
  std::vector<Lease> being_sent_;
  std::unordered_map<const Execution*, Report> reports_;
  Event changed_;
  bool is_full_ = false;  // so it claims only what is cancelled, and stops that when there is room
  bool started_ = false;
  bool stopping_ = false;
};

}  // namespace asyncio::cluster::detail
