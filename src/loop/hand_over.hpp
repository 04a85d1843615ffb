#pragma once

#include <asyncio/detail/future_state.hpp>

#include <cstddef>
#include <mutex>

namespace asyncio::detail {

class LoopState;

/// Futures whose last handle was dropped where they must not be destroyed: on a foreign thread, or
/// after the loop was closed. While the loop is open its thread destroys them. After that whoever
/// drops one does, but one thread at a time: what is in the list is destroyed by the thread that is
/// at it already.
class HandOver : private InboxNode {
 public:
  explicit HandOver(LoopState& loop) noexcept;

  void add(FutureState& state) noexcept;
  /// The LoopState stays until as many unpin().
  void pin() noexcept;
  void unpin() noexcept;
  /// The loop is closed: from now on nobody else will come for them.
  void close() noexcept;
  /// The EventLoop is gone: the LoopState is deleted with its last future, perhaps at once.
  void abandon() noexcept;

 private:
  static void deliver(InboxNode& self, ReadyAction action);
  void drain(std::unique_lock<std::mutex> lock) noexcept;

  LoopState& loop_;
  std::mutex mutex_;
  FutureState* first_ = nullptr;
  std::size_t pins_ = 0;
  bool posted_ = false;
  bool closed_ = false;
  bool draining_ = false;
  bool abandoned_ = false;
};

}  // namespace asyncio::detail
