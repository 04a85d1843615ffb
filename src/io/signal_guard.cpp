#include "io/signal_guard.hpp"

#include "io/signal_table.hpp"

#include <pthread.h>
#include <signal.h>

namespace asyncio::detail {

/// What takes the signals and is posted to the loop. It may still be in the inbox when its guard
/// has gone: two owners, therefore.
struct SignalGuard::Note : InboxNode {
  struct Taker : SignalTaker {
    explicit Taker(Note& n) noexcept : note(n) { take = &Note::on_signal; }
    Note& note;
  };

  explicit Note(AnyTask& t) : task(&t), scheduler(&FutureAccess::state(t).scheduler()) {
    deliver = &Note::on_deliver;
  }
  static void on_signal(SignalTaker& taker, int signal) noexcept;
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
  Taker sigint{*this};
  Taker sigterm{*this};
};

// In signal context.
void SignalGuard::Note::on_signal(SignalTaker& taker, int signal) noexcept {
  Note& note = static_cast<Taker&>(taker).note;
  if (__atomic_exchange_n(&note.caught, signal, __ATOMIC_SEQ_CST) != 0) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);
    return;
  }
  note.owners.add();
  if (!note.scheduler->post(note)) (void)note.owners.drop();  // the guard has the other
}

namespace {

const SignalGuard::Note* active = nullptr;  // the main thread's

// A forked child is not the one that its parent's guard protects.
void watch_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { active = nullptr; });
  (void)registered;
}

}  // namespace

SignalGuard::SignalGuard(AnyTask& task, bool with_sigterm) {
  if (!on_main_thread() || active != nullptr) return;
  watch_forks();
  note_ = new Note(task);
  active = note_;
  (void)take_signal_last(SIGINT, note_->sigint);
  if (with_sigterm) (void)take_signal_last(SIGTERM, note_->sigterm);
}

SignalGuard::~SignalGuard() {
  if (note_ == nullptr) return;
  leave_signal(SIGINT, note_->sigint);
  leave_signal(SIGTERM, note_->sigterm);
  if (active == note_) active = nullptr;  // not in a forked child, which may have another
  note_->task = nullptr;
  note_->drop();
}

int SignalGuard::caught() const noexcept {
  return note_ == nullptr ? 0 : __atomic_load_n(&note_->caught, __ATOMIC_SEQ_CST);
}

bool SignalGuard::accepted() const noexcept { return note_ != nullptr && note_->accepted; }

}  // namespace asyncio::detail
