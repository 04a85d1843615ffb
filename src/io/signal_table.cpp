#include "io/signal_table.hpp"

#include "io/system.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

namespace asyncio::detail {
namespace {

struct Line {
  SignalTaker* first = nullptr;  // atomic: the handler reads it. Null: the signal is not ours
  struct sigaction before{};     // it
};

Line lines[_NSIG];
std::mutex changing;  // all but what the handler reads
int handlers = 0;     // that run just now, on whatever threads; atomic
pid_t owner = 0;      // the process that has filled the lines; atomic

void on_signal(int signal);

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &on_signal;
}

bool is_default(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

struct sigaction disposition_of(int signal) noexcept {
  struct sigaction now{};
  ::sigaction(signal, nullptr, &now);
  return now;
}

void give_back(int signal) noexcept {
  if (is_ours(disposition_of(signal))) ::sigaction(signal, &lines[signal].before, nullptr);
}

void on_signal(int signal) {
  const int saved = errno;
  if (::getpid() != __atomic_load_n(&owner, __ATOMIC_RELAXED)) {
    // A child that was forked a moment ago, or by other means than fork(): what would have happened
    // there without us happens as soon as this returns.
    give_back(signal);
    ::raise(signal);
  } else {
    __atomic_add_fetch(&handlers, 1, __ATOMIC_SEQ_CST);
    if (SignalTaker* taker = __atomic_load_n(&lines[signal].first, __ATOMIC_SEQ_CST)) {
      taker->take(*taker, signal);
    }
    __atomic_sub_fetch(&handlers, 1, __ATOMIC_SEQ_CST);
  }
  errno = saved;
}

void own() noexcept { __atomic_store_n(&owner, ::getpid(), __ATOMIC_RELAXED); }

void begin_as_forked_child() noexcept {
  for (int signal = 1; signal < _NSIG; ++signal) {
    if (lines[signal].first == nullptr) continue;
    give_back(signal);
    lines[signal].first = nullptr;
  }
  handlers = 0;
  own();
  changing.unlock();
}

void watch_forks() {
  static const int failed = [] {
    own();
    return ::pthread_atfork([] { changing.lock(); }, [] { changing.unlock(); },
                            &begin_as_forked_child);
  }();
  if (failed != 0) sys::throw_errno(failed, "pthread_atfork");
}

// Returns: 0 or errno.
int install(int signal) noexcept {
  struct sigaction ours{};
  ours.sa_handler = &on_signal;
  ours.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigemptyset(&ours.sa_mask);
  struct sigaction before{};
  if (::sigaction(signal, &ours, &before) != 0) return errno;
  if (!is_ours(before)) lines[signal].before = before;
  return 0;
}

void set_first(Line& line, SignalTaker* taker) noexcept {
  __atomic_store_n(&line.first, taker, __ATOMIC_SEQ_CST);
}

bool unlink(Line& line, const SignalTaker& taker) noexcept {
  if (line.first == &taker) {
    set_first(line, taker.next);
    return true;
  }
  for (SignalTaker* at = line.first; at != nullptr; at = at->next) {
    if (at->next != &taker) continue;
    at->next = taker.next;
    return true;
  }
  return false;
}

}  // namespace

int take_signal(int signal, SignalTaker& taker) {
  watch_forks();
  const std::lock_guard lock(changing);
  Line& line = lines[signal];
  if (line.first != &taker) {
    unlink(line, taker);
    taker.next = line.first;
    set_first(line, &taker);
  }
  const int error = install(signal);
  if (error != 0) unlink(line, taker);
  return error;
}

bool take_signal_last(int signal, SignalTaker& taker) {
  watch_forks();
  const std::lock_guard lock(changing);
  Line& line = lines[signal];
  const struct sigaction now = disposition_of(signal);
  if (!is_default(is_ours(now) ? line.before : now)) return false;
  taker.next = nullptr;
  if (line.first != nullptr) {
    SignalTaker* last = line.first;
    while (last->next != nullptr) last = last->next;
    last->next = &taker;
  } else {
    set_first(line, &taker);
  }
  if (is_ours(now) || install(signal) == 0) return true;
  unlink(line, taker);
  return false;
}

void leave_signal(int signal, SignalTaker& taker) noexcept {
  {
    const std::lock_guard lock(changing);
    Line& line = lines[signal];
    if (line.first == &taker && taker.next == nullptr) give_back(signal);
    if (!unlink(line, taker)) return;
  }
  while (__atomic_load_n(&handlers, __ATOMIC_SEQ_CST) != 0) ::sched_yield();
}

bool on_main_thread() noexcept { return ::syscall(SYS_gettid) == ::getpid(); }

}  // namespace asyncio::detail
