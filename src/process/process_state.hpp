#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/subprocess.hpp>

#include "process/child.hpp"
#include "process/spawn_plan.hpp"

#include <string>

namespace asyncio::detail {

/// What the handles of a Process share.
class ProcessState {
 public:
  /// Starts it. Throws: as SpawnPlan::start() and Child::watch().
  [[nodiscard]] static subprocess::Process start(LoopState& loop, const SpawnPlan& plan);

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  [[nodiscard]] Child& child() const noexcept { return *child_; }
  [[nodiscard]] Coro<int> wait();
  [[nodiscard]] Coro<subprocess::Output> communicate(std::string input);

 private:
  friend class subprocess::Process;
  ProcessState(Ref<Child> child, bool abandon_at_once) noexcept
      : child_(std::move(child)), abandon_at_once_(abandon_at_once) {}
  ~ProcessState();
  Ref<Child> child_;
  std::optional<asyncio::Connection> streams_[3];  // one way each
  unsigned users_ = 1;
  bool abandon_at_once_;
};

}  // namespace asyncio::detail
