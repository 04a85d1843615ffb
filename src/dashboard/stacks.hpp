#pragma once

#include "snapshot/view.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::dashboard {

/// A line of a program.
struct Place {
  std::string function;
  std::string file;
  std::uint32_t line = 0;
};

/// The places where coroutines are suspended, and the stacks of such places that tasks have, each
/// kept once and known by a number: of a million tasks most are at the same few. Both are bounded;
/// beyond that everything is forgotten and the numbers begin anew (`epoch`).
class Stacks {
 public:
  struct Stack {
    std::vector<std::uint32_t> places;  ///< innermost first, cut in the middle
    std::uint32_t where = 0;  ///< of these: the innermost one that is no library's of ours
    std::string waits_for;    ///< "Lock.acquire()"
    std::uint64_t tasks = 0;  ///< that were there at the last look
    double waited = 0;        ///< task-seconds since somebody began to look
  };

  /// The number of the task's stack.
  std::uint32_t number_of(const snapshot::TaskView& task);
  /// Before a look. Forgets everything if there is too much of it.
  void begin_look();

  [[nodiscard]] Stack& stack(std::uint32_t number) { return stacks_[number]; }
  [[nodiscard]] const std::vector<Stack>& stacks() const noexcept { return stacks_; }
  [[nodiscard]] const std::vector<Place>& places() const noexcept { return places_; }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

 private:
  static constexpr std::size_t most_places = 20'000;
  static constexpr std::size_t most_stacks = 20'000;
  static constexpr std::size_t most_frames = 64;

  std::uint32_t place_of(const snapshot::FrameView& frame);
  std::uint32_t place_of_gap();

  std::vector<Place> places_;
  std::vector<Stack> stacks_;
  std::unordered_map<std::string, std::uint32_t> place_numbers_;
  std::unordered_map<std::string, std::uint32_t> stack_numbers_;
  std::vector<std::uint32_t> frames_;  // of the task that is looked at
  std::string key_;
  std::uint64_t epoch_ = 1;
};

}  // namespace asyncio::dashboard
