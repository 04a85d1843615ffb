#pragma once

#include "loop/loop_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

/// What a loop's thread is doing at a moment, taken on that thread by a signal handler.
namespace asyncio::detail {

/// A text, cut to what fits.
struct SampledText {
  std::array<char, 256> bytes;
  std::size_t size;
  bool cut;
};

struct StallSample {
  static constexpr std::size_t most_coroutines = 64;
  static constexpr std::size_t most_frames = 64;
  struct Coroutine {
    std::source_location function;
    std::source_location location;  // its current co_await, or its last one if it runs
  };

  SampledText loop;
  bool in_task;
  std::uint64_t task_number;  // of "Task-N"; 0: it has a name
  SampledText task_name;
  std::array<Coroutine, most_coroutines> coroutines;  // innermost first
  std::size_t coroutine_count;
  bool more_coroutines;
  std::array<void*, most_frames> frames;  // innermost first
  std::size_t frame_count;
  bool exact;  // the first frame is where it was; all others are return addresses
};

/// Whom to ask. The word counts what the loop runs; if it is not `turn` any more, that has ended.
struct SampleRequest {
  int thread;
  const LoopState* loop;
  ReadyEntry entry;
  const std::uint64_t* turns;
  std::uint64_t turn;
};

enum class SampleAnswer : std::uint8_t { taken, ended, none };

/// Makes ready to take samples: takes the signal, if nobody has it, and loads what the unwinder
/// needs. Threads: one at a time uses all of this.
void begin_sampling() noexcept;
/// Gives the signal back.
void end_sampling() noexcept;
/// Waits half a second for the thread's answer, which stands in last_sample() then.
/// `why_not`: if there is none.
[[nodiscard]] SampleAnswer take_sample(const SampleRequest& request, std::string& why_not);
[[nodiscard]] const StallSample& last_sample() noexcept;

}  // namespace asyncio::detail
