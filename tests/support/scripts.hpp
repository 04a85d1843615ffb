#pragma once

#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/line.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

// Three tasks wait for a primitive while a script is played: every script, up to a length, of what
// can be done to it, of cancelling one of the three, and of letting everything that is ready run.
namespace support {

inline constexpr int script_waiters = 3;

/// What a script is about. Derived classes have the primitive, and
///
///     static constexpr const char* acts[]      // names of what can be done to it
///     Coro<> begin()                           // before anybody waits
///     Coro<> wait(int who)                     // ends with passed(who)
///     Coro<> act(std::size_t which)
///     bool holds() const                       // what is true at any time
///     Coro<> settle()                          // after the script: whoever can go on does
///     bool settled(std::size_t alive) const    // ... of `alive` that were not cancelled
///     Coro<> finish()                          // again and again, until all have gone on
///     bool finished() const                    // what is true in the end
class Subject {
 public:
  [[nodiscard]] const Order& order() const noexcept { return order_; }

 protected:
  void passed(int who) { order_.push_back(who); }

 private:
  Order order_;
};

/// One script, an operation each.
using Script = std::vector<std::size_t>;

template <class S>
class ScriptRun {
 public:
  explicit ScriptRun(const Script& script) : script_(script) {}

  static constexpr std::size_t acts = std::size(S::acts);
  static constexpr std::size_t operations = acts + script_waiters + 1;

  /// Returns: what went wrong; nothing if nothing did.
  asyncio::Coro<std::string> play() {
    co_await subject_.begin();
    for (int i = 0; i < script_waiters; ++i) {
      tasks_.push_back(asyncio::create_task(subject_.wait(i)));
    }
    co_await passes(1);
    for (const std::size_t operation : script_) {
      co_await perform(operation);
      expect(subject_.holds(), "what must hold at any time does not");
    }
    co_await subject_.settle();
    expect(subject_.settled(script_waiters - cancelled()), "a wake-up is lost");
    for (int i = 0; i < 2 * script_waiters && !all_done(); ++i) co_await subject_.finish();
    expect(all_done(), "somebody still waits");
    for (const auto& task : tasks_) task.cancel();
    co_await passes(2);
    expect(subject_.finished(), "what must hold in the end does not");
    expect(subject_.order() == those_not_cancelled(), "not all went on, or not in their order");
    co_return problem_;
  }

 private:
  asyncio::Coro<> perform(std::size_t operation) {
    if (operation < acts) {
      co_await subject_.act(operation);
    } else if (operation < acts + script_waiters) {
      const std::size_t who = operation - acts;
      if (tasks_[who].cancel()) cancelled_[who] = true;
    } else {
      co_await passes(1);
    }
  }
  [[nodiscard]] std::size_t cancelled() const {
    return static_cast<std::size_t>(std::count(cancelled_.begin(), cancelled_.end(), true));
  }
  [[nodiscard]] bool all_done() const {
    return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task.done(); });
  }
  [[nodiscard]] Order those_not_cancelled() const {
    Order order;
    for (int i = 0; i < script_waiters; ++i) {
      if (!cancelled_[static_cast<std::size_t>(i)]) order.push_back(i);
    }
    return order;
  }
  void expect(bool holds, const char* what) {
    if (holds || !problem_.empty()) return;
    problem_ = std::string(what) + ":";
    for (const std::size_t operation : script_) problem_ += " " + name_of(operation);
    problem_ += "\n";
  }
  static std::string name_of(std::size_t operation) {
    if (operation < acts) return S::acts[operation];
    if (operation == operations - 1) return "step";
    return "cancel-" + std::to_string(operation - acts);
  }

  const Script& script_;
  S subject_;
  std::vector<asyncio::Task<>> tasks_;
  std::vector<bool> cancelled_ = std::vector<bool>(script_waiters, false);
  std::string problem_;
};

/// Counts on to the next script of this length. Returns: false if that was the last one.
inline bool next_script(Script& script, std::size_t operations) {
  for (std::size_t& operation : script) {
    if (++operation < operations) return true;
    operation = 0;
  }
  return false;
}

/// Plays every script of up to `longest` operations. Returns: the first problems; nothing if there
/// are none.
template <class S>
std::string play_scripts(std::size_t longest = 6) {
  std::string problems;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    for (std::size_t length = 0; length <= longest; ++length) {
      Script script(length, 0);
      do {
        ScriptRun<S> run(script);
        problems += co_await run.play();
      } while (problems.size() < 1000 && next_script(script, ScriptRun<S>::operations));
    }
  });
  return problems;
}

}  // namespace support
