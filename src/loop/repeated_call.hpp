#pragma once

#include <asyncio/detail/handle_state.hpp>

namespace asyncio::detail {

/// A callback that is run again and again, at most once per iteration. It has a slot of the ready
/// queue from its beginning to its end, so push() cannot fail.
///
/// Lifetime: end() deletes it, at once or when its turn comes.
/// Threads: the loop's own.
class RepeatedCall : private ReadyCall {
 public:
  /// Throws: std::bad_alloc.
  RepeatedCall(Scheduler& scheduler, Ref<HandleState> handle);
  RepeatedCall(const RepeatedCall&) = delete;
  RepeatedCall& operator=(const RepeatedCall&) = delete;

  /// The handle that an entry of the ready queue will call, if it is such a one; else null.
  [[nodiscard]] static HandleState* handle_of(const ReadyEntry& entry) noexcept;

  void push() noexcept;
  /// Calls another one from now on, also in a turn that is queued already.
  void replace(Ref<HandleState> handle) noexcept;
  /// It is never called again. What it holds is destroyed now, unless it is running.
  void end() noexcept;

 protected:
  virtual ~RepeatedCall();

 private:
  static void run(ReadyCall& call, ReadyAction action);

  Scheduler& scheduler_;
  Ref<HandleState> handle_;
  bool queued_ = false;
  bool ended_ = false;
};

}  // namespace asyncio::detail
