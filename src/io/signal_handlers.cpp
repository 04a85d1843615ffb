#include "io/signal_handlers.hpp"

#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>

#include "io/signal_table.hpp"
#include "io/system.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace asyncio {
namespace detail {

// Posted from signal context, once until it is delivered. It may be in the inbox when it is
// removed; then deliver() deletes it.
struct SignalHandlers::Entry : SignalTaker, InboxNode {
  explicit Entry(LoopState& l) noexcept : loop(l) {
    take = &Entry::on_signal;
    deliver = &Entry::on_deliver;
  }

  static void on_signal(SignalTaker& taker, int) noexcept {
    auto& self = static_cast<Entry&>(taker);
    if (__atomic_exchange_n(&self.posted, true, __ATOMIC_SEQ_CST)) return;
    if (!self.loop.post(self)) __atomic_store_n(&self.posted, false, __ATOMIC_SEQ_CST);
  }

  static void on_deliver(InboxNode& node, ReadyAction action) {
    auto& self = static_cast<Entry&>(node);
    self.loop.ready.unreserve();  // the call has a slot of its own
    if (self.call == nullptr) {
      delete &self;
      return;
    }
    // Before the call: a signal from now on gives another one.
    __atomic_store_n(&self.posted, false, __ATOMIC_SEQ_CST);
    if (action == ReadyAction::run) self.call->push();
  }

  LoopState& loop;
  RepeatedCall* call = nullptr;  // null: removed
  bool posted = false;           // atomic
};

namespace {
struct SignalCall final : RepeatedCall {
  using RepeatedCall::RepeatedCall;
};
}  // namespace

SignalHandlers& SignalHandlers::of(LoopState& loop) {
  if (loop.signals == nullptr) loop.signals = std::make_unique<SignalHandlers>(loop);
  return static_cast<SignalHandlers&>(*loop.signals);
}

void SignalHandlers::take(int signal, Entry& entry) {
  const int error = take_signal(signal, entry);
  if (error == EINVAL) {
    throw_runtime_error(fmt::format(
        "add_signal_handler(): signal {} cannot be caught; handle one that asks instead "
        "of SIGKILL or SIGSTOP, such as SIGTERM or SIGTSTP",
        signal));
  }
  if (error != 0) sys::throw_errno(error, fmt::format("add_signal_handler(): signal {}", signal));
}

void SignalHandlers::add(int signal, Ref<HandleState> handle) {
  if (const auto at = entries_.find(signal); at != entries_.end()) {
    take(signal, *at->second);
    at->second->call->replace(std::move(handle));
    return;
  }
  auto entry = std::make_unique<Entry>(loop_);
  const auto at = entries_.emplace(signal, nullptr).first;
  try {
    entry->call = new SignalCall(loop_, std::move(handle));
    take(signal, *entry);
  } catch (...) {
    entries_.erase(at);
    if (entry->call != nullptr) entry->call->end();
    throw;
  }
  at->second = entry.release();
  ++loop_.outside_work;
}

bool SignalHandlers::remove(int signal) noexcept {
  const auto at = entries_.find(signal);
  if (at == entries_.end()) return false;
  Entry* entry = at->second;
  entries_.erase(at);
  leave_signal(signal, *entry);  // nobody posts it any more
  --loop_.outside_work;
  RepeatedCall* call = std::exchange(entry->call, nullptr);
  if (!entry->posted) delete entry;
  call->end();  // last: what the callback holds may add and remove as it goes
  return true;
}

void SignalHandlers::loop_closing() noexcept {
  while (!entries_.empty()) remove(entries_.begin()->first);
}

namespace {

void check_signal(const char* what, int signal) {
  sigset_t valid;
  ::sigfillset(&valid);  // without those that the C library keeps for itself
  if (::sigismember(&valid, signal) == 1) return;
  throw_invalid_argument(fmt::format(
      "{}: invalid signal number {}; signals are 1 to {}, but for some that the C library uses",
      what, signal, _NSIG - 1));
}

}  // namespace
}  // namespace detail

void EventLoop::handle_signal(int signal, detail::HandleState* handle) {
  auto owned = detail::Ref<detail::HandleState>::adopt(handle);
  constexpr const char* what = "add_signal_handler()";
  detail::check_signal(what, signal);
  state_->check_open(what);
  state_->check_not_inherited(what);
  if (!detail::on_main_thread() || (state_->running() && !state_->on_own_thread())) {
    detail::throw_runtime_error(fmt::format(
        "{}: handlers can be added on the main thread only, and not to a loop that runs on another "
        "one; add signal {} there before loop \"{}\" runs, or to the main thread's loop, and use "
        "call_soon_threadsafe()",
        what, signal, state_->name));
  }
  owned->attach(*state_, nullptr);
  detail::SignalHandlers::of(*state_).add(signal, std::move(owned));
}

bool EventLoop::remove_signal_handler(int signal) {
  constexpr const char* what = "remove_signal_handler()";
  detail::check_signal(what, signal);
  state_->check_thread(what);
  return state_->signals != nullptr && detail::SignalHandlers::of(*state_).remove(signal);
}

}  // namespace asyncio
