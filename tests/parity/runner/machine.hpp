#pragma once

#include "outcome.hpp"
#include "program.hpp"

#include <asyncio/async_generator.hpp>
#include <asyncio/asyncio.hpp>
#include <asyncio/barrier.hpp>
#include <asyncio/condition.hpp>
#include <asyncio/event.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/queue.hpp>
#include <asyncio/semaphore.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace parity {

using asyncio::Coro;

/// Of one body: what it returns and the error that the innermost handler has caught.
struct Frame {
  int value;
  std::exception_ptr caught;
};

/// A future of any type, what its value looks like, and how to shield it.
struct AnyFuture {
  asyncio::FutureBase future;
  std::function<std::string()> value;
  std::function<AnyFuture()> shield;
};

[[nodiscard]] AnyFuture of_int(const asyncio::Future<int>& future);

using AnyQueue =
    std::variant<asyncio::Queue<int>, asyncio::LifoQueue<int>, asyncio::PriorityQueue<int>>;

/// Runs one program and writes down what happens, line by line as tests/parity/oracle.py does.
class Machine {
 public:
  explicit Machine(const std::vector<Node>& program);
  [[nodiscard]] std::string run();

  // --- the trace ---
  void trace(const Node& node, const std::string& outcome);
  void note(const std::string& text);

  // --- names: each throws Nothing if there is none ---
  template <class T>
  static T& get(std::map<int, T>& things, const std::string& name) {
    const auto at = things.find(number_of(name));
    if (at == things.end()) throw Nothing{"none"};
    return at->second;
  }
  AnyFuture future(const std::string& name);
  asyncio::Future<int>& plain_future(const std::string& name);
  /// Throws: Nothing unless each of these is there: a future, or a coroutine that has not run.
  void check_awaitables(const std::vector<std::string>& names);
  /// Only once for each. Throws: Nothing the second time.
  Coro<int> coroutine(const std::string& name, bool root);

  /// Made at the first call. Throws: Nothing if it was not made before the end.
  asyncio::AsyncGenerator<int>& generator(const std::string& name);

  /// What a primitive, queue or counter tells of itself: what it answers, and its repr().
  std::string shown_object(const std::string& name);

  // --- bodies ---
  /// True if a `return` was met.
  Coro<bool> block(const std::vector<Node>& nodes, Frame& frame);
  void call_back(int number);
  Coro<int> main_body(const Node& node, int number);

  std::map<int, asyncio::Future<int>> tasks;
  std::map<int, asyncio::Future<int>> futures;
  std::map<int, AnyFuture> joints;
  std::map<int, asyncio::Lock> locks;
  std::map<int, asyncio::Event> events;
  std::map<int, asyncio::Condition> conditions;
  std::map<int, std::unique_ptr<asyncio::Semaphore>> semaphores;
  std::map<int, asyncio::Barrier> barriers;
  std::map<int, AnyQueue> queues;
  std::map<int, asyncio::TaskGroup*> groups;
  std::map<int, asyncio::Timeout*> timeouts;
  std::map<int, asyncio::Handle> handles;
  std::map<int, asyncio::Context> contexts;
  std::map<int, long long> counters;
  std::map<int, std::pair<asyncio::FutureBase, asyncio::CallbackId>> registered;  // by callback
  // What programs may name until they end.
  std::deque<asyncio::TaskGroup> all_groups;
  std::deque<asyncio::Timeout> all_timeouts;
  bool closing = false;

 private:
  void declare(const Node& node, asyncio::EventLoop& loop);
  asyncio::AsyncGenerator<int> generate(const Node& top);
  Coro<int> task_body(int number, bool root);
  Coro<int> body(const Node& node, int value);
  Coro<> statement(const Node& node);
  void call_back_statement(const Node& node);
  void run_main(asyncio::Runner& runner, const Node& node, int number);
  void write_left(asyncio::EventLoop& loop);
  /// Returns: what came of it.
  std::string close(asyncio::Runner& runner);
  void write_state(char kind, int number, const std::string& state);
  template <class T>
  void write_objects(char kind, const std::map<int, T>& objects);
  void write_object_state();
  void write_last_state();

  std::string lines_;
  std::vector<const Node*> runs_;
  std::map<int, const Node*> task_bodies_;
  std::map<int, const Node*> callbacks_;
  std::map<int, const Node*> generator_bodies_;
  std::map<int, asyncio::AsyncGenerator<int>> generators_;
  std::set<int> used_;  // coroutines run once
  int callback_ = 0;    // the one that runs
  bool silent_ = false;
  const std::vector<Node>& program_;
};

/// Of a future: asks everything that can be asked.
[[nodiscard]] std::string state_of(const AnyFuture& future);

// Three kinds of statements; each gives a null pointer for what it does not know.
using SyncOp = std::string (*)(Machine&, const Node&);
using AsyncOp = Coro<std::string> (*)(Machine&, const Node&);
using FlowOp = Coro<bool> (*)(Machine&, const Node&, Frame&);
[[nodiscard]] SyncOp sync_op(const std::string& name);
[[nodiscard]] AsyncOp async_op(const std::string& name);
[[nodiscard]] FlowOp flow_op(const std::string& name);

/// "none" is no limit.
[[nodiscard]] std::optional<asyncio::Duration> delay_of(const std::string& word);

}  // namespace parity
