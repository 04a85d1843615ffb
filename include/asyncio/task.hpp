#pragma once

#include <asyncio/context.hpp>
#include <asyncio/detail/spawn.hpp>
#include <asyncio/future.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

/// One coroutine of a suspended task: where it is defined and where it awaits.
struct StackFrame {
  std::string function;
  std::string_view file;
  unsigned line;
};

namespace detail {

/// What a handle can do with a task, whatever the type of its result.
template <class Derived>
class TaskMethods {
 public:
  /// "Task-N", N counting over the process, unless it was given one.
  [[nodiscard]] std::string get_name() const { return task().name(); }
  void set_name(std::string_view name) const { task().set_name(name); }

  /// How often cancel() was called, minus uncancel().
  [[nodiscard]] std::uint32_t cancelling() const { return task().cancelling(); }
  /// Takes one cancel() back: to be called by whoever called it and has absorbed the
  /// CancelledError. A request that was not delivered yet is withdrawn when none is left.
  ///
  /// Returns: how many are left.
  std::uint32_t uncancel() const { return task().uncancel(); }

  /// The coroutines it is in, outermost first; of a task that failed, those that the error came
  /// through; else empty when it is done. A limit keeps the innermost ones, and of an error's the
  /// outermost.
  ///
  /// Python: gives the innermost frame only.
  [[nodiscard]] std::vector<StackFrame> get_stack(std::optional<std::size_t> limit = {}) const {
    return stack_of(task(), limit);
  }
  /// "Stack for <Task ...> (most recent call last):" and the lines of each frame, to standard
  /// error; "Traceback for ..." with the error's text if it failed.
  void print_stack(std::optional<std::size_t> limit = {}) const { print_stack_of(task(), limit); }
  [[nodiscard]] std::string format_stack(std::optional<std::size_t> limit = {}) const {
    return format_stack_of(task(), limit);
  }
  /// The context in which its steps run.
  [[nodiscard]] Context get_context() const { return context_of(task()); }

 private:
  [[nodiscard]] TaskState& task() const {
    return static_cast<TaskState&>(
        FutureAccess::state(static_cast<const FutureBase&>(static_cast<const Derived&>(*this))));
  }
  static std::vector<StackFrame> stack_of(TaskState&, std::optional<std::size_t> limit);
  static std::string format_stack_of(TaskState&, std::optional<std::size_t> limit);
  static void print_stack_of(TaskState&, std::optional<std::size_t> limit);
  static Context context_of(TaskState&);
};

std::vector<StackFrame> task_stack(TaskState& task, std::optional<std::size_t> limit);
std::string format_task_stack(TaskState& task, std::optional<std::size_t> limit);
void print_task_stack(TaskState& task, std::optional<std::size_t> limit);
Context task_context(TaskState& task);

template <class D>
std::vector<StackFrame> TaskMethods<D>::stack_of(TaskState& t, std::optional<std::size_t> limit) {
  return task_stack(t, limit);
}
template <class D>
std::string TaskMethods<D>::format_stack_of(TaskState& t, std::optional<std::size_t> limit) {
  return format_task_stack(t, limit);
}
template <class D>
void TaskMethods<D>::print_stack_of(TaskState& t, std::optional<std::size_t> limit) {
  print_task_stack(t, limit);
}
template <class D>
Context TaskMethods<D>::context_of(TaskState& t) {
  return task_context(t);
}

}  // namespace detail

/// A coroutine that the loop runs: a Future whose result is what the coroutine returns.
/// The loop keeps it alive until it is done, whether anybody holds a handle or not.
///
/// Python: asyncio.Task, of which the loop holds only a weak reference
template <class T = void>
class Task : public Future<T>, public detail::TaskMethods<Task<T>> {
 public:
  template <class F>
  CallbackId add_done_callback(F&& fn) const {
    return detail::add_done_callback<Task>(this->state(), std::forward<F>(fn));
  }
  void set_result(auto&&...) const = delete;     // only its coroutine ends a task
  void set_exception(auto&&...) const = delete;  // only its coroutine ends a task

  explicit Task(detail::Ref<detail::FutureState> state) noexcept : Future<T>(std::move(state)) {}
};

/// A handle to a Task of any type. Awaiting it gives nothing, or throws its error.
class AnyTask : public FutureBase, public detail::TaskMethods<AnyTask> {
 public:
  template <class T>
  AnyTask(const Task<T>& task) noexcept  // NOLINT(google-explicit-constructor): a Task is one
      : FutureBase(task) {}
  template <class F>
  CallbackId add_done_callback(F&& fn) const {
    return detail::add_done_callback<AnyTask>(state(), std::forward<F>(fn));
  }

  explicit AnyTask(detail::Ref<detail::FutureState> state) noexcept
      : FutureBase(std::move(state)) {}
};

/// Makes a coroutine a task of the running loop; its first step runs in the next pass.
///
///     auto task = asyncio::create_task(fetch(url), {.name = "fetch"});
///
/// Python: asyncio.create_task
/// Throws: RuntimeError if no loop runs on this thread; the coroutine is closed then.
template <class T>
Task<T> create_task(Coro<T> coro, TaskOptions options = {},
                    std::source_location where = std::source_location::current()) {
  detail::Scheduler& loop = detail::running_scheduler_for(coro, "create_task()");
  return detail::spawn<T>(loop, std::move(coro), options, where);
}

/// The same for another awaitable of ours that is a coroutine in Python, such as sleep().
template <detail::Spawnable A>
auto create_task(A awaitable, TaskOptions options = {},
                 std::source_location where = std::source_location::current()) {
  return create_task(detail::await_as_coro<A>(std::move(awaitable)), options, where);
}

/// Calls `fn` and makes the coroutine that it returns a task. The callable is kept while that
/// runs: the safe way to start a lambda with captures.
template <detail::CoroFunction F>
auto create_task(F&& fn, TaskOptions options = {},
                 std::source_location where = std::source_location::current()) {
  return detail::spawn_call(detail::running_scheduler("create_task()"), options, where,
                            std::forward<F>(fn));
}

/// Calls `fn(args...)` with copies of the arguments that live as long as the coroutine.
template <class F, class... Args>
  requires(sizeof...(Args) > 0 && detail::CoroFunction<F, Args...>)
auto create_task(F&& fn, Args&&... args) {
  return detail::spawn_call(detail::running_scheduler("create_task()"), TaskOptions{},
                            std::source_location(), std::forward<F>(fn),
                            std::forward<Args>(args)...);
}
template <class F, class... Args>
  requires detail::CoroFunction<F, Args...>
auto create_task(TaskOptions options, F&& fn, Args&&... args) {
  return detail::spawn_call(detail::running_scheduler("create_task()"), options,
                            std::source_location(), std::forward<F>(fn),
                            std::forward<Args>(args)...);
}

/// The task whose step runs; nothing in a callback.
///
/// Throws: RuntimeError if no loop runs on this thread.
[[nodiscard]] std::optional<AnyTask> current_task();
/// The task that this loop is running just now.
[[nodiscard]] std::optional<AnyTask> current_task(EventLoop& loop);

/// Every task of the running loop that is not done, in the order of their creation.
[[nodiscard]] std::vector<AnyTask> all_tasks();
[[nodiscard]] std::vector<AnyTask> all_tasks(EventLoop& loop);

/// A future as it is; anything else awaitable as a new task.
///
/// Python: asyncio.ensure_future
template <Awaitable A>
auto ensure_future(A&& awaitable, std::source_location where = std::source_location::current()) {
  if constexpr (detail::is_future<A>) {
    return std::remove_cvref_t<A>(std::forward<A>(awaitable));
  } else if constexpr (detail::is_coro<std::remove_cvref_t<A>>) {
    return create_task(std::forward<A>(awaitable), {}, where);
  } else {
    return create_task(detail::await_as_coro<std::decay_t<A>>(std::forward<A>(awaitable)), {},
                       where);
  }
}

namespace detail {

template <class T>
Task<T> spawn(Scheduler& scheduler, Coro<T>&& coro, const TaskOptions& options,
              std::source_location where, Keeper* keeper) {
  auto* state = new_task<T>(scheduler, where, coro, keeper);
  Task<T> task{Ref<FutureState>(state)};
  PromiseBase* root = CoroAccess::release(coro);
  state->start(*root, options, keeper);
  return task;
}

/// create_task() in all its forms, for a class that has `spawn_place()`, which gives what
/// has the `scheduler` to spawn on, and `spawned(place, task)`.
template <class Derived>
class CreatesTasks {
 public:
  template <class T>
  Task<T> create_task(Coro<T> coro, TaskOptions options = {},
                      std::source_location where = std::source_location::current()) {
    auto place = place_for(coro);
    return made(place, spawn<T>(place.scheduler, std::move(coro), options, where));
  }
  template <Spawnable A>
  auto create_task(A awaitable, TaskOptions options = {},
                   std::source_location where = std::source_location::current()) {
    return create_task(await_as_coro<A>(std::move(awaitable)), options, where);
  }
  template <CoroFunction F>
  auto create_task(F&& fn, TaskOptions options = {},
                   std::source_location where = std::source_location::current()) {
    auto place = derived().spawn_place();
    return made(place, spawn_call(place.scheduler, options, where, std::forward<F>(fn)));
  }
  template <class F, class... Args>
    requires(sizeof...(Args) > 0 && CoroFunction<F, Args...>)
  auto create_task(F&& fn, Args&&... args) {
    auto place = derived().spawn_place();
    return made(place, spawn_call(place.scheduler, TaskOptions{}, std::source_location(),
                                  std::forward<F>(fn), std::forward<Args>(args)...));
  }
  template <class F, class... Args>
    requires CoroFunction<F, Args...>
  auto create_task(TaskOptions options, F&& fn, Args&&... args) {
    auto place = derived().spawn_place();
    return made(place, spawn_call(place.scheduler, options, std::source_location(),
                                  std::forward<F>(fn), std::forward<Args>(args)...));
  }

 private:
  [[nodiscard]] Derived& derived() noexcept { return static_cast<Derived&>(*this); }
  template <class T>
  [[nodiscard]] auto place_for(Coro<T>& coro) {
    try {
      return derived().spawn_place();
    } catch (...) {
      coro.close();  // refused, not forgotten: no report that it was never awaited
      throw;
    }
  }
  template <class Place, class T>
  Task<T> made(Place& place, Task<T> task) {
    derived().spawned(place, FutureAccess::state(task));
    return task;
  }
};

template <class F, class... Args>
auto spawn_call(Scheduler& scheduler, const TaskOptions& options, std::source_location where,
                F&& fn, Args&&... args) {
  using Kept = KeptCall<std::decay_t<F>, std::decay_t<Args>...>;
  auto* kept = new Kept(std::forward<F>(fn), std::forward<Args>(args)...);
  KeeperOwner owner{kept};
  auto coro = to_coro(kept->call());
  using T = typename decltype(coro)::value_type;
  return spawn<T>(scheduler, std::move(coro), options, where, owner.release());
}

}  // namespace detail

}  // namespace asyncio

template <class T>
struct std::hash<asyncio::Task<T>> : std::hash<asyncio::FutureBase> {};
template <>
struct std::hash<asyncio::AnyTask> : std::hash<asyncio::FutureBase> {};
