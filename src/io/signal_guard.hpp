#pragma once

#include <asyncio/task.hpp>

namespace asyncio::detail {

/// While it lives, the first of its signals cancels a task; the next one gets its default
/// disposition back and kills the process, so that a stuck program can be stopped.
class SignalGuard {
 public:
  /// Installs nothing, silently, for a signal that somebody handles already, on another thread
  /// than the main one, or while another guard lives.
  SignalGuard(AnyTask& task, bool with_sigterm);
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard();

  /// The signal that came; 0: none.
  [[nodiscard]] int caught() const noexcept;
  /// True if the task took the cancellation: it was not done yet.
  [[nodiscard]] bool accepted() const noexcept;

  struct Note;

 private:
  Note* note_ = nullptr;
};

}  // namespace asyncio::detail
