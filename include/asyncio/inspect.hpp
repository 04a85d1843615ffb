#pragma once

#include <asyncio/task.hpp>
#include <asyncio/traceback.hpp>

#include <cstdio>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio {

/// A coroutine on the stack of a task, or the function from which the current task is looked at.
///
/// Python: asyncio.FrameCallGraphEntry, which has a frame object
struct FrameCallGraphEntry {
  enum class Kind : unsigned char { function, coroutine, async_generator };

  std::string function;
  std::string_view file;
  unsigned line = 0;  ///< of the await that it is in
  Kind kind = Kind::coroutine;
};

/// A task or future, the coroutines that it is in, and who waits for it.
///
/// Python: asyncio.FutureCallGraph
/// Lifetime: keeps the futures alive, and nothing of the frames.
class FutureCallGraph {
 public:
  /// Why some who wait are left out.
  enum class Cut : unsigned char {
    nothing,
    cycle,  ///< it waits, by way of others, for itself
    size    ///< the graph has too many levels or entries
  };

  explicit FutureCallGraph(FutureBase f) noexcept : future(std::move(f)) {}
  FutureCallGraph(FutureCallGraph&&) noexcept = default;
  FutureCallGraph& operator=(FutureCallGraph&&) noexcept = default;
  ~FutureCallGraph() = default;

  FutureBase future;
  std::vector<FrameCallGraphEntry> call_stack;  ///< innermost first; of a plain future empty
  std::vector<FutureCallGraph> awaited_by;      ///< a common ancestor stands in each place again
  Cut cut = Cut::nothing;
};

/// `depth`: from where the stack of the current task is shown: 1 is the caller, 2 what called or
/// awaited that. `limit`: at most so many entries of each stack, the innermost ones; the outermost
/// ones if it is negative; 0 is no stack at all.
struct CallGraphOptions {
  int depth = 1;
  std::optional<int> limit = std::nullopt;
};

/// Who waits for the current task, or for a future, and where each of them stands.
///
/// Python: asyncio.capture_call_graph
/// Returns: nothing in a callback, where no task runs.
/// Throws: RuntimeError if no loop runs on this thread and no future is given, or if the loop of
/// that runs on another one.
/// Cost: O(tasks of the loop); nothing is noted while nobody asks.
[[nodiscard]] std::optional<FutureCallGraph> capture_call_graph(
    CallGraphOptions options = {}, std::source_location where = std::source_location::current());
[[nodiscard]] FutureCallGraph capture_call_graph(
    const FutureBase& future, CallGraphOptions options = {},
    std::source_location where = std::source_location::current());

/// The same as text, "" if there is nothing:
///
///     * Task(name='fetch', id=0x7f3c5a0)
///       + Call stack:
///       |   File 'crawl.cpp', line 12, in async fetch()
///       + Awaited by:
///         * Task(name='main', id=0x7f3c4e0)
///           + Call stack:
///           |   File 'crawl.cpp', line 31, in async crawl()
///
/// Python: asyncio.format_call_graph
[[nodiscard]] std::string format_call_graph(
    CallGraphOptions options = {}, std::source_location where = std::source_location::current());
[[nodiscard]] std::string format_call_graph(
    const FutureBase& future, CallGraphOptions options = {},
    std::source_location where = std::source_location::current());
[[nodiscard]] std::string format_call_graph(const FutureCallGraph& graph);

/// For print_call_graph(): where it is written, null is standard output, and the others.
struct PrintCallGraphOptions {
  std::FILE* file = nullptr;
  int depth = 1;
  std::optional<int> limit = std::nullopt;
};

/// Writes format_call_graph() and a line break. Python: asyncio.print_call_graph
void print_call_graph(PrintCallGraphOptions options = {},
                      std::source_location where = std::source_location::current());
void print_call_graph(const FutureBase& future, PrintCallGraphOptions options = {},
                      std::source_location where = std::source_location::current());

/// Tells the call graph that `waiter` waits for `future` in a way of its own, such as a callback:
/// until it is discarded as often as it was added, or one of the two is done or gone. Keeps neither
/// alive. Does nothing if one of them is done already, its handle was moved from, or both are one.
///
/// Python: asyncio.future_add_to_awaited_by
/// Throws: std::invalid_argument if they belong to different loops.
/// Threads: the loop's.
void future_add_to_awaited_by(const FutureBase& future, const FutureBase& waiter);
/// Python: asyncio.future_discard_from_awaited_by
void future_discard_from_awaited_by(const FutureBase& future, const FutureBase& waiter) noexcept;

/// Tasks that can never go on, since each waits for the next one, or for a lock that it holds, and
/// the last for the first.
struct Deadlock {
  std::vector<AnyTask> tasks;
  /// "Task 'a' waits at bank.cpp:12 for a lock held by Task 'b', which waits at bank.cpp:20 for a
  /// lock held by Task 'a'"
  std::string text;
};

/// A deadlock among the tasks of the running loop: through tasks, gather, wait, shield, groups and
/// locks. An Event, a Queue and a plain Future may be served by anybody and are not followed; of
/// several things of which one is enough, all must be stuck. In debug mode the await that closes a
/// cycle is reported when it begins.
///
/// Throws: RuntimeError if no loop runs on this thread.
/// Cost: O(tasks).
[[nodiscard]] std::optional<Deadlock> find_deadlock();

}  // namespace asyncio
