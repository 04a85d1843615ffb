#pragma once

#include "dashboard/loop_watch.hpp"
#include "dashboard/source.hpp"
#include "snapshot/snapshot.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace asyncio::dashboard {

/// The process that this runs in, by the same reader as any other; here the steps of tasks are
/// counted, too.
class OwnProcess final : public Source {
 public:
  OwnProcess();
  ~OwnProcess() override;

  /// The dashboard's own loop, which is not shown.
  void hide(std::uint64_t loop) noexcept { hidden_ = loop; }

  [[nodiscard]] std::string title() const override;
  [[nodiscard]] snapshot::ProcessView look() override;
  void set_watched(bool on) override;
  void collect_counts(const snapshot::ProcessView& view) override;
  [[nodiscard]] const StepCount* count(std::uint64_t loop, std::uint64_t task) const override;
  [[nodiscard]] std::int64_t longest_step(std::uint64_t loop) const override;

 private:
  struct Total : StepCount {
    std::uint32_t order = 0;
    std::uint64_t look = 0;  ///< at which it was seen last
  };
  struct Counted {
    std::shared_ptr<LoopWatch> watch;
    std::unordered_map<std::uint64_t, Total> totals;  ///< of tasks that have made steps
    std::int64_t longest = 0;
    std::uint64_t look = 0;
  };

  void find_loops();
  void add(Counted& loop, const LoopWatch::Counts& counts) const;
  void sweep(Counted& loop, const snapshot::LoopView& view) const;

  snapshot::Program program_;
  std::map<std::uint64_t, Counted> loops_;  // by address; while somebody looks
  std::uint64_t hidden_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace asyncio::dashboard
