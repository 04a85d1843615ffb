// The statements that await.

#include "machine.hpp"

#include <algorithm>
#include <unordered_map>

namespace parity {
namespace {

using Op = Coro<std::string>;

// Awaits and shows the value. On even lines plainly, on odd ones as a Result: the library has a way
// of its own for each.
template <class A>
Op shown(const Node& n, A awaitable) {
  using T = std::remove_cvref_t<asyncio::await_result_t<A>>;
  if (n.line % 2 == 0) {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(awaitable);
      co_return "None";
    } else {
      co_return show(co_await std::move(awaitable));
    }
  }
  auto result = co_await asyncio::as_result(std::move(awaitable));
  if constexpr (std::is_void_v<T>) {
    std::move(result).value();
    co_return "None";
  } else {
    co_return show(std::move(result).value());
  }
}

// --- tasks and futures ---

Op sleep(Machine&, const Node& n) { return shown(n, asyncio::sleep(*delay_of(n.words[1]))); }

Op await_joint(const Node& n, AnyFuture joint) {
  (void)co_await shown(n, joint.future);
  co_return joint.value();
}

Op await_future(Machine& m, const Node& n) {
  const std::string& name = n.words[1];
  if (name[0] == 'j') return await_joint(n, m.future(name));
  return shown(n, m.plain_future(name));
}

Op call(Machine& m, const Node& n) { return shown(n, m.coroutine(n.words[1], false)); }

// The names, in the given order, of the futures that were given back.
std::string names_of(const std::vector<asyncio::FutureBase>& futures,
                     const std::vector<asyncio::FutureBase>& given, const Node& n,
                     std::size_t first) {
  std::vector<std::string> names;
  for (const asyncio::FutureBase& future : futures) {
    const auto at = std::find(given.begin(), given.end(), future);
    names.push_back(n.words[first + static_cast<std::size_t>(at - given.begin())]);
  }
  return listed(names);
}

Op wait(Machine& m, const Node& n) {
  constexpr std::size_t first = 3;
  std::vector<asyncio::FutureBase> given;
  for (std::size_t i = first; i < n.words.size(); ++i) given.push_back(m.future(n.words[i]).future);
  asyncio::WaitOptions options;
  options.timeout = delay_of(n.words[2]);
  if (n.words[1] == "first") options.return_when = asyncio::FIRST_COMPLETED;
  if (n.words[1] == "exception") options.return_when = asyncio::FIRST_EXCEPTION;
  const auto result = co_await asyncio::wait(given, options);
  co_return listed(
      {names_of(result.done, given, n, first), names_of(result.pending, given, n, first)});
}

Op wait_for_joint(const Node& n, AnyFuture joint, std::optional<asyncio::Duration> limit) {
  (void)co_await shown(n, asyncio::wait_for(joint.future, limit));
  co_return joint.value();
}

Op wait_for(Machine& m, const Node& n) {
  const auto limit = delay_of(n.words[1]);
  const std::string& name = n.words[2];
  m.check_awaitables({name});
  // It runs in this task.
  if (name[0] == 'p') return shown(n, asyncio::wait_for(m.coroutine(name, false), limit));
  if (name[0] == 'j') return wait_for_joint(n, m.future(name), limit);
  return shown(n, asyncio::wait_for(m.plain_future(name), limit));
}

// --- primitives and queues ---

Op acquire(Machine& m, const Node& n) {
  const std::string& name = n.words[1];
  if (name[0] == 'l') return shown(n, Machine::get(m.locks, name).acquire());
  if (name[0] == 'c') return shown(n, Machine::get(m.conditions, name).acquire());
  return shown(n, Machine::get(m.semaphores, name)->acquire());
}

Op wait_event(Machine& m, const Node& n) {
  return shown(n, Machine::get(m.events, n.words[1]).wait());
}

Op condition_wait(Machine& m, const Node& n) {
  return shown(n, Machine::get(m.conditions, n.words[1]).wait());
}

Op condition_wait_for(Machine& m, const Node& n) {
  const int counter = number_of(n.words[2]);
  const long long least = to_integer(n.words[3]);
  const auto enough = [&m, &n, counter, least] {
    const auto at = m.counters.find(counter);
    const bool result = (at == m.counters.end() ? 0 : at->second) >= least;
    m.trace(n, "asks " + show(result));
    return result;
  };
  return shown(n, Machine::get(m.conditions, n.words[1]).wait_for(enough));
}

Op barrier_wait(Machine& m, const Node& n) {
  return shown(n, Machine::get(m.barriers, n.words[1]).wait());
}
Op barrier_reset(Machine& m, const Node& n) {
  return shown(n, Machine::get(m.barriers, n.words[1]).reset());
}
Op barrier_abort(Machine& m, const Node& n) {
  return shown(n, Machine::get(m.barriers, n.words[1]).abort());
}

Op put(Machine& m, const Node& n) {
  const int item = static_cast<int>(to_integer(n.words[2]));
  return std::visit([&](auto& q) { return shown(n, q.put(item)); },
                    Machine::get(m.queues, n.words[1]));
}
Op get_item(Machine& m, const Node& n) {
  return std::visit([&](auto& q) { return shown(n, q.get()); }, Machine::get(m.queues, n.words[1]));
}
Op join(Machine& m, const Node& n) {
  return std::visit([&](auto& q) { return shown(n, q.join()); },
                    Machine::get(m.queues, n.words[1]));
}

// --- generators ---

Op next(Machine& m, const Node& n) {
  const auto item = co_await m.generator(n.words[1]).next();
  co_return item ? show(*item) : "stop";
}

Op throw_into(Machine& m, const Node& n) {
  const Err error(static_cast<int>(to_integer(n.words[2])));
  const auto item = co_await m.generator(n.words[1]).athrow(error);
  co_return item ? show(*item) : "stop";
}

Op close(Machine& m, const Node& n) { return shown(n, m.generator(n.words[1]).aclose()); }

}  // namespace

AsyncOp async_op(const std::string& name) {
  static const std::unordered_map<std::string, AsyncOp> ops = {
      {"abort", &barrier_abort},
      {"aclose", &close},
      {"acquire", &acquire},
      {"athrow", &throw_into},
      {"await", &await_future},
      {"barrier", &barrier_wait},
      {"call", &call},
      {"cwait", &condition_wait},
      {"cwaitfor", &condition_wait_for},
      {"get", &get_item},
      {"join", &join},
      {"next", &next},
      {"put", &put},
      {"reset", &barrier_reset},
      {"sleep", &sleep},
      {"wait", &wait},
      {"waitevent", &wait_event},
      {"waitfor", &wait_for},
  };
  const auto at = ops.find(name);
  if (at == ops.end()) throw std::runtime_error("no such statement: " + name);
  return at->second;
}

}  // namespace parity
