#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/traceback.hpp>

#include "testing/leftovers.hpp"
#include "testing/probe.hpp"

#include <fmt/format.h>

#include <new>
#include <optional>

namespace asyncio::testing {

using asyncio::detail::AllocationWatch;
using asyncio::detail::LoopProbe;
using asyncio::detail::TaskState;

namespace {

constexpr std::uint64_t nowhere = AllocationWatch::none;
// A scenario that was disturbed may take longer, but not for ever.
constexpr std::uint64_t longest = 100'000;

// "'NAME' in FUNCTION() at FILE:LINE", of the innermost coroutine that is not the library's.
std::string place_of(TaskState& task) {
  std::string place = fmt::format("'{}'", task.name());
  for (const StackFrame& f : asyncio::detail::task_stack(task, std::nullopt)) {
    if (f.function.starts_with("asyncio::")) continue;
    place = fmt::format("'{}' in {}() at {}:{}", task.name(), f.function, f.file, f.line);
  }
  return place;
}

/// Counts the suspensions of a scenario's tasks and cancels at one of them.
class Canceller final : public LoopProbe {
 public:
  explicit Canceller(std::uint64_t point) noexcept : point_(point) {}

  void begin() noexcept { active_ = true; }
  void end() noexcept { active_ = false; }
  [[nodiscard]] std::uint64_t points() const noexcept { return points_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  void suspended(TaskState& task) override {
    if (active_ && points_++ == point_) {
      where_ = place_of(task);
      task.cancel({});
    }
    // Also while the loop ends: what swallows every cancellation is destroyed then.
    if (++suspensions_ % longest == 0) {
      asyncio::detail::throw_runtime_error(fmt::format(
          "the scenario does not end: its tasks were suspended {} times", suspensions_));
    }
  }

 private:
  std::uint64_t point_;
  std::uint64_t points_ = 0;
  std::uint64_t suspensions_ = 0;
  bool active_ = false;
  std::string where_;
  detail::ProbeScope scope_{this};
};

// Only the scenario itself is disturbed, not the loop's making and closing.
template <class Disturber>
Coro<> disturbed(Scenario& make, Disturber& disturber) {
  struct Window {
    Disturber& disturber;
    explicit Window(Disturber& d) noexcept : disturber(d) { d.begin(); }
    ~Window() { disturber.end(); }
  };
  const Window window(disturber);
  co_await make();
}

// The error that a run ended with; null: none.
template <class Disturber>
std::exception_ptr run_disturbed(Scenario& make, Disturber& disturber) {
  try {
    asyncio::run(disturbed(make, disturber), RunOptions{.loop_factory = &new_virtual_loop});
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

std::string describe(const std::exception_ptr& error) {
  return error == nullptr ? "" : format_exception(error) + "\n";
}

struct Trial {
  std::string problems;
  std::uint64_t points;
};

Trial try_cancel(Scenario& make, std::uint64_t point) {
  const detail::Leftovers leftovers;
  Canceller canceller(point);
  std::exception_ptr error = run_disturbed(make, canceller);
  if (point != nowhere && asyncio::detail::is_cancelled_error(error)) error = nullptr;
  std::string problems = describe(error);
  error = nullptr;
  problems += leftovers.describe();
  if (!problems.empty() && point != nowhere) {
    problems = fmt::format("cancelled at suspension {} of {}: {}\n{}", point, canceller.points(),
                           canceller.where(), problems);
  }
  return {std::move(problems), canceller.points()};
}

class Failer {
 public:
  explicit Failer(std::uint64_t point) noexcept : watch_(point) { watch_.pause(); }
  void begin() noexcept { watch_.resume(); }
  void end() noexcept { watch_.pause(); }
  [[nodiscard]] std::uint64_t points() const noexcept { return watch_.count(); }

 private:
  AllocationWatch watch_;
};

bool comes_of_bad_alloc(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const CancelledError&) {
    return true;
  } catch (const BaseExceptionGroup& group) {
    for (const std::exception_ptr& e : group.exceptions()) {
      if (!comes_of_bad_alloc(e)) return false;
    }
    return true;
  } catch (...) {
    return false;
  }
}

Trial try_failure(Scenario& make, std::uint64_t point) {
  const detail::Leftovers leftovers;
  Failer failer(point);
  std::exception_ptr error = run_disturbed(make, failer);
  if (point != nowhere && error != nullptr && comes_of_bad_alloc(error)) error = nullptr;
  std::string problems = describe(error);
  error = nullptr;
  problems += leftovers.describe();
  if (!problems.empty() && point != nowhere) {
    problems = fmt::format("bad_alloc at allocation {}:\n{}", point, problems);
  }
  return {std::move(problems), failer.points()};
}

std::string at_each_point(Scenario& make, Trial (*attempt)(Scenario&, std::uint64_t),
                          const char* nothing) {
  Trial first = attempt(make, nowhere);
  if (!first.problems.empty()) return "undisturbed:\n" + first.problems;
  if (first.points == 0) return nothing;
  std::string problems;
  for (std::uint64_t point = 0; point < first.points; ++point) {
    problems += attempt(make, point).problems;
  }
  return problems;
}

}  // namespace

std::string cancel_at_each_await(Scenario make) {
  return at_each_point(make, &try_cancel, "the scenario never suspends: nothing was tested\n");
}

std::string fail_at_each_allocation(Scenario make) {
  return at_each_point(make, &try_failure, "the scenario allocates nothing: nothing was tested\n");
}

}  // namespace asyncio::testing
