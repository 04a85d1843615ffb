#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

/// A timeline of what the loops of this process do, as a file that https://ui.perfetto.dev and
/// chrome://tracing show: a row for each loop and each task, steps, the awaits between them with
/// their file and line, and arrows from the step that woke to the step that was woken.
///
/// The environment variable ASYNCIO_TRACE=FILE records from the first loop on until the program
/// exits.
namespace asyncio::trace {

struct Options {
  /// What is there is replaced. "%p" in it stands for the number of the process.
  std::string_view path;
  /// In bytes. When the file has this size recording ends, with a mark in it and a line in the log.
  std::uint64_t limit = std::uint64_t{1} << 30;
  /// Records between a loop and the thread that writes the file, of 64 bytes each; rounded up to a
  /// power of two. A loop never waits for room: what finds none is lost, counted, and marked in the
  /// file.
  std::uint32_t buffer = std::uint32_t{1} << 17;
};
static_assert(std::is_trivially_destructible_v<Options>);

struct Summary {
  std::uint64_t steps = 0;  ///< that are in the file
  std::uint64_t lost = 0;   ///< records that found no room
  std::uint64_t bytes = 0;  ///< of the file
};

/// Records every loop of this process, and those that are made later. The time is real time, from
/// the processor's counter, also where a loop's clock is virtual: what is shown is what takes time.
///
/// Loops of other threads are recorded from their next iteration on. What was written can be read
/// at any time, also if the process is killed. A child that fork() makes is not recorded, unless
/// it calls this itself.
///
/// Throws: RuntimeError if a recording goes on, or another process writes the file;
/// std::invalid_argument for an empty path or a limit below 4,096; std::system_error
/// "trace: open /no/file: No such file or directory".
/// Threads: any.
/// Cost: some 30 ns a step on the loop's thread, and half of a processor for the thread that writes
/// a million steps a second; nothing without a recording.
void start(const Options& options);

/// Writes what is left, and ends the file. Nothing happens if there is no recording. The program's
/// exit does the same.
///
/// Threads: any. It waits for the thread that writes.
Summary stop();

/// True until stop(), or until the file is full or could not be written.
[[nodiscard]] bool is_recording() noexcept;

}  // namespace asyncio::trace
