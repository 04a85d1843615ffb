// The statements that do not await.

#include "loop.hpp"
#include "machine.hpp"

#include <unordered_map>

namespace parity {
namespace {

constexpr int variable_count = 4;
asyncio::ContextVar<int>& variable(const std::string& name) {
  static asyncio::ContextVar<int> variables[variable_count] = {
      {"v0", 0}, {"v1", 0}, {"v2", 0}, {"v3", 0}};
  return variables[number_of(name)];
}

// What Python's None is for a function that returns nothing.
const std::string none = "None";

// --- futures and tasks ---

std::string cancel(Machine& m, const Node& n) {
  const AnyFuture target = m.future(n.words[1]);
  return show(n.words.size() > 2 ? target.future.cancel(n.words[2]) : target.future.cancel());
}

std::string uncancel(Machine& m, const Node& n) {
  auto& state = asyncio::detail::FutureAccess::state(Machine::get(m.tasks, n.words[1]));
  return show(
      asyncio::AnyTask(asyncio::detail::Ref<asyncio::detail::FutureState>(&state)).uncancel());
}

std::string state(Machine& m, const Node& n) { return state_of(m.future(n.words[1])); }

std::string show_object(Machine& m, const Node& n) { return m.shown_object(n.words[1]); }

std::string set(Machine& m, const Node& n) {
  m.plain_future(n.words[1]).set_result(static_cast<int>(to_integer(n.words[2])));
  return none;
}

std::string fail(Machine& m, const Node& n) {
  m.plain_future(n.words[1]).set_exception(Err(static_cast<int>(to_integer(n.words[2]))));
  return none;
}

std::string callback(Machine& m, const Node& n) {
  const AnyFuture target = m.future(n.words[1]);
  const int number = number_of(n.words[2]);
  const auto id = target.future.add_done_callback([&m, number] { m.call_back(number); });
  m.registered.insert_or_assign(number, std::pair(target.future, id));
  return none;
}

std::string uncallback(Machine& m, const Node& n) {
  const auto& [future, id] = Machine::get(m.registered, n.words[1]);
  return show(future.remove_done_callback(id));
}

std::string start(Machine& m, const std::string& name, asyncio::TaskOptions options) {
  m.check_awaitables({name});
  const int number = number_of(name);
  const std::string task_name = "t" + std::to_string(number);
  options.name = task_name;
  m.tasks.insert_or_assign(number, asyncio::create_task(m.coroutine(name, true), options));
  return none;
}

std::string spawn(Machine& m, const Node& n) {
  asyncio::TaskOptions options;
  if (n.words.size() > 2) options.context = &Machine::get(m.contexts, n.words[2]);
  return start(m, n.words[1], options);
}

std::string eager(Machine& m, const Node& n) {
  asyncio::TaskOptions options;
  options.eager_start = true;
  return start(m, n.words[1], options);
}

std::string group_spawn(Machine& m, const Node& n) {
  asyncio::TaskGroup& group = *Machine::get(m.groups, n.words[1]);
  m.check_awaitables({n.words[2]});
  const int number = number_of(n.words[2]);
  const std::string name = "t" + std::to_string(number);
  auto coro = m.coroutine(n.words[2], true);
  m.tasks.insert_or_assign(number, group.create_task(std::move(coro), {.name = name}));
  return none;
}

// --- the loop, contexts ---

std::string soon(Machine& m, const Node& n) {
  const asyncio::Context* context = nullptr;
  if (n.words.size() > 3) context = &Machine::get(m.contexts, n.words[3]);
  const int number = number_of(n.words[1]);
  auto run = [&m, number] { m.call_back(number); };
  m.handles.insert_or_assign(number_of(n.words[2]),
                             asyncio::get_running_loop().call_soon(run, context));
  return none;
}

std::string later(Machine& m, const Node& n) {
  const int number = number_of(n.words[1]);
  auto run = [&m, number] { m.call_back(number); };
  m.handles.insert_or_assign(number_of(n.words[2]),
                             asyncio::get_running_loop().call_later(*delay_of(n.words[3]), run));
  return none;
}

std::string drop(Machine& m, const Node& n) {
  Machine::get(m.handles, n.words[1]).cancel();
  return none;
}

std::string busy(Machine&, const Node& n) {
  pass_time(to_integer(n.words[1]));
  return none;
}

std::string reschedule(Machine& m, const Node& n) {
  asyncio::Timeout& timeout = *Machine::get(m.timeouts, n.words[1]);
  const auto delay = delay_of(n.words[2]);
  std::optional<asyncio::TimePoint> when;
  if (delay) when = asyncio::get_running_loop().time() + *delay;
  timeout.reschedule(when);
  return none;
}

std::string set_variable(Machine&, const Node& n) {
  (void)variable(n.words[1]).set(static_cast<int>(to_integer(n.words[2])));
  return none;
}

std::string get_variable(Machine&, const Node& n) { return show(variable(n.words[1]).get()); }

std::string copy(Machine& m, const Node& n) {
  m.contexts.insert_or_assign(number_of(n.words[1]), asyncio::copy_context());
  return none;
}

std::string add(Machine& m, const Node& n) {
  m.counters[number_of(n.words[1])] += to_integer(n.words[2]);
  return none;
}

// --- primitives and queues ---

std::string release(Machine& m, const Node& n) {
  const std::string& name = n.words[1];
  if (name[0] == 'l') Machine::get(m.locks, name).release();
  if (name[0] == 'c') Machine::get(m.conditions, name).release();
  if (name[0] == 's') Machine::get(m.semaphores, name)->release();
  return none;
}

std::string set_event(Machine& m, const Node& n) {
  Machine::get(m.events, n.words[1]).set();
  return none;
}

std::string clear(Machine& m, const Node& n) {
  Machine::get(m.events, n.words[1]).clear();
  return none;
}

std::string notify(Machine& m, const Node& n) {
  Machine::get(m.conditions, n.words[1]).notify(static_cast<std::size_t>(to_integer(n.words[2])));
  return none;
}

std::string notify_all(Machine& m, const Node& n) {
  Machine::get(m.conditions, n.words[1]).notify_all();
  return none;
}

template <class F>
std::string on_queue(Machine& m, const Node& n, F fn) {
  std::visit(fn, Machine::get(m.queues, n.words[1]));
  return none;
}

std::string put_now(Machine& m, const Node& n) {
  const int item = static_cast<int>(to_integer(n.words[2]));
  return on_queue(m, n, [item](auto& q) { q.put_nowait(item); });
}

std::string get_now(Machine& m, const Node& n) {
  return std::visit([](auto& q) { return show(q.get_nowait()); },
                    Machine::get(m.queues, n.words[1]));
}

std::string task_done(Machine& m, const Node& n) {
  return on_queue(m, n, [](auto& q) { q.task_done(); });
}

std::string shut_down(Machine& m, const Node& n) {
  const bool immediate = n.words.size() > 2;
  return on_queue(m, n, [immediate](auto& q) { q.shutdown(immediate); });
}

std::string raise_error(Machine&, const Node& n) {
  throw Err(static_cast<int>(to_integer(n.words[1])));
}

std::string raise_cancelled(Machine&, const Node& n) {
  throw asyncio::CancelledError(n.words.size() > 1 ? std::string_view(n.words[1])
                                                   : std::string_view());
}

}  // namespace

// joint_ops.cpp
std::string gather(Machine& m, const Node& n);
std::string shield(Machine& m, const Node& n);

SyncOp sync_op(const std::string& name) {
  static const std::unordered_map<std::string, SyncOp> ops = {
      {"add", &add},
      {"busy", &busy},
      {"callback", &callback},
      {"cancel", &cancel},
      {"clear", &clear},
      {"copy", &copy},
      {"drop", &drop},
      {"eager", &eager},
      {"fail", &fail},
      {"gather", &gather},
      {"getnow", &get_now},
      {"getvar", &get_variable},
      {"gspawn", &group_spawn},
      {"later", &later},
      {"notify", &notify},
      {"notifyall", &notify_all},
      {"putnow", &put_now},
      {"raise", &raise_error},
      {"raisecancelled", &raise_cancelled},
      {"release", &release},
      {"reschedule", &reschedule},
      {"set", &set},
      {"setevent", &set_event},
      {"setvar", &set_variable},
      {"shield", &shield},
      {"show", &show_object},
      {"shutdown", &shut_down},
      {"soon", &soon},
      {"spawn", &spawn},
      {"state", &state},
      {"taskdone", &task_done},
      {"uncallback", &uncallback},
      {"uncancel", &uncancel},
  };
  const auto at = ops.find(name);
  return at == ops.end() ? nullptr : at->second;
}

}  // namespace parity
