#pragma once

#include <asyncio/concurrent_future.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>

#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

/// On its way from the thread that completes a concurrent future to a loop.
class WrapNote : InboxNode, ReadyCall {
 public:
  WrapNote(const WrapNote&) = delete;
  WrapNote& operator=(const WrapNote&) = delete;

  /// On any thread, once: it is the loop's from here on, or gone.
  void send() noexcept;
  virtual ~WrapNote();

 protected:
  explicit WrapNote(Scheduler& scheduler) noexcept;
  /// On the loop's thread.
  virtual void copy() = 0;

 private:
  static void deliver_it(InboxNode& self, ReadyAction action);
  static void run(ReadyCall& self, ReadyAction action);
  Scheduler& scheduler_;  // pinned
};

template <class T>
class WrapNoteOf final : public WrapNote {
 public:
  WrapNoteOf(Future<T> to, concurrent::Future<T> from)
      : WrapNote(FutureAccess::state(to).scheduler()), to_(std::move(to)), from_(std::move(from)) {}

 private:
  void copy() override {
    if (to_.done()) return;
    try {
      copy_pending();
    } catch (...) {
      to_.set_exception(std::current_exception());  // the value's copy has failed
    }
  }
  void copy_pending() {
    if (from_.cancelled()) {
      to_.cancel();
    } else if (std::exception_ptr error = from_.exception()) {
      to_.set_exception(std::move(error));
    } else if constexpr (std::is_void_v<T>) {
      to_.set_result();
    } else {
      to_.set_result(from_.result());
    }
  }
  Future<T> to_;
  concurrent::Future<T> from_;
};

/// The sender, in the concurrent future's list of callbacks.
class WrapCallback {
 public:
  explicit WrapCallback(WrapNote* note) noexcept : note_(note) {}
  WrapCallback(WrapCallback&& other) noexcept : note_(std::exchange(other.note_, nullptr)) {}
  WrapCallback& operator=(WrapCallback&&) = delete;
  ~WrapCallback() { delete note_; }
  void operator()() const noexcept {
    if (note_ != nullptr) std::exchange(note_, nullptr)->send();
  }

 private:
  mutable WrapNote* note_;
};

}  // namespace detail

/// What a thread works on, to be awaited: also what run_coroutine_threadsafe() gives, which makes
/// it the way to await a coroutine of another loop.
///
///     int value = co_await asyncio::wrap_future(promise.get_future());
///
/// Python: asyncio.wrap_future
/// Throws: RuntimeError if no loop runs on this thread and none is given.
/// Cancellation: of the future that it gives cancels `source`; the other way round, too.
/// Lifetime: what `source` ends with is dropped if the loop is closed by then.
/// Threads: the loop's; `source` is completed on any.
template <class T>
[[nodiscard]] Future<T> wrap_future(concurrent::Future<T> source,
                                    EventLoop& loop = get_running_loop()) {
  static_assert(detail::copyable<detail::NoneIfVoid<T>>,
                "wrap_future(): the concurrent future keeps its value, so T is copied; use "
                "run_in_executor() for values that can only be moved");
  Future<T> future(loop);
  detail::Scheduler& scheduler = detail::FutureAccess::state(future).scheduler();
  future.add_done_callback([source, &scheduler](const Future<T>& done) {
    --scheduler.outside_work;
    if (done.cancelled()) source.cancel();
  });
  ++scheduler.outside_work;  // a virtual clock must wait for it
  try {
    source.add_done_callback(detail::WrapCallback(new detail::WrapNoteOf<T>(future, source)));
  } catch (...) {
    future.cancel();
    throw;
  }
  return future;
}

/// A future of a loop is given back as it is.
template <class T>
[[nodiscard]] Future<T> wrap_future(Future<T> future) {
  return future;
}

}  // namespace asyncio
