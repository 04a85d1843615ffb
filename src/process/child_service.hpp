#pragma once

#include "base/chain.hpp"
#include "loop/loop_state.hpp"

namespace asyncio::detail {

class Child;

/// The children of a loop that run.
class ChildService final : public LoopService {
 public:
  /// Throws: std::bad_alloc, the first time.
  static ChildService& of(LoopState& loop);
  void loop_closing() noexcept override;
  void enter(Child& child) noexcept;
  void leave(Child& child) noexcept;

 private:
  Chain<Child> children_;
};

}  // namespace asyncio::detail
