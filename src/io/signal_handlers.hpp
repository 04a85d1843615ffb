#pragma once

#include "loop/loop_state.hpp"

#include <map>

namespace asyncio::detail {

/// The callbacks of add_signal_handler(), by signal.
class SignalHandlers final : public LoopService {
 public:
  static SignalHandlers& of(LoopState& loop);
  explicit SignalHandlers(LoopState& loop) noexcept : loop_(loop) {}

  /// Replaces and cancels the one that was there. Throws: RuntimeError if it cannot be caught.
  void add(int signal, Ref<HandleState> handle);
  bool remove(int signal) noexcept;
  void loop_closing() noexcept override;

 private:
  struct Entry;
  static void take(int signal, Entry& entry);

  LoopState& loop_;
  std::map<int, Entry*> entries_;
};

}  // namespace asyncio::detail
