#include <asyncio/testing.hpp>
#include <asyncio/traceback.hpp>

#include "core/live_blocks.hpp"
#include "io/backend_virtual.hpp"
#include "loop/loop_state.hpp"
#include "testing/leftovers.hpp"
#include "testing/probe.hpp"
#include "testing/shuffle.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace asyncio::testing {

using asyncio::detail::LoopAccess;
using asyncio::detail::LoopProbe;

namespace detail {
namespace {
constinit thread_local LoopProbe* probe_of_thread = nullptr;
}  // namespace

ProbeScope::ProbeScope(LoopProbe* probe) noexcept : outer_(std::exchange(probe_of_thread, probe)) {}
ProbeScope::~ProbeScope() { probe_of_thread = outer_; }

// --- shuffling ----------------------------------------------------------------------------------

struct Shuffled::Probe final : LoopProbe {
  explicit Probe(std::uint64_t s) noexcept : seed(s), random(s) {}
  void begin_batch(asyncio::detail::ReadyQueue& ready) noexcept override { shuffle(ready, random); }

  std::uint64_t seed;
  Random random;
  ProbeScope scope{this};
};

namespace {

std::optional<std::uint64_t> seed_of_environment() {
  const char* text = std::getenv("ASYNCIO_TEST_SEED");  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  const std::uint64_t seed = std::strtoull(text, &end, 10);
  if (*end != '\0') {
    asyncio::detail::throw_invalid_argument(
        fmt::format("ASYNCIO_TEST_SEED: \"{}\" is no number", text));
  }
  return seed;
}

}  // namespace

Shuffled::Shuffled(std::optional<std::uint64_t> seed)
    : probe_(nullptr), exceptions_(std::uncaught_exceptions()) {
  if (!seed) seed = seed_of_environment();
  if (seed) probe_ = new Probe(*seed);
}

Shuffled::~Shuffled() {
  if (probe_ == nullptr) return;
  if (std::uncaught_exceptions() > exceptions_) {
    std::fprintf(stderr, "%s\n", how_to_repeat().c_str());
  }
  delete probe_;
}

std::string Shuffled::how_to_repeat() const {
  if (probe_ == nullptr) return {};
  return fmt::format(
      "the order of what is ready was shuffled: run again with ASYNCIO_TEST_SEED={0} or "
      "testing::Options{{.seed = {0}}}",
      probe_->seed);
}

}  // namespace detail

std::unique_ptr<EventLoop> new_virtual_loop() {
  auto loop = LoopAccess::make(asyncio::detail::make_virtual_backend());
  LoopAccess::state(*loop).set_probe(detail::probe_of_thread);
  return loop;
}

OutsideWork::OutsideWork() : scheduler_(&asyncio::detail::running_scheduler("OutsideWork()")) {
  ++scheduler_->outside_work;
}
OutsideWork::OutsideWork(EventLoop& loop) noexcept : scheduler_(&LoopAccess::state(loop)) {
  ++scheduler_->outside_work;
}
OutsideWork::~OutsideWork() { --scheduler_->outside_work; }

// --- a test -------------------------------------------------------------------------------------

namespace {

using AskVerdict = Verdict (*)();

bool to_its_end(Verdict verdict) { return verdict == Verdict::good || verdict == Verdict::failed; }
bool to_be_repeated(Verdict verdict) {
  return verdict == Verdict::failed || verdict == Verdict::ended_early;
}

Coro<> checked(const Scenario& body, AskVerdict verdict, std::string& problems) {
  co_await body();
  if (!to_its_end(verdict())) co_return;
  for (const AnyTask& task : all_tasks()) {
    if (task == *current_task()) continue;
    problems += fmt::format("a task is left: {}\n", task.repr());
  }
  const std::size_t timers = LoopAccess::state(get_running_loop()).armed_timers();
  if (timers > 0 && problems.empty())
    problems += fmt::format("{} timer{} left\n", timers, timers == 1 ? " is" : "s are");
}

}  // namespace

std::string run_test(Scenario body, AskVerdict verdict) {
  if (verdict == nullptr) verdict = [] { return Verdict::good; };
  const detail::Shuffled shuffled(std::nullopt);
  const detail::Leftovers leftovers;
  std::string problems;
  try {
    asyncio::run(checked(body, verdict, problems), RunOptions{.loop_factory = &new_virtual_loop});
  } catch (...) {
    problems += "the body threw\n" + format_exception(std::current_exception()) + "\n";
  }
  if (to_its_end(verdict())) problems += leftovers.describe();
  if (!problems.empty() || to_be_repeated(verdict())) problems += shuffled.how_to_repeat();
  return problems;
}

}  // namespace asyncio::testing
