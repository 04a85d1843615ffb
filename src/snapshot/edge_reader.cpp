#include "snapshot/edge_reader.hpp"

#include "snapshot/bytes.hpp"
#include "snapshot/pieces.hpp"

#include <algorithm>
#include <unordered_set>

namespace asyncio::snapshot {
namespace {

using detail::MemberTest;
using detail::WaitRoute;
using Kind = WaitRoute::Kind;

constexpr std::size_t most_edges = std::size_t{1} << 24;
constexpr std::uint64_t most_elements = std::uint64_t{1} << 22;
constexpr std::uint64_t most_listed = 10'000;  // one by one; more children of a group tell of it
constexpr std::uint64_t largest_step = 4096;
constexpr int deepest = 100;        // gathers within gathers
constexpr int most_callbacks = 64;  // of one task

std::uint64_t moved(std::uint64_t address, detail::Offset offset) noexcept {
  return address + static_cast<std::uint64_t>(std::int64_t{offset});
}

bool is_met(const MemberTest& test, std::uint64_t bytes) noexcept {
  const std::uint64_t mask =
      test.size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * test.size) - 1;
  return ((bytes & mask) == test.value) != test.other;
}

}  // namespace

EdgeReader::EdgeReader(Memory& memory, const detail::Layout& layout)
    : memory_(memory), layout_(layout) {
  const auto route = reinterpret_cast<std::uint64_t>(layout.group);
  has_groups_ = memory.in_file(route) && memory.read(route, group_);
}

bool EdgeReader::room() const noexcept { return edges_.size() < most_edges; }

void EdgeReader::follow(std::span<const RoutedWait> waits) {
  const std::vector<Held> held = still_waiting(holders(waits));
  add_lines(held);
  for (const Held& one : held) {
    switch (one.first.route->kind) {
      case Kind::future:
        if (room()) edges_.push_back({one.first.task, one.second});
        break;
      case Kind::array: add_array(one); break;
      case Kind::list: add_list(one); break;
      case Kind::line: break;
    }
  }
}

void EdgeReader::forget(std::span<const std::uint64_t> tasks, std::size_t kept) {
  if (tasks.empty()) return;
  const std::unordered_set<std::uint64_t> torn(tasks.begin(), tasks.end());
  const auto begin = edges_.begin() + static_cast<std::ptrdiff_t>(kept);
  edges_.erase(std::remove_if(begin, edges_.end(),
                              [&torn](const Edge& edge) { return torn.contains(edge.task); }),
               edges_.end());
  for (const std::uint64_t task : tasks) lines_.erase(task);
}

std::vector<EdgeReader::Held> EdgeReader::holders(std::span<const RoutedWait> waits) {
  Pieces pointers(waits.size(), sizeof(std::uint64_t));
  for (const RoutedWait& wait : waits) pointers.add(moved(wait.waiter, wait.route->place));
  pointers.read(memory_);
  std::vector<Held> held;
  held.reserve(waits.size());
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const auto holder = pointers.get<std::uint64_t>(i, 0);
    if (may_be_object(holder)) held.emplace_back(waits[i], holder);
  }
  return held;
}

std::vector<EdgeReader::Held> EdgeReader::still_waiting(std::vector<Held> held) {
  Pieces bytes(held.size(), sizeof(std::uint64_t));
  for (const auto& [wait, holder] : held) {
    const MemberTest& test = wait.route->waits;
    // Without a test any bytes will do.
    bytes.add(test.is_there() ? moved(test.in_holder ? holder : wait.waiter, test.offset) : holder);
  }
  bytes.read(memory_);
  std::vector<Held> waiting;
  waiting.reserve(held.size());
  for (std::size_t i = 0; i < held.size(); ++i) {
    const MemberTest& test = held[i].first.route->waits;
    if (!test.is_there() || is_met(test, bytes.get<std::uint64_t>(i, 0))) {
      waiting.push_back(held[i]);
    }
  }
  return waiting;
}

bool EdgeReader::holds(const Held& held, const MemberTest& test) {
  if (!test.is_there()) return true;
  std::uint64_t bytes = 0;
  memory_.read(moved(test.in_holder ? held.second : held.first.waiter, test.offset), bytes);
  return is_met(test, bytes);
}

void EdgeReader::add_lines(std::span<const Held> held) {
  // All that wait for one lock give one answer.
  std::unordered_map<std::uint64_t, std::uint64_t> owners;
  for (const Held& one : held) {
    const WaitRoute& route = *one.first.route;
    if (route.kind != Kind::line) continue;
    Line& line = lines_[one.first.task];
    line.primitive = one.second;
    const auto owner_route = reinterpret_cast<std::uint64_t>(route.owner);
    if (owner_route == 0 || !holds(one, route.owned)) continue;
    const auto [known, fresh] = owners.try_emplace(one.second, 0);
    if (fresh) {
      detail::LineOwner at{};
      std::uint8_t locked = 0;
      if (memory_.in_file(owner_route) && memory_.read(owner_route, at) &&
          memory_.read(moved(one.second, at.locked), locked) && locked == 1) {
        memory_.read(moved(one.second, at.owner), known->second);
      }
    }
    line.owner = known->second;
  }
}

void EdgeReader::add_array(const Held& held) {
  const WaitRoute& route = *held.first.route;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  memory_.read(moved(held.second, route.first), first);
  memory_.read(moved(held.second, route.last), last);
  if (route.step <= 0 || last < first) return;
  const auto step = static_cast<std::uint64_t>(route.step);
  add_elements(held.first.task, first, (last - first) / step, step,
               static_cast<std::uint64_t>(std::int64_t{route.future}));
}

void EdgeReader::add_elements(std::uint64_t task, std::uint64_t first, std::uint64_t count,
                              std::uint64_t step, std::uint64_t future) {
  if (count == 0 || count > most_elements || !may_be_object(first) || step > largest_step ||
      future > largest_step) {
    return;
  }
  Pieces elements(count, sizeof(std::uint64_t));
  for (std::uint64_t i = 0; i < count; ++i) elements.add(first + i * step + future);
  elements.read(memory_);
  for (std::uint64_t i = 0; i < count && room(); ++i) {
    const auto part = elements.get<std::uint64_t>(i, 0);
    if (may_be_object(part)) edges_.push_back({task, part});
  }
}

void EdgeReader::add_list(const Held& held) {
  const WaitRoute& route = *held.first.route;
  std::uint64_t element = 0;
  memory_.read(moved(held.second, route.first), element);
  for (std::uint64_t n = 0; n < most_listed && may_be_object(element) && room(); ++n) {
    std::uint64_t future = 0;
    memory_.read(moved(element, route.future), future);
    if (may_be_object(future)) edges_.push_back({held.first.task, future});
    std::uint64_t next = 0;
    memory_.read(moved(element, route.next), next);
    if (next == element) return;
    element = next;
  }
}

void EdgeReader::look_for_groups(std::vector<Callback> callbacks) {
  if (!has_groups_) return;
  for (int n = 0; n < most_callbacks && !callbacks.empty(); ++n) {
    Pieces links(callbacks.size(), 2 * sizeof(std::uint64_t));
    Pieces entries(callbacks.size(), sizeof(std::uint64_t));
    Pieces functions(callbacks.size(), sizeof(std::uint64_t));
    Pieces groups(callbacks.size(), sizeof(std::uint64_t));
    for (const Callback& at : callbacks) {
      links.add(at.node);
      entries.add(moved(at.node, group_.entry));
      functions.add(moved(at.node, group_.function));
      groups.add(moved(at.node, group_.group));
    }
    for (Pieces* pieces : {&links, &entries, &functions, &groups}) pieces->read(memory_);
    std::vector<Callback> next;
    std::vector<Edge> children;  // of groups
    for (std::size_t i = 0; i < callbacks.size(); ++i) {
      const Callback& at = callbacks[i];
      if (links.get<std::uint64_t>(i, 0) != at.before) continue;
      const auto entry = entries.get<std::uint64_t>(i, 0);
      const bool is_call = entry != 0 && entry % 2 == 0;  // else it has no function
      if (is_call &&
          functions.get<std::uint64_t>(i, 0) == reinterpret_cast<std::uint64_t>(group_.done)) {
        children.push_back({groups.get<std::uint64_t>(i, 0), at.task});
      }
      const auto following = links.get<std::uint64_t>(i, sizeof(std::uint64_t));
      if (following != moved(at.task, group_.callbacks) && may_be_object(following)) {
        next.push_back({at.task, following, at.node});
      }
    }
    add_children(children);
    callbacks = std::move(next);
  }
}

// The parents of the groups await them.
void EdgeReader::add_children(std::span<const Edge> children) {
  Pieces parents(children.size(), sizeof(std::uint64_t));
  for (const Edge& child : children) {
    parents.add(child.task == 0 ? 0 : moved(child.task, group_.parent));
  }
  parents.read(memory_);
  for (std::size_t i = 0; i < children.size() && room(); ++i) {
    const auto parent = parents.get<std::uint64_t>(i, 0);
    if (may_be_object(parent)) edges_.push_back({parent, children[i].future});
  }
}

// What the composites stand for: more futures, which the same tasks await.
std::vector<EdgeReader::Edge> EdgeReader::parts_of(std::span<const Edge> composites) {
  const auto& at = layout_.task;
  Pieces kinds(composites.size(), sizeof(std::uint64_t));
  Pieces phases(composites.size(), sizeof(std::uint64_t));
  Pieces views(composites.size(), sizeof(detail::PartsView));
  for (const Edge& edge : composites) {
    kinds.add(edge.future + at.kind);
    phases.add(edge.future + at.phase);
    views.add(edge.future + at.parts);
  }
  kinds.read(memory_);
  phases.read(memory_);
  views.read(memory_);
  std::vector<Edge> kept = std::move(edges_);
  edges_.clear();
  for (std::size_t i = 0; i < composites.size(); ++i) {
    if (kinds.get<std::uint8_t>(i, 0) != at.kind_composite) continue;
    if (phases.get<std::uint8_t>(i, 0) != 0) continue;
    const auto parts = views.get<detail::PartsView>(i, 0);
    add_elements(composites[i].task, reinterpret_cast<std::uint64_t>(parts.first), parts.count,
                 parts.step, parts.future);
  }
  std::swap(kept, edges_);
  return kept;
}

void EdgeReader::resolve(std::vector<TaskView>& tasks, std::span<const std::uint32_t> orders) {
  std::unordered_map<std::uint64_t, std::size_t> by_id;
  std::unordered_map<std::uint64_t, std::size_t> by_order;
  if (!edges_.empty() || !lines_.empty()) {
    by_id.reserve(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) by_id.emplace(tasks[i].id, i);
  }
  const bool owned = std::any_of(lines_.begin(), lines_.end(),
                                 [](const auto& line) { return line.second.owner != 0; });
  for (std::size_t i = 0; owned && i < orders.size(); ++i) by_order.emplace(orders[i], i);

  for (const auto& [task, line] : lines_) {
    const auto waiting = by_id.find(task);
    if (waiting == by_id.end()) continue;
    TaskView& view = tasks[waiting->second];
    view.primitive = line.primitive;
    const auto owner = line.owner == 0 ? by_order.end() : by_order.find(line.owner - 1);
    if (owner != by_order.end()) view.owner = tasks[owner->second].id;
  }

  std::vector<std::pair<std::size_t, std::size_t>> found;
  std::vector<Edge> open = std::move(edges_);
  for (int depth = 0; depth < deepest && !open.empty(); ++depth) {
    std::vector<Edge> composites;
    for (const Edge& edge : open) {
      const auto from = by_id.find(edge.task);
      if (from == by_id.end()) continue;
      const auto to = by_id.find(edge.future);
      if (to == by_id.end()) {
        composites.push_back(edge);
      } else if (found.size() < most_edges) {
        found.emplace_back(from->second, to->second);
      }
    }
    edges_.clear();
    open = parts_of(composites);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  for (const auto& [from, to] : found) tasks[from].awaits.push_back(tasks[to].id);
  edges_.clear();
  lines_.clear();
}

}  // namespace asyncio::snapshot
