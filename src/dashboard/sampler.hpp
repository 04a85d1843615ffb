#pragma once

#include "dashboard/source.hpp"
#include "dashboard/stacks.hpp"
#include "snapshot/view.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::dashboard {

/// A task at one look, with what only several looks can tell.
struct TaskRow {
  const snapshot::TaskView* task = nullptr;
  std::uint32_t loop = 0;   ///< its place in the view
  std::uint32_t stack = 0;  ///< of Stacks
  std::int64_t since = 0;   ///< seen in this state at this place for the first time, ns
  bool longer = false;      ///< it was there already at the first look
  bool counted = false;     ///< the next two are known
  std::uint64_t steps = 0;
  std::int64_t cpu = 0;  ///< ns
};

struct LoopRate {
  bool known = false;           ///< the next one: not at the first look
  double steps = 0;             ///< a second
  std::int64_t busy_since = 0;  ///< with the step that runs, ns; 0: it is with none
  std::int64_t lag = 0;         ///< how long it has kept others waiting, ns
};

/// What one look has shown.
struct Sample {
  snapshot::ProcessView view;
  std::vector<TaskRow> tasks;   ///< of all loops
  std::vector<LoopRate> rates;  ///< of each loop
  std::string error;            ///< why there was nothing to be seen; "": there was
};

/// Looks at a process, again and again, and remembers what a single look cannot show: since when a
/// task is where it is, how fast loops run, where tasks have spent their time.
class Sampler {
 public:
  explicit Sampler(Source& source) noexcept : source_(source) {}

  /// Never throws for what is wrong with the process: the sample says it.
  void look();
  /// Nobody looks any more: what was remembered of tasks would be wrong later.
  void forget();

  [[nodiscard]] const Sample& sample() const noexcept { return sample_; }
  [[nodiscard]] const Stacks& stacks() const noexcept { return stacks_; }
  /// 0: there was no look yet.
  [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }

 private:
  struct Stay {
    std::uint32_t stack = 0;
    snapshot::TaskView::State state = snapshot::TaskView::State::waiting;
    std::int64_t since = 0;
    bool longer = false;
    std::uint64_t look = 0;
  };
  struct Pace {
    std::uint64_t steps = 0;
    std::uint64_t iterations = 0;
    std::int64_t busy_since = 0;
    std::uint64_t look = 0;
  };

  static std::int64_t busy_since(const snapshot::LoopView& loop, const Pace& before,
                                 std::int64_t now);
  void add_loop(std::uint32_t number, double seconds);
  void add_task(std::uint32_t loop, const snapshot::TaskView& task, double seconds);
  void set_since(const snapshot::TaskView& task, TaskRow& row, bool advanced);
  void sweep();

  Source& source_;
  Sample sample_;
  Stacks stacks_;
  std::unordered_map<std::uint64_t, Stay> stays_;  // by task
  std::unordered_map<std::uint64_t, Pace> paces_;  // by loop
  std::uint64_t looks_ = 0;
  std::int64_t last_at_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace asyncio::dashboard
