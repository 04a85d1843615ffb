#pragma once

#include "loop/loop_state.hpp"

namespace asyncio::testing::detail {

/// While it lives, the virtual loops that this thread makes get this probe.
class ProbeScope {
 public:
  explicit ProbeScope(asyncio::detail::LoopProbe* probe) noexcept;
  ProbeScope(const ProbeScope&) = delete;
  ProbeScope& operator=(const ProbeScope&) = delete;
  ~ProbeScope();

 private:
  asyncio::detail::LoopProbe* outer_;
};

}  // namespace asyncio::testing::detail
