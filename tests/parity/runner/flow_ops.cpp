// The statements that contain others; each returns true if a `return` was met.

#include "machine.hpp"

#include <unordered_map>

namespace parity {
namespace {

using Flow = Coro<bool>;

// What a flow statement does when an error leaves it. True: the error goes no further.
bool stops_error(Machine& m, const Node& n, const std::string& after) {
  m.trace(n, describe(std::current_exception()) + after);
  return n.quiet && is_exception(std::current_exception());
}

template <class Manager>
std::string state_after(const Manager&) {
  return "";
}
std::string state_after(const asyncio::Timeout& timeout) { return " " + show(timeout.expired()); }

template <class Manager>
Flow managed(Machine& m, const Node& n, Frame& f, Manager& manager) {
  bool returned = false;
  try {
    returned = co_await asyncio::with(manager, [&]() -> Flow {
      m.trace(n, "enter");
      co_return co_await m.block(n.nodes, f);
    });
  } catch (...) {
    if (!stops_error(m, n, state_after(manager))) throw;
    co_return false;
  }
  m.trace(n, "leave" + state_after(manager));
  co_return returned;
}

Flow group(Machine& m, const Node& n, Frame& f) {
  asyncio::TaskGroup& group = m.all_groups.emplace_back();
  m.groups[number_of(n.words[1])] = &group;
  return managed(m, n, f, group);
}

Flow timeout(Machine& m, const Node& n, Frame& f) {
  asyncio::Timeout& timeout = m.all_timeouts.emplace_back(asyncio::timeout(delay_of(n.words[2])));
  m.timeouts[number_of(n.words[1])] = &timeout;
  return managed(m, n, f, timeout);
}

Flow hold(Machine& m, const Node& n, Frame& f) {
  const std::string& name = n.words[1];
  if (name[0] == 'l') return managed(m, n, f, Machine::get(m.locks, name));
  if (name[0] == 'c') return managed(m, n, f, Machine::get(m.conditions, name));
  return managed(m, n, f, *Machine::get(m.semaphores, name));
}

// The library's other form of `async with`.
template <class Primitive>
Flow guarded(Machine& m, const Node& n, Frame& f, Primitive& primitive) {
  bool returned = false;
  try {
    const auto held = co_await primitive.hold();
    m.trace(n, "enter");
    returned = co_await m.block(n.nodes, f);
  } catch (...) {
    if (!stops_error(m, n, "")) throw;
    co_return false;
  }
  m.trace(n, "leave");
  co_return returned;
}

Flow guard(Machine& m, const Node& n, Frame& f) {
  const std::string& name = n.words[1];
  if (name[0] == 'l') return guarded(m, n, f, Machine::get(m.locks, name));
  if (name[0] == 'c') return guarded(m, n, f, Machine::get(m.conditions, name));
  return guarded(m, n, f, *Machine::get(m.semaphores, name));
}

Flow repeat(Machine& m, const Node& n, Frame& f) {
  for (long long i = to_integer(n.words[1]); i > 0; --i) {
    if (co_await m.block(n.nodes, f)) co_return true;
  }
  co_return false;
}

// --- try ---

Flow handler(Machine& m, const Node& part, Frame& f, std::exception_ptr error) {
  m.trace(part, describe(error));
  const std::exception_ptr outer = std::exchange(f.caught, std::move(error));
  auto result = co_await asyncio::as_result(m.block(part.nodes, f));
  f.caught = outer;
  co_return std::move(result).value();
}

Flow body_and_handlers(Machine& m, const Node& n, Frame& f) {
  const Node* body = n.part("body");
  if (body == nullptr) co_return false;
  auto result = co_await asyncio::as_result(m.block(body->nodes, f));
  if (result) co_return std::move(result).value();
  const Node* part = nullptr;
  if (result.cancelled()) {
    part = n.part("cancelled");
  } else if (is_exception(result.error())) {
    part = n.part("error");
  }
  if (part == nullptr) co_return std::move(result).value();
  co_return co_await handler(m, *part, f, result.error());
}

Flow attempt(Machine& m, const Node& n, Frame& f) {
  const Node* last = n.part("finally");
  if (last == nullptr) return body_and_handlers(m, n, f);
  return asyncio::finally(body_and_handlers(m, n, f), [&m, &f, last]() -> Coro<> {
    m.trace(*last, "enter");
    (void)co_await m.block(last->nodes, f);
  });
}

Flow reraise(Machine& m, const Node& n, Frame& f) {
  m.trace(n, f.caught == nullptr ? "none" : describe(f.caught));
  if (f.caught != nullptr) std::rethrow_exception(f.caught);
  co_return false;
}

Flow return_value(Machine& m, const Node& n, Frame& f) {
  f.value = static_cast<int>(to_integer(n.words[1]));
  m.trace(n, "ok");
  co_return true;
}

// --- as_completed() ---

constexpr std::size_t first_of_completed = 4;

template <class T>
std::string name_in(const std::map<int, T>& things, char kind, const asyncio::FutureBase& future) {
  for (const auto& [number, thing] : things) {
    if (thing == future) return kind + std::to_string(number);
  }
  return "";
}

std::string name_of(Machine& m, const asyncio::FutureBase& future) {
  std::string name = name_in(m.futures, 'f', future);
  if (name.empty()) name = name_in(m.tasks, 't', future);
  return name.empty() ? "?" : name;
}

template <class Completed>
Coro<> each_plain(Machine& m, const Node& n, Completed completed, long long most) {
  for (auto& one : completed) {
    std::string outcome;
    try {
      outcome = show(co_await one);
    } catch (...) {
      outcome = describe(std::current_exception());
      if (!is_exception(std::current_exception())) throw;
    }
    m.trace(n, outcome);
    if (--most == 0) co_return;
  }
}

template <class Completed>
Coro<> each_async(Machine& m, const Node& n, Completed completed, long long most) {
  while (true) {
    auto future = co_await completed.next();
    if (!future) co_return;
    m.trace(n, name_of(m, *future));
    if (--most == 0) co_return;
  }
}

template <class Completed>
Coro<> each(Machine& m, const Node& n, Completed completed) {
  const long long most = to_integer(n.words[3]);
  if (n.words[1] == "plain") return each_plain(m, n, std::move(completed), most);
  return each_async(m, n, std::move(completed), most);
}

Coro<> start_completed(Machine& m, const Node& n) {
  const std::vector<std::string> names(n.words.begin() + first_of_completed, n.words.end());
  const auto limit = delay_of(n.words[2]);
  m.check_awaitables(names);
  if (names[0][0] == 'p') {
    std::vector<Coro<int>> coros;
    for (const std::string& name : names) coros.push_back(m.coroutine(name, true));
    return each(m, n, asyncio::as_completed(std::move(coros), limit));
  }
  std::vector<asyncio::Future<int>> futures;
  for (const std::string& name : names) futures.push_back(m.plain_future(name));
  return each(m, n, asyncio::as_completed(futures, limit));
}

Flow completed(Machine& m, const Node& n, Frame&) {
  try {
    co_await start_completed(m, n);
  } catch (const Nothing&) {
    throw;
  } catch (...) {
    if (!stops_error(m, n, "")) throw;
    co_return false;
  }
  m.trace(n, "leave");
  co_return false;
}

Flow iterate(Machine& m, const Node& n, Frame&) {
  asyncio::AsyncGenerator<int>& generator = m.generator(n.words[1]);
  long long most = to_integer(n.words[2]);
  try {
    while (const auto item = co_await generator.next()) {
      m.trace(n, show(*item));
      if (--most == 0) break;
    }
  } catch (...) {
    if (!stops_error(m, n, "")) throw;
    co_return false;
  }
  m.trace(n, "leave");
  co_return false;
}

}  // namespace

FlowOp flow_op(const std::string& name) {
  static const std::unordered_map<std::string, FlowOp> ops = {
      {"completed", &completed}, {"group", &group},         {"guard", &guard},
      {"hold", &hold},           {"iterate", &iterate},     {"repeat", &repeat},
      {"reraise", &reraise},     {"return", &return_value}, {"timeout", &timeout},
      {"try", &attempt},
  };
  const auto at = ops.find(name);
  return at == ops.end() ? nullptr : at->second;
}

}  // namespace parity
