#pragma once

#include "snapshot/view.hpp"

#include <cstdint>
#include <string>

namespace asyncio::dashboard {

/// What a task has done since somebody began to look.
struct StepCount {
  std::uint64_t steps = 0;
  std::int64_t cpu = 0;   ///< ns
  bool advanced = false;  ///< since the look before this one
};

/// The process that a dashboard looks at. All calls come from the dashboard's thread.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// Of the page: "worker --port 80".
  [[nodiscard]] virtual std::string title() const = 0;
  /// Throws: std::runtime_error with what to tell the user, if it cannot be read.
  [[nodiscard]] virtual snapshot::ProcessView look() = 0;

  /// Somebody looks from now on, or nobody does.
  virtual void set_watched(bool /*on*/) {}
  /// Called before the counts of a look are asked for.
  virtual void collect_counts(const snapshot::ProcessView& /*view*/) {}
  /// Of a task of a loop; null: not known.
  [[nodiscard]] virtual const StepCount* count(std::uint64_t /*loop*/,
                                               std::uint64_t /*task*/) const {
    return nullptr;
  }
  /// The longest step of a loop between two looks, in ns; 0: not known.
  [[nodiscard]] virtual std::int64_t longest_step(std::uint64_t /*loop*/) const { return 0; }
};

}  // namespace asyncio::dashboard
