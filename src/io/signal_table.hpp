#pragma once

/// Who takes which signal of the process. One handler serves them all; whoever has come last takes
/// a signal, the others wait in a line behind.
///
/// A forked child has its signals as if nobody had ever taken one: it must not post to the loops of
/// its parent.
namespace asyncio::detail {

/// Somebody who takes a signal. It stays in place until leave_signal() has returned.
struct SignalTaker {
  /// In signal context, on any thread: atomics and Scheduler::post(), nothing else.
  void (*take)(SignalTaker& self, int signal) noexcept = nullptr;
  SignalTaker* next = nullptr;  ///< who has the signal back then; the table's own
};

/// Puts `taker` before all others.
///
/// Returns: 0, or errno: EINVAL for a signal that cannot be caught.
/// Throws: std::system_error if there is no memory to notice forks.
int take_signal(int signal, SignalTaker& taker);
/// Puts it behind all others, if the disposition was the default one before them.
bool take_signal_last(int signal, SignalTaker& taker);
/// Once it returns, `taker` is not called any more, and nobody is in it. The last one who leaves
/// brings the disposition back that was there before the first, unless somebody else has set
/// another meanwhile. Nothing if it is not there.
void leave_signal(int signal, SignalTaker& taker) noexcept;

[[nodiscard]] bool on_main_thread() noexcept;

}  // namespace asyncio::detail
