#include <asyncio/detail/generator.hpp>
#include <asyncio/inspect.hpp>

#include "base/text.hpp"
#include "core/awaited.hpp"
#include "inspect/awaited_by.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <unordered_map>
#include <unordered_set>

namespace asyncio {
namespace detail {
namespace {

using Kind = FrameCallGraphEntry::Kind;
using Futures = std::vector<FutureState*>;

// As deep as Python's recursion goes; and what shares its ancestors may unfold without limit.
constexpr std::size_t most_levels = 1000;
constexpr std::size_t most_entries = 100'000;

// --- who waits for whom -------------------------------------------------------------------------

/// The waits of a loop, turned round.
class Awaiters {
 public:
  explicit Awaiters(const Scheduler& loop) {
    Awaited awaited;
    for (TaskState* task : loop.registry.all()) {
      read_awaited(*task, awaited);
      for (const FutureState* future : awaited.futures) add(*future, *task);
      for (const FutureState* future : awaited.composites) add(*future, *task);
    }
    const AwaitedByEdge* edge = AwaitedByEdge::first(loop);
    for (; edge != nullptr; edge = edge->next()) add(edge->future(), edge->waiter());
  }

  /// In the order of their creation, then those that were told.
  [[nodiscard]] Futures of(const FutureState& future) const {
    const auto at = awaiters_.find(&future);
    Futures found = at == awaiters_.end() ? Futures() : at->second;
    if (TaskState* parent = group_parent(future)) found.push_back(parent);
    std::unordered_set<const FutureState*> seen;
    std::erase_if(found, [&seen](const FutureState* f) { return !seen.insert(f).second; });
    return found;
  }

 private:
  void add(const FutureState& future, FutureState& awaiter) {
    awaiters_[&future].push_back(&awaiter);
  }

  // Of the group that the task belongs to, wherever that stands: as Python has it.
  static TaskState* group_parent(const FutureState& future) noexcept {
    const GroupRoute& route = GroupRoute::of_task_groups;
    if (future.done()) return nullptr;
    const auto* head = reinterpret_cast<const char*>(&future) + route.callbacks;
    for (const char* node = head;
         (node = member<const char*>(node, offsetof(WaitLink, next))) != head;) {
      const auto entry = member<ReadyEntry>(node, route.entry);
      if (entry.is_task() || member<ReadyCall::Fn>(node, route.function) != route.done) continue;
      const auto* group = member<const void*>(node, route.group);
      if (group != nullptr) return member<TaskState*>(group, route.parent);
    }
    return nullptr;
  }

  std::unordered_map<const FutureState*, Futures> awaiters_;
};

// --- stacks -------------------------------------------------------------------------------------

using Frames = std::vector<FrameCallGraphEntry>;

std::unordered_set<const PromiseBase*> generators_of(const Scheduler& loop) {
  std::unordered_set<const PromiseBase*> found;
  for (GeneratorLink* at = loop.generators.next; at != &loop.generators; at = at->next) {
    found.insert(static_cast<GeneratorPromiseBase*>(at));
  }
  return found;
}

Frames frames_of(const TaskState& task) {
  const auto generators = generators_of(task.scheduler());
  Frames frames;
  for (const PromiseBase* p = task.top(); p != nullptr;
       p = p->owner == nullptr ? nullptr : p->owner->parent) {
    const std::source_location at = p->location.line() != 0 ? p->location : p->function;
    frames.push_back({.function = function_name(p->function),
                      .file = at.file_name(),
                      .line = at.line(),
                      .kind = generators.contains(p) ? Kind::async_generator : Kind::coroutine});
  }
  return frames;
}

// The current task stands where it calls, or in a function that does.
void put_caller(Frames& frames, std::source_location where) {
  const std::string function = function_name(where);
  if (!frames.empty() && frames.front().function == function) {
    frames.front().file = where.file_name();
    frames.front().line = where.line();
    return;
  }
  frames.insert(frames.begin(), {.function = function,
                                 .file = where.file_name(),
                                 .line = where.line(),
                                 .kind = Kind::function});
}

void keep(Frames& frames, int limit) {
  const auto size = static_cast<std::ptrdiff_t>(frames.size());
  const std::ptrdiff_t kept = std::min(size, std::abs(std::ptrdiff_t{limit}));
  if (limit < 0) {
    frames.erase(frames.begin(), frames.end() - kept);
  } else {
    frames.erase(frames.begin() + kept, frames.end());
  }
}

Frames stack_of(const FutureState& future, const CallGraphOptions& options,
                std::source_location where) {
  if (future.kind() != FutureState::Kind::task || options.limit == 0) return {};
  const auto& task = static_cast<const TaskState&>(future);
  Frames frames = frames_of(task);
  if (&task == running_task()) {
    put_caller(frames, where);
    const std::ptrdiff_t skipped = std::max(options.depth - 1, 0);
    frames.erase(frames.begin(),
                 frames.begin() + std::min(skipped, static_cast<std::ptrdiff_t>(frames.size())));
  }
  if (options.limit) keep(frames, *options.limit);
  return frames;
}

// --- the graph ----------------------------------------------------------------------------------

FutureBase handle_of(FutureState& state) { return FutureBase(Ref<FutureState>(&state)); }

/// Unfolds who waits for a future, to the last one: depth first, without recursion.
class Unfolding {
 public:
  Unfolding(const CallGraphOptions& options, std::source_location where, const Scheduler& loop)
      : options_(options), where_(where), awaiters_(loop) {}

  FutureCallGraph run(FutureState& root) {
    FutureCallGraph graph(handle_of(root));
    open(graph);
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.next == top.awaiters.size()) {
        on_the_way_.erase(&FutureAccess::state(top.graph->future));
        open_.pop_back();
        continue;
      }
      // Room for all was made, so that they stay in place.
      open(top.graph->awaited_by.emplace_back(handle_of(*top.awaiters[top.next++])));
    }
    return graph;
  }

 private:
  struct Open {
    FutureCallGraph* graph;
    Futures awaiters;
    std::size_t next = 0;
  };

  void open(FutureCallGraph& graph) {
    FutureState& state = FutureAccess::state(graph.future);
    ++entries_;
    graph.call_stack = stack_of(state, options_, where_);
    Futures awaiters = awaiters_.of(state);
    if (awaiters.empty()) return;
    if (!on_the_way_.insert(&state).second) {
      graph.cut = FutureCallGraph::Cut::cycle;
    } else if (open_.size() + 1 >= most_levels || entries_ + awaiters.size() > most_entries) {
      on_the_way_.erase(&state);
      graph.cut = FutureCallGraph::Cut::size;
    } else {
      graph.awaited_by.reserve(awaiters.size());
      open_.push_back({&graph, std::move(awaiters)});
    }
  }

  CallGraphOptions options_;
  std::source_location where_;
  Awaiters awaiters_;
  std::vector<Open> open_;
  std::unordered_set<const FutureState*> on_the_way_;
  std::size_t entries_ = 0;
};

}  // namespace
}  // namespace detail

FutureCallGraph capture_call_graph(const FutureBase& future, CallGraphOptions options,
                                   std::source_location where) {
  detail::FutureState& state = detail::FutureAccess::state(future);
  state.scheduler().check_thread("capture_call_graph()");
  return detail::Unfolding(options, where, state.scheduler()).run(state);
}

std::optional<FutureCallGraph> capture_call_graph(CallGraphOptions options,
                                                  std::source_location where) {
  (void)detail::running_scheduler("capture_call_graph()");
  const std::optional<AnyTask> task = current_task();
  if (!task) return std::nullopt;
  return capture_call_graph(*task, options, where);
}

}  // namespace asyncio
