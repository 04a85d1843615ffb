// What programs declare, and the state in which it is left.

#include "machine.hpp"

namespace parity {
namespace {

template <class Q>
void declare_queue(Machine& machine, const Node& node) {
  machine.queues.try_emplace(number_of(node.words[1]), std::in_place_type<Q>,
                             to_integer(node.words[3]));
}

void declare_condition(Machine& machine, const Node& node) {
  const int number = number_of(node.words[1]);
  if (node.words.size() > 2) {
    machine.conditions.try_emplace(number, Machine::get(machine.locks, node.words[2]));
  } else {
    machine.conditions.try_emplace(number);
  }
}

// "<Queue maxsize=2 _queue[1]>" without its first word.
std::string inside(const std::string& repr) {
  const std::size_t from = repr.find(' ') + 1;
  return repr.substr(from, repr.size() - 1 - from);
}

template <class L>
std::string lockable_state(const L& lockable) {
  return show(lockable.locked()) + " " + bracket(lockable.repr());
}

template <class Q>
std::string items_of(Q& queue) {
  std::vector<std::string> items;
  while (!queue.empty()) items.push_back(show(queue.get_nowait()));
  return listed(items);
}

}  // namespace

void Machine::declare(const Node& node, asyncio::EventLoop& loop) {
  const std::string& kind = node.op();
  if (kind == "run") {
    runs_.push_back(&node);
    return;
  }
  const int number = number_of(node.words.at(1));
  if (kind == "task") task_bodies_[number] = &node;
  if (kind == "callback") callbacks_[number] = &node;
  if (kind == "generator") generator_bodies_[number] = &node;
  if (kind == "lock") locks.try_emplace(number);
  if (kind == "event") events.try_emplace(number);
  if (kind == "future") futures.emplace(number, loop.create_future<int>());
  if (kind == "condition") declare_condition(*this, node);
  if (kind == "barrier") barriers.try_emplace(number, to_integer(node.words[2]));
  if (kind == "semaphore") {
    semaphores[number] = std::make_unique<asyncio::Semaphore>(to_integer(node.words[2]));
  }
  if (kind == "bounded") {
    semaphores[number] = std::make_unique<asyncio::BoundedSemaphore>(to_integer(node.words[2]));
  }
  if (kind == "queue") {
    if (node.words[2] == "fifo") declare_queue<asyncio::Queue<int>>(*this, node);
    if (node.words[2] == "lifo") declare_queue<asyncio::LifoQueue<int>>(*this, node);
    if (node.words[2] == "priority") declare_queue<asyncio::PriorityQueue<int>>(*this, node);
  }
}

std::string state_of(const AnyFuture& future) {
  if (!future.future.done()) return "pending";
  try {
    const std::exception_ptr error = future.future.exception();
    return error == nullptr ? future.value() : describe(error);
  } catch (const asyncio::CancelledError&) {
    return describe(std::current_exception()) + " " + show(future.future.cancelled());
  }
}

void Machine::write_state(char kind, int number, const std::string& state) {
  lines_ += kind + std::to_string(number) + " " + state + "\n";
}

std::string Machine::shown_object(const std::string& name) {
  switch (name[0]) {
    case 'b': {
      auto& barrier = get(barriers, name);
      return show(barrier.n_waiting()) + " " + show(barrier.broken()) + " " +
             bracket(barrier.repr());
    }
    case 'c': return lockable_state(get(conditions, name));
    case 'e': {
      auto& event = get(events, name);
      return show(event.is_set()) + " " + bracket(event.repr());
    }
    case 'l': return lockable_state(get(locks, name));
    case 'n': return show(get(counters, name));
    case 'q':
      return std::visit([](auto& q) { return show(q.full()) + " " + inside(q.repr()); },
                        get(queues, name));
    default: return lockable_state(*get(semaphores, name));
  }
}

template <class T>
void Machine::write_objects(char kind, const std::map<int, T>& objects) {
  for (const auto& [n, object] : objects) write_state(kind, n, shown_object(kind + show(n)));
}

void Machine::write_object_state() {
  write_objects('b', barriers);
  write_objects('c', conditions);
  write_objects('e', events);
  write_objects('l', locks);
  write_objects('n', counters);
  write_objects('q', queues);
  write_objects('s', semaphores);
}

void Machine::write_last_state() {
  for (auto& [n, future] : futures) write_state('f', n, state_of(this->future("f" + show(n))));
  for (auto& [n, joint] : joints) write_state('j', n, state_of(joint));
  for (auto& [n, queue] : queues) {
    write_state('q', n, std::visit([](auto& q) { return items_of(q); }, queue));
  }
  for (auto& [n, task] : tasks) write_state('t', n, state_of(future("t" + show(n))));
  for (auto& [n, timeout] : timeouts) write_state('x', n, show(timeout->expired()));
}

}  // namespace parity
