#include <asyncio/testing.hpp>
#include <asyncio/traceback.hpp>

#include "io/backend_virtual.hpp"
#include "loop/loop_state.hpp"

#include <dirent.h>
#include <fmt/format.h>

namespace asyncio::testing {

using asyncio::detail::LoopAccess;

std::unique_ptr<EventLoop> new_virtual_loop() {
  return LoopAccess::make(asyncio::detail::make_virtual_backend());
}

OutsideWork::OutsideWork() : scheduler_(&asyncio::detail::running_scheduler("OutsideWork()")) {
  ++scheduler_->outside_work;
}
OutsideWork::OutsideWork(EventLoop& loop) noexcept : scheduler_(&LoopAccess::state(loop)) {
  ++scheduler_->outside_work;
}
OutsideWork::~OutsideWork() { --scheduler_->outside_work; }

namespace {

std::size_t open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  std::size_t n = 0;
  while (::readdir(dir) != nullptr) ++n;  // NOLINT(concurrency-mt-unsafe): a stream of our own
  ::closedir(dir);
  return n;
}

Coro<> checked(Coro<> (*body)(), std::string& problems) {
  co_await body();
  for (const AnyTask& task : all_tasks()) {
    if (task == *current_task()) continue;
    problems += fmt::format("a task is left: {}\n", task.repr());
  }
  const std::size_t timers = LoopAccess::state(get_running_loop()).armed_timers();
  if (timers > 0 && problems.empty()) problems += fmt::format("{} timers are left\n", timers);
}

}  // namespace

std::string run_test(Coro<> (*body)()) {
  const std::int64_t blocks = asyncio::detail::live_blocks();
  const std::size_t descriptors = open_descriptors();
  std::string problems;
  try {
    testing::run(checked(body, problems));
  } catch (...) {
    problems += "the body threw\n" + format_exception(std::current_exception()) + "\n";
  }
  const std::int64_t leaked = asyncio::detail::live_blocks() - blocks;
  if (leaked != 0) {
    problems += fmt::format("{} coroutine frames, futures or handles are left\n", leaked);
  }
  const std::size_t descriptors_after = open_descriptors();
  if (descriptors_after != descriptors) {
    problems += fmt::format("{} descriptors were open before, {} are after\n", descriptors,
                            descriptors_after);
  }
  return problems;
}

}  // namespace asyncio::testing
