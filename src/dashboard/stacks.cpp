#include "dashboard/stacks.hpp"

#include <algorithm>
#include <utility>

namespace asyncio::dashboard {
namespace {

void append_bytes(std::string& key, std::uint32_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

void Stacks::begin_look() {
  for (Stack& stack : stacks_) stack.tasks = 0;
  if (places_.size() < most_places && stacks_.size() < most_stacks) return;
  places_.clear();
  stacks_.clear();
  place_numbers_.clear();
  stack_numbers_.clear();
  ++epoch_;
}

std::uint32_t Stacks::number_of(const snapshot::TaskView& task) {
  frames_.clear();
  const std::size_t n = task.frames.size();
  for (std::size_t i = 0; i < n; ++i) {
    // A recursion 100,000 deep: its ends say where it comes from and where it is.
    if (n > most_frames && i == most_frames / 2) {
      frames_.push_back(place_of_gap());
      i = n - most_frames / 2;
    }
    frames_.push_back(place_of(task.frames[i]));
  }
  key_.clear();
  for (const std::uint32_t place : frames_) append_bytes(key_, place);
  key_ += task.waits_for;
  const auto [at, is_new] =
      stack_numbers_.try_emplace(key_, static_cast<std::uint32_t>(stacks_.size()));
  if (is_new) {
    Stack stack;
    stack.places = frames_;
    stack.waits_for = task.waits_for;
    const auto own = std::find_if(frames_.begin(), frames_.end(), [this](std::uint32_t place) {
      return !places_[place].function.starts_with("asyncio::");
    });
    stack.where = own == frames_.end() ? 0 : static_cast<std::uint32_t>(own - frames_.begin());
    stacks_.push_back(std::move(stack));
  }
  return at->second;
}

std::uint32_t Stacks::place_of(const snapshot::FrameView& frame) {
  key_.assign(frame.function);
  key_ += '\0';
  key_ += frame.file;
  append_bytes(key_, frame.line);
  const auto [at, is_new] =
      place_numbers_.try_emplace(key_, static_cast<std::uint32_t>(places_.size()));
  if (is_new) places_.push_back({frame.function, frame.file, frame.line});
  return at->second;
}

std::uint32_t Stacks::place_of_gap() {
  snapshot::FrameView gap;
  gap.function = "… more frames";
  return place_of(gap);
}

}  // namespace asyncio::dashboard
