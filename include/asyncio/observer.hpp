#pragma once

#include <asyncio/task.hpp>

#include <cstdint>
#include <source_location>
#include <string_view>

namespace asyncio {

class EventLoop;

/// Where a task waits, and for what.
struct Suspension {
  std::string_view what;          ///< "sleep()", "Lock.acquire()"
  std::source_location at;        ///< the innermost co_await
  std::source_location function;  ///< the coroutine that it is in, where that is defined
};

/// Is told what the tasks of a loop do: for spans in the style of OpenTelemetry, for counters, for
/// tests. EventLoop::add_observer() adds it.
///
/// A hook runs on the loop's thread, at the moment of what it tells, outside of any task (but for
/// created() and cancelled(), see there). It may do what a callback may: look at tasks, cancel
/// them, make new ones, set context variables, remove observers, itself too; it must not block.
/// What it throws goes to the loop's exception handler, never through the loop or the task.
///
/// A task's own context is the current one in step_begins(), suspended() and done(), so that what
/// created() has set in it is at hand there:
///
///     void created(const asyncio::AnyTask& task) override {
///       const Span span(parent_span.get());  // of the task that makes it
///       task.get_context().run([&] { current_span.set(span); });  // of the one that is made
///     }
///     void done(const asyncio::AnyTask&) override { current_span.get().end(); }
///
/// Cost: some 20 ns for each hook and task; nothing for a loop without observers.
class Observer {
 public:
  Observer() noexcept = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// It has not begun. current_task() and the current context are those of whoever makes it.
  virtual void created(const AnyTask& task) { (void)task; }
  virtual void step_begins(const AnyTask& task) { (void)task; }
  virtual void suspended(const AnyTask& task, const Suspension& where) {
    (void)task;
    (void)where;
  }
  /// It was asked to stop, by cancel() of itself or of what awaits it, in the context of whoever
  /// asks. It may go on nevertheless.
  virtual void cancelled(const AnyTask& task) { (void)task; }
  /// After its last step; before anybody who waits for it goes on. If task.done() is false, its
  /// loop is closed while it is pending.
  virtual void done(const AnyTask& task) { (void)task; }
};

}  // namespace asyncio
