#include "snapshot/task_reader.hpp"

#include "snapshot/bytes.hpp"
#include "snapshot/pieces.hpp"

#include <algorithm>
#include <string>

namespace asyncio::snapshot {
namespace {

constexpr std::size_t slice = 65'536;        // tasks that are looked at together
constexpr std::size_t deepest = 1000;        // frames
constexpr std::size_t longest_name = 1024;   // bytes
constexpr std::size_t most_waits = 100'000;  // kinds that are remembered
constexpr int attempts = 3;

}  // namespace

const TaskReader::Wait TaskReader::no_wait{};

std::vector<TaskHead> TaskReader::heads(std::span<const std::uint64_t> tasks, std::uint64_t loop) {
  const auto& at = layout_.task;
  std::vector<TaskHead> heads;
  heads.reserve(tasks.size());
  while (!tasks.empty()) {
    const std::span<const std::uint64_t> some = tasks.first(std::min(slice, tasks.size()));
    tasks = tasks.subspan(some.size());
    Pieces states(some.size(), at.size);
    for (const std::uint64_t task : some) states.add(task);
    states.read(memory_);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const bool pending = states.get<std::uint8_t>(i, at.kind) == at.kind_task &&
                           states.get<std::uint8_t>(i, at.phase) == 0;
      if (!pending || states.get<std::uint64_t>(i, at.loop) != loop) continue;
      const auto flags = states.get<std::uint8_t>(i, at.flags);
      TaskHead head;
      head.address = some[i];
      head.started = (flags & at.flag_started) != 0;
      const bool ended = head.started && (flags & at.flag_ended) != 0;
      head.top = ended ? 0 : states.get<std::uint64_t>(i, at.top);
      head.waiting = states.get<std::uint64_t>(i, at.waiting);
      head.extra = states.get<std::uint64_t>(i, at.extra);
      head.number = std::uint64_t{states.get<std::uint8_t>(i, at.number_high)} >> 1 << 32 |
                    states.get<std::uint32_t>(i, at.number_low);
      head.order = states.get<std::uint32_t>(i, at.order);
      const auto callback = states.get<std::uint64_t>(i, at.callbacks + sizeof(std::uint64_t));
      if (callback != some[i] + at.callbacks) head.callback = callback;
      heads.push_back(head);
    }
  }
  return heads;
}

std::uint64_t TaskReader::read(std::span<const TaskHead> heads, std::uint64_t loop,
                               std::vector<TaskView>& views) {
  views.reserve(views.size() + heads.size());
  std::vector<std::uint32_t> orders;
  orders.reserve(heads.size());
  std::uint64_t torn = 0;
  std::vector<Seen> seen;
  while (!heads.empty()) {
    const std::span<const TaskHead> some = heads.first(std::min(slice, heads.size()));
    heads = heads.subspan(some.size());
    seen.clear();
    seen.resize(some.size());
    std::vector<Seen*> open(some.size());
    for (std::size_t i = 0; i < some.size(); ++i) {
      seen[i].head = some[i];
      open[i] = &seen[i];
    }
    for (int i = 0; i < attempts && !open.empty(); ++i) look(open, loop);
    std::vector<EdgeReader::Callback> callbacks;
    for (Seen& task : seen) {
      if (task.gone || task.nameless || task.unmade()) continue;
      if (task.torn) {
        ++torn;
        task.view.frames.clear();
      }
      if (task.head.callback != 0) {
        callbacks.push_back(
            {task.head.address, task.head.callback, task.head.address + layout_.task.callbacks});
      }
      orders.push_back(task.head.order);
      views.push_back(std::move(task.view));
    }
    edges_.look_for_groups(std::move(callbacks));
  }
  edges_.resolve(views, orders);
  return torn;
}

// One attempt; afterwards `tasks` are those that need another one.
void TaskReader::look(std::vector<Seen*>& tasks, std::uint64_t loop) {
  for (Seen* seen : tasks) {
    seen->torn = false;
    seen->nameless = false;
    seen->view = {};
    seen->view.id = seen->head.address;
    seen->view.state = seen->head.waiting == 0 && seen->head.started ? TaskView::State::running
                                                                     : TaskView::State::waiting;
  }
  read_names(tasks);
  read_frames(tasks);
  const std::size_t edges_before = edges_.found();
  read_waits(tasks);

  std::vector<std::uint64_t> addresses(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) addresses[i] = tasks[i]->head.address;
  const std::vector<TaskHead> after = heads(addresses, loop);
  auto now = after.begin();
  std::vector<Seen*> again;
  std::vector<std::uint64_t> torn;
  for (Seen* seen : tasks) {
    // Another task may be where this one was.
    const bool there = now != after.end() && now->address == seen->head.address;
    seen->gone = !there || now->order != seen->head.order;
    if (!seen->gone && (seen->torn || !now->same_step(seen->head))) {
      seen->torn = true;
      // While it was being made, its name was that of who was there before.
      seen->nameless |= now->extra != seen->head.extra || now->number != seen->head.number;
      again.push_back(seen);
      torn.push_back(seen->head.address);
      seen->head = *now;
    }
    if (there) ++now;
  }
  edges_.forget(torn, edges_before);
  tasks = std::move(again);
}

void TaskReader::read_names(const std::vector<Seen*>& tasks) {
  std::vector<Seen*> named;
  for (Seen* seen : tasks) {
    if (seen->head.number == 0 && may_be_object(seen->head.extra)) {
      named.push_back(seen);
    } else if (seen->head.number != 0) {
      seen->view.name = "Task-" + std::to_string(seen->head.number);
    }
  }
  Pieces strings(named.size(), 2 * sizeof(std::uint64_t));
  for (const Seen* seen : named) strings.add(seen->head.extra + layout_.extra.name);
  strings.read(memory_);

  std::vector<Piece> texts;
  for (std::size_t i = 0; i < named.size(); ++i) {
    const auto size =
        std::min<std::uint64_t>(strings.get<std::uint64_t>(i, layout_.string.size), longest_name);
    const auto data = strings.get<std::uint64_t>(i, layout_.string.data);
    if (size == 0 || !may_be_object(data & ~std::uint64_t{7})) continue;
    std::string& name = named[i]->view.name;
    name.resize(size);
    texts.push_back({data, name.data(), static_cast<std::uint32_t>(size)});
  }
  memory_.read(texts);
  for (Seen* seen : tasks) seen->torn = seen->unmade();

  // One that was given another name meanwhile may have had its text where something else is now.
  Pieces after(named.size(), 2 * sizeof(std::uint64_t));
  for (const Seen* seen : named) after.add(seen->head.extra + layout_.extra.name);
  after.read(memory_);
  for (std::size_t i = 0; i < named.size(); ++i) {
    const bool same = strings.get<std::uint64_t>(i, 0) == after.get<std::uint64_t>(i, 0) &&
                      strings.get<std::uint64_t>(i, 8) == after.get<std::uint64_t>(i, 8);
    named[i]->nameless = !same;
    named[i]->torn |= !same;
  }
}

void TaskReader::read_frames(const std::vector<Seen*>& tasks) {
  struct Step {
    Seen* seen;
    std::uint64_t promise;
  };
  std::vector<Step> steps;
  for (Seen* seen : tasks) {
    if (seen->head.top != 0) steps.push_back({seen, seen->head.top});
  }
  for (std::size_t depth = 0; depth < deepest && !steps.empty(); ++depth) {
    Pieces promises(steps.size(), layout_.promise.size);
    for (const Step& step : steps) promises.add(step.promise);
    promises.read(memory_);
    Pieces links(steps.size(), layout_.link.size);
    std::vector<Step> owned;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      add_frame(*steps[i].seen, promises.get<std::uint64_t>(i, layout_.promise.function),
                promises.get<std::uint64_t>(i, layout_.promise.location));
      const auto owner = promises.get<std::uint64_t>(i, layout_.promise.owner);
      if (steps[i].seen->torn || owner == 0) continue;
      links.add(owner);
      owned.push_back(steps[i]);
    }
    links.read(memory_);
    steps.clear();
    for (std::size_t i = 0; i < owned.size(); ++i) {
      const auto child = links.get<std::uint64_t>(i, layout_.link.child);
      const auto parent = links.get<std::uint64_t>(i, layout_.link.parent);
      if (child == owned[i].promise && may_be_object(parent)) {
        steps.push_back({owned[i].seen, parent});
      } else {
        owned[i].seen->torn = true;
      }
    }
  }
}

void TaskReader::add_frame(Seen& seen, std::uint64_t function, std::uint64_t location) {
  const FrameView* defined = places_.find(function);
  if (defined == nullptr) {
    seen.torn = true;
    return;
  }
  FrameView frame = *defined;
  // One that has not begun is at no await.
  if (const FrameView* awaits = location == 0 ? nullptr : places_.find(location)) {
    frame.file = awaits->file;
    frame.line = awaits->line;
  }
  seen.view.frames.push_back(std::move(frame));
}

void TaskReader::read_waits(const std::vector<Seen*>& tasks) {
  std::vector<Seen*> waiting;
  for (Seen* seen : tasks) {
    if (may_be_object(seen->head.waiting)) waiting.push_back(seen);
  }
  Pieces waiters(waiting.size(), sizeof(std::uint64_t));
  for (const Seen* seen : waiting) waiters.add(seen->head.waiting + layout_.waiter.ops);
  waiters.read(memory_);
  std::vector<RoutedWait> routed;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const Wait& wait = wait_of(waiters.get<std::uint64_t>(i, 0));
    waiting[i]->view.waits_for = places_.text(wait.what);
    if (wait.route) {
      routed.push_back({waiting[i]->head.address, waiting[i]->head.waiting, &*wait.route});
    }
  }
  edges_.follow(routed);
}

const TaskReader::Wait& TaskReader::wait_of(std::uint64_t ops) {
  const auto known = waits_.find(ops);
  if (known != waits_.end()) return known->second;
  Wait wait;
  Bytes bytes(layout_.waiter.ops_size);
  if (memory_.in_file(ops) && memory_.read(ops, bytes.data(), bytes.size())) {
    wait.what = bytes.at<std::uint64_t>(layout_.waiter.what);
    const auto route = bytes.at<std::uint64_t>(layout_.waiter.route);
    detail::WaitRoute read{};
    if (memory_.in_file(route) && memory_.read(route, read)) wait.route = read;
  }
  // A program that gives garbage without end is not to fill the memory; routes must stay in place.
  if (waits_.size() >= most_waits) return no_wait;
  return waits_.emplace(ops, wait).first->second;
}

}  // namespace asyncio::snapshot
