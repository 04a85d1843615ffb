#include "core/awaited.hpp"

#include <unordered_set>

namespace asyncio::detail {
namespace {

bool holds(const MemberTest& test, const Waiter& waiter, const void* holder) noexcept {
  const void* base = test.in_holder ? holder : &waiter;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, static_cast<const char*>(base) + test.offset, test.size);
  return (bytes == test.value) != test.other;
}

// What a future stands for, in order. A loop, since gathers of gathers may be a hundred thousand
// deep; each composite once, since they may share their parts.
class Parts {
 public:
  explicit Parts(Awaited& found) noexcept : found_(found) {}

  void add(FutureState* future) {
    take(future);
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.next == top.parts.count) {
        open_.pop_back();
        continue;
      }
      const auto* element = static_cast<const char*>(top.parts.first) + top.next++ * top.parts.step;
      take(member<FutureState*>(element, static_cast<Offset>(top.parts.future)));
    }
  }

 private:
  struct Open {
    PartsView parts;
    std::uint64_t next = 0;
  };

  void take(FutureState* future) {
    if (future == nullptr || future->done()) return;
    if (future->kind() != FutureState::Kind::composite) {
      found_.futures.push_back(future);
    } else if (seen_.insert(future).second) {
      found_.composites.push_back(future);
      open_.push_back({member<PartsView>(future, FutureRoute::of_futures.parts)});
    }
  }

  Awaited& found_;
  std::vector<Open> open_;
  std::unordered_set<const FutureState*> seen_;
};

void read_futures(const WaitRoute& route, const void* holder, Parts& parts) {
  switch (route.kind) {
    case WaitRoute::Kind::future:
      parts.add(static_cast<FutureState*>(const_cast<void*>(holder)));
      break;
    case WaitRoute::Kind::array: {
      const auto* last = member<const char*>(holder, route.last);
      for (const auto* at = member<const char*>(holder, route.first); at != last;
           at += route.step) {
        parts.add(member<FutureState*>(at, route.future));
      }
      break;
    }
    case WaitRoute::Kind::list:
      for (const auto* at = member<const void*>(holder, route.first); at != nullptr;
           at = member<const void*>(at, route.next)) {
        parts.add(member<FutureState*>(at, route.future));
      }
      break;
    case WaitRoute::Kind::line: break;
  }
}

std::uint64_t owner_of(const WaitRoute& route, const Waiter& waiter, const void* line) noexcept {
  if (route.owner == nullptr) return 0;
  if (route.owned.is_there() && !holds(route.owned, waiter, line)) return 0;
  if (!member<bool>(line, route.owner->locked)) return 0;
  return member<std::uint64_t>(line, route.owner->owner);
}

}  // namespace

void read_awaited(const TaskState& task, Awaited& awaited, WhichWaits which) {
  awaited.futures.clear();
  awaited.composites.clear();
  awaited = {.futures = std::move(awaited.futures), .composites = std::move(awaited.composites)};
  const Waiter* waiter = task.done() ? nullptr : task.waiting();
  const WaitRoute* route = waiter == nullptr ? nullptr : waiter->ops().route;
  if (route == nullptr) return;
  const auto* holder = member<const void*>(waiter, route->place);
  if (holder == nullptr) return;
  if (route->waits.is_there() && !holds(route->waits, *waiter, holder)) return;
  awaited.needs_all = route->for_all.is_there() ? holds(route->for_all, *waiter, holder)
                                                : route->needs == WaitRoute::Needs::all;
  awaited.ends_by_itself = route->alarm.is_there() && holds(route->alarm, *waiter, holder);
  if (route->kind == WaitRoute::Kind::line) {
    awaited.line = holder;
    awaited.owner = owner_of(*route, *waiter, holder);
    return;
  }
  if (which == WhichWaits::for_all && !awaited.needs_all) return;
  Parts parts(awaited);
  read_futures(*route, holder, parts);
}

TaskState* find_owner(const Scheduler& scheduler, std::uint64_t owner) noexcept {
  if (owner == 0) return nullptr;
  for (std::uint32_t slot = 0; TaskState* task = scheduler.registry.next(slot);) {
    if (owner_number(*task) == owner) return task;
  }
  return nullptr;
}

}  // namespace asyncio::detail
