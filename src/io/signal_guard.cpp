#include "io/signal_guard.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace asyncio::detail {
namespace {

// All that the handler touches. It has static storage, since a handler may still run on another
// thread, and the note may still be in a loop's inbox, when the guard has gone.
struct Shared {
  struct Note : InboxNode {
    Note() noexcept { deliver = &Shared::on_deliver; }
  } note;
  Scheduler* scheduler = nullptr;  // null: no guard lives
  AnyTask* task = nullptr;         // the loop's thread only
  int caught = 0;
  bool posted = false;
  int handlers = 0;  // that run just now, on whatever threads

  static void on_deliver(InboxNode& self, ReadyAction action);
};
Shared shared;

void Shared::on_deliver(InboxNode&, ReadyAction action) {
  __atomic_store_n(&shared.posted, false, __ATOMIC_SEQ_CST);
  if (AnyTask* task = shared.task) {
    FutureAccess::state(*task).scheduler().ready.unreserve();
    const bool came = __atomic_load_n(&shared.caught, __ATOMIC_SEQ_CST) != 0;
    if (action == ReadyAction::run && came) task->cancel();
  } else if (thread_state.scheduler != nullptr) {
    thread_state.scheduler->ready.unreserve();
  }
}

// In signal context: atomics, the lock-free inbox and a write to an eventfd, nothing else.
void on_signal(int signal) {
  __atomic_add_fetch(&shared.handlers, 1, __ATOMIC_SEQ_CST);
  if (Scheduler* scheduler = __atomic_load_n(&shared.scheduler, __ATOMIC_SEQ_CST)) {
    if (__atomic_exchange_n(&shared.caught, signal, __ATOMIC_SEQ_CST) != 0) {
      ::signal(signal, SIG_DFL);
      ::raise(signal);
    } else if (!__atomic_exchange_n(&shared.posted, true, __ATOMIC_SEQ_CST)) {
      (void)scheduler->post(shared.note);
    }
  }
  __atomic_sub_fetch(&shared.handlers, 1, __ATOMIC_SEQ_CST);
}

bool on_main_thread() noexcept { return ::syscall(SYS_gettid) == ::getpid(); }

bool install(int signal) noexcept {
  struct sigaction now{};
  if (::sigaction(signal, nullptr, &now) != 0) return false;
  if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL) return false;
  struct sigaction ours{};
  ours.sa_handler = &on_signal;
  ours.sa_flags = SA_RESTART;
  sigemptyset(&ours.sa_mask);
  return ::sigaction(signal, &ours, nullptr) == 0;
}

}  // namespace

SignalGuard::SignalGuard(AnyTask& task, bool with_sigterm) {
  if (!on_main_thread() || shared.scheduler != nullptr) return;
  active_ = true;
  shared.task = &task;
  __atomic_store_n(&shared.caught, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&shared.scheduler, &FutureAccess::state(task).scheduler(), __ATOMIC_SEQ_CST);
  sigint_ = install(SIGINT);
  sigterm_ = with_sigterm && install(SIGTERM);
}

SignalGuard::~SignalGuard() {
  if (!active_) return;
  if (sigint_) ::signal(SIGINT, SIG_DFL);
  if (sigterm_) ::signal(SIGTERM, SIG_DFL);
  __atomic_store_n(&shared.scheduler, static_cast<Scheduler*>(nullptr), __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&shared.handlers, __ATOMIC_SEQ_CST) != 0) ::sched_yield();
  shared.task = nullptr;
}

int SignalGuard::caught() const noexcept {
  return active_ ? __atomic_load_n(&shared.caught, __ATOMIC_SEQ_CST) : 0;
}

}  // namespace asyncio::detail
