#pragma once

#include "base/ticks.hpp"
#include "io/trace_file.hpp"
#include "loop/trace_ring.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::detail {

/// The texts that events show of constants of the program: made once for each, as append_json()
/// gives them.
class TraceNames {
 public:
  [[nodiscard]] const std::string& of_function(std::source_location function);
  /// "sleep() at main.cpp:12, in fetch()".
  [[nodiscard]] const std::string& of_await(std::source_location function,
                                            std::source_location location, const char* what);
  [[nodiscard]] const std::string& of_call(const char* type);

 private:
  struct Key {
    const void* function;
    const void* location;
    const void* what;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  template <class F>
  const std::string& text(const Key& key, F make);
  std::unordered_map<Key, std::string, Hash> texts_;
};

[[nodiscard]] const void* address_of(std::source_location location) noexcept;

/// The rows of one loop: makes events of its records.
class TraceTracks {
 public:
  TraceTracks(std::uint64_t loop, TraceFile& file, TraceNames& names,
              std::uint64_t& arrows) noexcept
      : loop_(loop), file_(file), names_(names), arrows_(arrows) {}

  /// All that is there. Returns: how many.
  std::size_t drain(TraceRing& ring, const TickScale& scale);
  /// Also shows waits that began before `then`, which may never end.
  void show_long_waits(TraceFile::Time then);
  /// The waits that are not over; `lost`: records that were lost since.
  void finish(TraceFile::Time at, std::uint32_t lost);

  [[nodiscard]] std::uint64_t loop() const noexcept { return loop_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  // What is known of the task that has a place in the registry.
  struct Row {
    std::uint32_t order = TraceRecord::nobody;
    bool waits = false;
    bool shown = false;  // the wait has been begun in the file
    bool woken = false;
    std::uint32_t waker = 0;
    TraceFile::Time waker_began = 0;
    TraceFile::Time since = 0;
    const std::string* function = nullptr;  // that goes on
    const std::string* awaits = nullptr;
    const void* at = nullptr;  // what `awaits` was made of
    const char* what = nullptr;
  };

  Row& row(std::uint32_t slot, std::uint32_t order);
  [[nodiscard]] TraceFile::Track track(std::uint32_t order) const noexcept;
  std::size_t take(const TraceRing& ring, std::size_t index, const TickScale& scale);
  void show(const TraceRecord& record, const TickScale& scale);
  void step(const TraceRecord& record, TraceFile::Time begin, TraceFile::Time end);
  void end_wait(Row& row, TraceFile::Time at);
  void new_task(const TraceRecord& record, std::string_view name);
  void woken(const TraceRecord& record, TraceFile::Time at);
  void busy(TraceFile::Time begin, TraceFile::Time end);
  void gap(std::uint32_t lost, TraceFile::Time begin, TraceFile::Time end);

  const std::uint64_t loop_;
  TraceFile& file_;
  TraceNames& names_;
  std::uint64_t& arrows_;  // of all loops
  std::vector<Row> rows_;
  bool busy_ = false;
  TraceFile::Time idle_since_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace asyncio::detail
