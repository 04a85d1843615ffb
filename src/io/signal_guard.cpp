#include "io/signal_guard.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace asyncio::detail {

/// What the handler posts to the loop. It may still be in the inbox when its guard has gone: two
/// owners, therefore.
struct SignalGuard::Note : InboxNode {
  explicit Note(AnyTask& t) : task(&t), scheduler(&FutureAccess::state(t).scheduler()) {
    deliver = &Note::on_deliver;
  }
  static void on_deliver(InboxNode& self, ReadyAction action) {
    auto& note = static_cast<Note&>(self);
    note.scheduler->ready.unreserve();
    if (note.task != nullptr && action == ReadyAction::run) note.accepted = note.task->cancel();
    note.drop();
  }
  void drop() noexcept {
    if (owners.drop()) delete this;
  }

  SharedCount owners{1};
  AnyTask* task;  // null when the guard has gone; the loop's thread only
  Scheduler* scheduler;
  int caught = 0;  // atomic
  bool accepted = false;
  bool sigint = false;
  bool sigterm = false;
};

namespace {

SignalGuard::Note* active = nullptr;  // atomic; read by the handler
int handlers = 0;                     // that run just now, on whatever threads; atomic

// In signal context: atomics, the lock-free inbox and a write to an eventfd, nothing else.
void on_signal(int signal) {
  __atomic_add_fetch(&handlers, 1, __ATOMIC_SEQ_CST);
  if (SignalGuard::Note* note = __atomic_load_n(&active, __ATOMIC_SEQ_CST)) {
    if (__atomic_exchange_n(&note->caught, signal, __ATOMIC_SEQ_CST) != 0) {
      ::signal(signal, SIG_DFL);
      ::raise(signal);
    } else {
      note->owners.add();
      if (!note->scheduler->post(*note)) (void)note->owners.drop();  // the guard has the other
    }
  }
  __atomic_sub_fetch(&handlers, 1, __ATOMIC_SEQ_CST);
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

void uninstall(const SignalGuard::Note& note) noexcept {
  if (note.sigint) ::signal(SIGINT, SIG_DFL);
  if (note.sigterm) ::signal(SIGTERM, SIG_DFL);
}

// A forked child is not the one that its parent's guard protects.
void watch_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    if (const SignalGuard::Note* note = std::exchange(active, nullptr)) uninstall(*note);
    handlers = 0;
  });
  (void)registered;
}

}  // namespace

SignalGuard::SignalGuard(AnyTask& task, bool with_sigterm) {
  if (!on_main_thread() || active != nullptr) return;
  watch_forks();
  note_ = new Note(task);
  __atomic_store_n(&active, note_, __ATOMIC_SEQ_CST);
  note_->sigint = install(SIGINT);
  note_->sigterm = with_sigterm && install(SIGTERM);
}

SignalGuard::~SignalGuard() {
  if (note_ == nullptr) return;
  if (active == note_) {  // not in a forked child
    uninstall(*note_);
    __atomic_store_n(&active, static_cast<Note*>(nullptr), __ATOMIC_SEQ_CST);
  }
  while (__atomic_load_n(&handlers, __ATOMIC_SEQ_CST) != 0) ::sched_yield();
  note_->task = nullptr;
  note_->drop();
}

int SignalGuard::caught() const noexcept {
  return note_ == nullptr ? 0 : __atomic_load_n(&note_->caught, __ATOMIC_SEQ_CST);
}

bool SignalGuard::accepted() const noexcept { return note_ != nullptr && note_->accepted; }

}  // namespace asyncio::detail
