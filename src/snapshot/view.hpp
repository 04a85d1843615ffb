#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace asyncio::snapshot {

/// What was seen of a process at one moment: plain values, for whoever shows them. Texts are as the
/// process has them, cut to a length but not escaped.

struct FrameView {
  std::string function;  ///< its name, without parameters
  std::string file;      ///< the whole path; empty: not known
  std::uint32_t line = 0;
};

struct TaskView {
  enum class State : std::uint8_t { running, ready, waiting };

  std::uint64_t id = 0;  ///< its address
  std::string name;
  State state = State::waiting;
  std::vector<FrameView> frames;      ///< suspended coroutines, innermost first
  std::string waits_for;              ///< "Lock.acquire()"; empty unless it waits
  std::vector<std::uint64_t> awaits;  ///< the tasks that it waits for, through futures and gathers
  std::uint64_t primitive = 0;        ///< the lock, queue or other primitive; 0: none
  std::uint64_t owner = 0;            ///< the task that has the lock; 0: nobody, or not known
};

struct LoopView {
  std::uint64_t id = 0;  ///< its address
  std::string name;
  std::uint64_t thread = 0;  ///< the kernel's number of the thread that runs it; 0: not known
  bool running = false;
  bool asleep = false;      ///< in the kernel, waiting for what comes
  std::uint64_t ready = 0;  ///< entries of the ready queue
  std::uint64_t timers = 0;
  std::uint64_t descriptors = 0;  ///< that are watched
  std::uint64_t iterations = 0;   ///< since its beginning
  std::uint64_t steps = 0;        ///< entries that were run since its beginning
  std::int64_t step_began = 0;   ///< ns of CLOCK_MONOTONIC when the batch that runs began; 0: none,
                                 ///< or not known, as from outside
  std::uint64_t live_tasks = 0;  ///< as the loop counts them
  std::uint64_t torn = 0;        ///< tasks that changed too fast to be seen as a whole
  std::vector<TaskView> tasks;   ///< in order of creation
};

struct ProcessView {
  std::int64_t pid = 0;  ///< 0: a core file
  std::int64_t at = 0;   ///< ns of CLOCK_MONOTONIC when it was read
  std::vector<LoopView> loops;
};

}  // namespace asyncio::snapshot
