#include "machine.hpp"

#include "loop.hpp"

namespace parity {
namespace {

std::string name_of(const asyncio::AnyTask& task) {
  const std::string name = task.get_name();
  return name.starts_with("Task-") ? "?" : name;
}

std::string shown_caught() { return describe(std::current_exception()); }

}  // namespace

Machine::Machine(const std::vector<Node>& program) : program_(program) {}

// --- the trace ----------------------------------------------------------------------------------

void Machine::note(const std::string& text) {
  if (silent_) return;
  const std::optional<asyncio::AnyTask> task = asyncio::current_task();
  lines_ += std::to_string(now()) + " ";
  lines_ += task ? name_of(*task) : "d" + std::to_string(callback_);
  lines_ += " " + text;
  if (task) lines_ += " c" + std::to_string(task->cancelling());
  lines_ += "\n";
}

void Machine::trace(const Node& node, const std::string& outcome) {
  note(std::to_string(node.line) + ":" + node.op() + " " + outcome);
}

// --- names --------------------------------------------------------------------------------------

asyncio::Future<int>& Machine::plain_future(const std::string& name) {
  return get(name[0] == 't' ? tasks : futures, name);
}

AnyFuture Machine::future(const std::string& name) {
  if (name[0] == 'j') return get(joints, name);
  return of_int(plain_future(name));
}

void Machine::check_awaitables(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name[0] != 'p') {
      (void)future(name);
    } else if (closing) {
      throw Nothing{"closing"};
    } else if (used_.contains(number_of(name))) {
      throw Nothing{"used"};
    }
  }
}

Coro<int> Machine::coroutine(const std::string& name, bool root) {
  const int number = number_of(name);
  if (!used_.insert(number).second) throw Nothing{"used"};
  return task_body(number, root);
}

asyncio::AsyncGenerator<int>& Machine::generator(const std::string& name) {
  const int number = number_of(name);
  const auto at = generators_.find(number);
  if (at != generators_.end()) return at->second;
  if (closing) throw Nothing{"closing"};
  return generators_.try_emplace(number, generate(*generator_bodies_.at(number))).first->second;
}

// --- bodies -------------------------------------------------------------------------------------

Coro<int> Machine::task_body(int number, bool root) {
  if (root && !tasks.contains(number)) {
    const asyncio::AnyTask task = *asyncio::current_task();
    task.set_name("t" + std::to_string(number));
    auto& state = asyncio::detail::FutureAccess::state(task);
    tasks.emplace(number,
                  asyncio::Future<int>(asyncio::detail::Ref<asyncio::detail::FutureState>(&state)));
  }
  co_return co_await body(*task_bodies_.at(number), number);
}

Coro<int> Machine::main_body(const Node& node, int number) {
  asyncio::current_task()->set_name("r" + std::to_string(number));
  co_return co_await body(node, 0);
}

Coro<int> Machine::body(const Node& node, int value) {
  Frame frame{value, nullptr};
  trace(node, "begin");
  try {
    co_await block(node.nodes, frame);
  } catch (...) {
    trace(node, "end " + shown_caught());
    throw;
  }
  trace(node, "end " + show(frame.value));
  co_return frame.value;
}

Coro<bool> Machine::block(const std::vector<Node>& nodes, Frame& frame) {
  for (const Node& node : nodes) {
    const FlowOp op = flow_op(node.op());
    if (op == nullptr) {
      co_await statement(node);
      continue;
    }
    bool returned = false;
    try {
      returned = co_await op(*this, node, frame);
    } catch (const Nothing& nothing) {
      trace(node, nothing.why);
    }
    if (returned) co_return true;
  }
  co_return false;
}

Coro<> Machine::statement(const Node& node) {
  std::string outcome;
  try {
    if (const SyncOp op = sync_op(node.op())) {
      outcome = op(*this, node);
    } else {
      outcome = co_await async_op(node.op())(*this, node);
    }
  } catch (const Nothing& nothing) {
    outcome = nothing.why;
  } catch (...) {
    trace(node, shown_caught());
    if (node.quiet && is_exception(std::current_exception())) co_return;
    throw;
  }
  trace(node, outcome);
}

asyncio::AsyncGenerator<int> Machine::generate(const Node& top) {
  Frame frame{0, nullptr};
  std::exception_ptr failure;
  try {
    for (const Node& node : top.nodes) {
      if (node.op() == "cleanup") continue;
      if (node.op() != "yield") {
        const std::vector<Node> alone = {node};
        co_await block(alone, frame);
        continue;
      }
      try {
        co_yield static_cast<int>(to_integer(node.words[1]));
      } catch (...) {
        trace(node, shown_caught());
        if (!node.quiet || !is_exception(std::current_exception())) throw;
      }
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (const Node* cleanup = top.part("cleanup")) {
    trace(*cleanup, "enter");
    co_await block(cleanup->nodes, frame);
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

void Machine::call_back(int number) {
  if (closing) return;  // CPython's loop may end a pass earlier then
  const int outer = std::exchange(callback_, number);
  try {
    for (const Node& node : callbacks_.at(number)->nodes) call_back_statement(node);
  } catch (...) {
    callback_ = outer;
    throw;
  }
  callback_ = outer;
}

void Machine::call_back_statement(const Node& node) {
  std::string outcome;
  try {
    outcome = sync_op(node.op())(*this, node);
  } catch (const Nothing& nothing) {
    outcome = nothing.why;
  } catch (...) {
    trace(node, shown_caught());
    if (node.quiet && is_exception(std::current_exception())) return;
    throw;
  }
  trace(node, outcome);
}

// --- all of it ----------------------------------------------------------------------------------

std::string Machine::run() {
  // The primitives outlive the loop, so that their final state can be told.
  asyncio::Runner runner({.loop_factory = &new_loop});
  asyncio::EventLoop& loop = runner.get_loop();
  loop.set_exception_handler([this](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    if (!context.message.starts_with("Exception in callback")) return;
    lines_ += std::to_string(now()) + " handler " + describe(context.exception) + "\n";
  });
  for (const Node& node : program_) declare(node, loop);
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    run_main(runner, *runs_[i], static_cast<int>(i) + 1);
  }
  write_left(loop);
  write_object_state();
  // A loop that is closed unlinks who waits; CPython's objects do not hear of it.
  if (close(runner) != "deadlock") write_object_state();
  silent_ = true;
  write_last_state();
  return std::move(lines_);
}

void Machine::run_main(asyncio::Runner& runner, const Node& node, int number) {
  std::string outcome;
  try {
    outcome = show(runner.run(main_body(node, number)));
  } catch (...) {
    outcome = shown_caught();
  }
  lines_ += std::to_string(now()) + " run r" + std::to_string(number) + " " + outcome + "\n";
}

void Machine::write_left(asyncio::EventLoop& loop) {
  lines_ += "left";
  for (const asyncio::AnyTask& task : asyncio::all_tasks(loop)) lines_ += " " + name_of(task);
  lines_ += "\n";
}

std::string Machine::close(asyncio::Runner& runner) {
  closing = true;
  std::string outcome = "None";
  try {
    runner.close();
  } catch (...) {
    outcome = shown_caught();
  }
  lines_ += std::to_string(now()) + " close " + outcome + "\n";
  return outcome;
}

std::optional<asyncio::Duration> delay_of(const std::string& word) {
  if (word == "none") return std::nullopt;
  return asyncio::Duration::nanoseconds(to_integer(word));
}

}  // namespace parity
