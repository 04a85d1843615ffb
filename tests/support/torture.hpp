#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/traceback.hpp>

#include "support/log_capture.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace support {

/// What a scenario promises. Throws: std::logic_error, which neither injection takes for its own.
inline void require(bool holds, const char* promise) {
  if (!holds) throw std::logic_error(std::string("broken: ") + promise);
}

/// A value that can only be moved; what is lost or doubled shows in the number of those alive.
class Item {
 public:
  explicit Item(int number) noexcept : number_(number) { ++alive; }
  Item(Item&& other) noexcept : number_(std::exchange(other.number_, 0)) { ++alive; }
  Item& operator=(Item&& other) noexcept {
    number_ = std::exchange(other.number_, 0);
    return *this;
  }
  ~Item() { --alive; }

  /// 0: moved from.
  [[nodiscard]] int number() const noexcept { return number_; }

  inline static int alive = 0;

 private:
  int number_;
};

/// In the frame of a coroutine: how many such frames there are.
class Witness {
 public:
  Witness() noexcept { ++alive; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { --alive; }

  inline static int alive = 0;
};

struct Torture {
  /// Nothing may be reported but while allocations fail.
  bool quiet = true;
  /// Orders that are tried.
  std::uint64_t seeds = 50;
};

namespace detail {

/// Only what is disturbed may ask the scenario's task to stop. An error that left the loop shows,
/// too: the shutdown cancels the scenario then.
template <class F>
asyncio::Coro<> uncancelled(F& scenario) {
  const auto end = co_await asyncio::as_result(scenario());
  require(asyncio::current_task()->cancelling() == 0,
          "somebody has cancelled the scenario and not taken that back, or an error left the loop");
  end.value();
}

/// The scenario in one order of what is ready.
template <class F>
std::string shuffled(F& scenario, std::uint64_t seed) {
  const std::int64_t before = asyncio::detail::live_blocks();
  std::string problems;
  try {
    asyncio::testing::run(scenario, {.seed = seed});
  } catch (...) {
    problems = asyncio::format_exception(std::current_exception()) + "\n";
  }
  asyncio::detail::forget_failures();
  if (asyncio::detail::live_blocks() != before) problems += "something is left behind\n";
  return problems.empty() ? "" : "with seed " + std::to_string(seed) + ": " + problems;
}

}  // namespace detail

/// Runs a scenario in many orders, with a cancellation at each of its awaits, and with a failure of
/// each of its allocations. Returns: what went wrong; nothing if nothing did.
template <class F>
std::string torture(F scenario, Torture options = {}) {
  std::string problems;
  {
    const LogCapture reports;
    for (std::uint64_t seed = 0; seed < options.seeds; ++seed) {
      problems += detail::shuffled(scenario, seed);
    }
    problems += asyncio::testing::cancel_at_each_await(scenario);
    if (options.quiet) {
      for (const std::string& line : reports.lines()) problems += "reported: " + line + "\n";
    }
  }
  const LogCapture reports;
  problems += asyncio::testing::fail_at_each_allocation(
      [&scenario] { return detail::uncancelled(scenario); });
  for (int* alive : {&Item::alive, &Witness::alive}) {
    if (*alive != 0) problems += std::to_string(*alive) + " items or frames are left\n";
    *alive = 0;
  }
  constexpr std::size_t enough = 2000;
  if (problems.size() > enough) {
    problems.resize(enough);
    problems += "... and so on";
  }
  return problems;
}

}  // namespace support
