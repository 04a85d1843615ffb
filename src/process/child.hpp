#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/event.hpp>
#include <asyncio/subprocess.hpp>

#include "base/chain.hpp"
#include "io/owned_fd.hpp"
#include "loop/loop_state.hpp"

#include <optional>

namespace asyncio::detail {

/// Is told when a child has ended.
struct ChildObserver {
  /// In a turn of the loop. Throws: KeyboardInterrupt.
  virtual void exited() = 0;
  /// Instead: the loop closes before that.
  virtual void loop_closing() noexcept = 0;

 protected:
  ~ChildObserver() = default;
};

/// A child process, watched through a descriptor of its own (pidfd), so that a signal reaches it or
/// nobody, and no other child's end is taken.
///
/// Its life: running → its end was seen by the loop and it is reaped. While it runs the loop keeps
/// it, whoever else does; when nobody else does any more, `abandon` says what becomes of it.
///
/// Threads: the loop's.
class Child final : public Pooled, public ChainLink<Child> {
 public:
  /// Watches a child that has just been started. Throws: std::system_error, std::bad_alloc; the
  /// child is killed and reaped then.
  [[nodiscard]] static Ref<Child> watch(LoopState& loop, int pid, subprocess::Abandon abandon,
                                        Duration terminate_delay);

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  [[nodiscard]] int pid() const noexcept { return pid_; }
  [[nodiscard]] std::optional<int> returncode() const noexcept { return returncode_; }
  [[nodiscard]] bool is_running() const noexcept { return !returncode_; }
  /// Throws: std::system_error (no_such_process) when it has ended.
  void send_signal(int signal);
  void kill() noexcept;
  /// Nobody waits for it any more. Idempotent.
  void abandon() noexcept;
  /// The loop closes, and nobody is told: first this of all children, then that.
  void loop_will_close() noexcept;
  void loop_closing() noexcept;

  /// Set when it has ended.
  Event ended;
  /// Null: nobody.
  ChildObserver* observer = nullptr;

 private:
  struct Watch : Operation {
    Watch(Child& c, int pidfd) noexcept
        : Operation{Kind::watch_readable, pidfd, &Watch::on_ready}, child(c) {}
    static void on_ready(Operation& operation, int result) noexcept;
    Child& child;
  };
  struct Look : ReadyCall {
    explicit Look(Child& c) noexcept : ReadyCall{&Look::run}, child(c) {}
    static void run(ReadyCall& self, ReadyAction action);
    Child& child;
  };
  struct Deadline : Timer {
    explicit Deadline(Child& c) noexcept;
    static void passed(ReadyCall& self, ReadyAction action);
    Child& child;
  };

  Child(int pid, OwnedFd pidfd, subprocess::Abandon abandon, Duration terminate_delay);
  ~Child() = default;
  void begin(LoopState& loop);
  void push_look() noexcept;
  void look();
  void stop_watching() noexcept;
  [[nodiscard]] bool forked() const noexcept { return loop_ != nullptr && loop_->inherited(); }
  void signal(int number) noexcept;

  LoopState* loop_ = nullptr;  // while it is watched
  int pid_;
  OwnedFd pidfd_;
  std::optional<int> returncode_;
  subprocess::Abandon abandon_;
  Duration terminate_delay_;
  Watch watch_;
  Look look_{*this};
  Deadline deadline_{*this};
  unsigned users_ = 1;
  bool look_queued_ = false;
  bool abandoned_ = false;
};

}  // namespace asyncio::detail
