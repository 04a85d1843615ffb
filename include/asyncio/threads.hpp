#pragma once

#include <asyncio/concurrent_future.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/executor.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

/// A call in the context of whoever made this.
template <class F, class... Args>
class ContextCall {
 public:
  template <class G, class... As>
  explicit ContextCall(G&& fn, As&&... args)
      : fn_(std::forward<G>(fn)), args_(std::forward<As>(args)...) {}
  void capture() { context_ = copy_context(); }
  std::invoke_result_t<F, Args...> operator()() {
    return context_.run([this]() -> std::invoke_result_t<F, Args...> {
      return std::apply(std::move(fn_), std::move(args_));
    });
  }

 private:
  F fn_;
  std::tuple<Args...> args_;
  Context context_;
};

template <class Call, class R>
Coro<R> run_on_thread(Call call) {
  call.capture();
  Future<R> done = get_running_loop().run_in_executor(nullptr, std::move(call));
  co_return co_await std::move(done);
}

}  // namespace detail

/// Calls `fn(args...)` on a thread of the default executor, in a copy of the caller's context.
/// Nothing starts before this is awaited. The arguments are decay-copied.
///
///     auto text = co_await asyncio::to_thread(read_file, path);
///
/// Python: asyncio.to_thread
/// Throws: what `fn` throws.
/// Cancellation: a job that is queued never runs; one that runs is left to finish, and what it
/// gives is dropped. run() waits for it at the end.
template <class F, class... Args>
  requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
[[nodiscard]] auto to_thread(F&& fn, Args&&... args) {
  ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
  using Call = detail::ContextCall<std::decay_t<F>, std::decay_t<Args>...>;
  using R = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  static_assert(!Awaitable<R>,
                "to_thread(): the function is called on a thread, so it must not be "
                "a coroutine; await it instead");
  return detail::run_on_thread<Call, R>(Call(std::forward<F>(fn), std::forward<Args>(args)...));
}

namespace detail {

inline constexpr const char* loop_closed_first =
    "run_coroutine_threadsafe(): the event loop was closed before the coroutine had ended; join "
    "the "
    "threads that wait before it is closed";

template <class T>
void complete_from(Task<T> task, concurrent::detail::StateOf<T>& state) {
  FutureState& source = FutureAccess::state(task);
  if (!source.has_value()) {
    state.fail(source.take_failure());
    return;
  }
  try {
    state.finish(UniqueFunction<void()>([&] {
      if constexpr (std::is_void_v<T>) {
        state.value.emplace();
      } else {
        state.value.emplace(std::move(value_of<T>(source)));
      }
    }));
  } catch (...) {
    state.fail(current_failure());
  }
}

}  // namespace detail

namespace detail {

/// Cancels a task from another thread, whether its loop is still there or not.
class CancelFromAnyThread {
 public:
  explicit CancelFromAnyThread(AnyTask task);
  CancelFromAnyThread(CancelFromAnyThread&& other) noexcept;
  CancelFromAnyThread& operator=(CancelFromAnyThread&&) = delete;
  ~CancelFromAnyThread();
  void operator()() const;

 private:
  struct Note;
  Scheduler* scheduler_;  // pinned
  AnyTask task_;
};

}  // namespace detail

/// Runs a coroutine on a loop of another thread.
///
/// Python: asyncio.run_coroutine_threadsafe
/// Returns: a future for this thread. cancel() cancels the task; a timeout of result() does not.
/// If the loop is closed first, it ends with a RuntimeError.
/// Throws: RuntimeError if the loop is closed; the coroutine is closed, then.
/// Threads: any but the loop's, where waiting for the result is refused.
template <class T>
concurrent::Future<T> run_coroutine_threadsafe(Coro<T> coro, EventLoop& loop) {
  auto* state = new concurrent::detail::StateOf<T>;
  concurrent::Future<T> future(state);
  state->set_loop(&detail::scheduler_of(loop));
  struct Start {
    EventLoop& loop;
    Coro<T> coro;
    concurrent::detail::Promise<T> promise;

    Start(EventLoop& l, Coro<T> c, concurrent::detail::Promise<T> p) noexcept
        : loop(l), coro(std::move(c)), promise(std::move(p)) {}
    Start(Start&&) noexcept = default;
    ~Start() { coro.close(); }

    void operator()() {
      concurrent::detail::StateOf<T>& s = promise.state();
      if (s.cancelled()) return;
      const detail::Ref<concurrent::detail::StateOf<T>> kept(&s);
      s.set_starting(true);
      try {
        start(s);
        s.set_starting(false);
      } catch (...) {
        s.set_starting(false);
        s.fail(detail::current_failure());
        throw;  // to the exception handler, too
      }
    }
    void start(concurrent::detail::StateOf<T>& s) {
      Task<T> task = loop.create_task(std::move(coro));
      try {
        s.set_canceller(detail::UniqueFunction<void()>(detail::CancelFromAnyThread(task)));
        task.add_done_callback([p = std::move(promise)](Task<T> done) {
          detail::complete_from(std::move(done), p.state());
        });
      } catch (...) {
        task.cancel();  // nobody would hear of its end
        throw;
      }
    }
  };
  loop.call_soon_threadsafe(Start(
      loop, std::move(coro), concurrent::detail::Promise<T>(state, detail::loop_closed_first)));
  return future;
}

/// The same for another awaitable of ours that is a coroutine in Python, such as sleep().
template <detail::Spawnable A>
auto run_coroutine_threadsafe(A awaitable, EventLoop& loop) {
  return run_coroutine_threadsafe(detail::await_as_coro<A>(std::move(awaitable)), loop);
}

}  // namespace asyncio
