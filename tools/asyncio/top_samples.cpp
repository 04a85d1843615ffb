#include "top_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string_view>
#include <utility>

namespace asyncio::command {
namespace {

constexpr double second = 1e9;  // nanoseconds

std::uint64_t combined(std::uint64_t hash, std::uint64_t more) noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
  return (hash ^ more) * odd;
}

// Of a task's name, too, since addresses are used again.
std::uint64_t hash_of_place(const snapshot::TaskView& task) noexcept {
  constexpr std::hash<std::string_view> hash_of;
  std::uint64_t hash = combined(hash_of(task.name), hash_of(task.waits_for));
  for (const snapshot::FrameView& frame : task.frames) {
    hash = combined(combined(hash, frame.line), hash_of(frame.function));
  }
  return combined(hash, task.primitive);
}

}  // namespace

// The loop says when a batch has begun only while it asks the clock anyhow; else the batch is known
// to run since it was seen first.
Samples::Look Samples::look_at(const snapshot::LoopView& loop) const {
  Look look{process_.at, loop.steps, processor_time_(process_.pid, loop.thread), loop.iterations,
            0};
  if (!loop.running || loop.asleep) return look;
  const auto before = looks_.find(loop.id);
  const bool same = before != looks_.end() && before->second.batch == loop.iterations &&
                    before->second.batch_from > 0;
  look.batch_from = same ? before->second.batch_from : process_.at;
  if (loop.step_began > 0) look.batch_from = std::min(look.batch_from, loop.step_began);
  return look;
}

void Samples::add(snapshot::ProcessView process) {
  process_ = std::move(process);
  std::unordered_map<std::uint64_t, LoopRates> rates;
  std::unordered_map<std::uint64_t, Look> looks;
  for (const snapshot::LoopView& loop : process_.loops) {
    const Look now = look_at(loop);
    const auto before = looks_.find(loop.id);
    rates[loop.id] = rates_of(before == looks_.end() ? now : before->second, now);
    looks[loop.id] = now;
  }
  rates_ = std::move(rates);
  looks_ = std::move(looks);
  note_stays();
}

LoopRates Samples::rates_of(const Look& before, const Look& now) {
  LoopRates rates;
  if (now.batch_from > 0) rates.lag = static_cast<double>(now.at - now.batch_from) / second;
  // It is the first look, or another loop at the same address.
  if (before.at >= now.at || now.steps < before.steps) return rates;
  const auto passed = static_cast<double>(now.at - before.at);
  const auto steps = static_cast<double>(now.steps - before.steps);
  rates.steps_per_second = steps * second / passed;
  if (before.processor_time < 0 || now.processor_time < before.processor_time) return rates;
  const auto used = static_cast<double>(now.processor_time - before.processor_time);
  rates.processor = used / passed;
  if (steps > 0) rates.seconds_per_step = used / steps / second;
  return rates;
}

void Samples::note_stays() {
  std::unordered_map<std::uint64_t, Stay> now;
  now.reserve(stays_.size());
  for (const snapshot::LoopView& loop : process_.loops) {
    for (const snapshot::TaskView& task : loop.tasks) {
      if (task.state != snapshot::TaskView::State::waiting) continue;
      const std::uint64_t place = hash_of_place(task);
      const auto before = stays_.find(task.id);
      const bool same = before != stays_.end() && before->second.place == place;
      now[task.id] = same ? before->second : Stay{place, process_.at};
    }
  }
  stays_ = std::move(now);
}

const LoopRates& Samples::rates(const snapshot::LoopView& loop) const {
  static const LoopRates none;
  const auto found = rates_.find(loop.id);
  return found == rates_.end() ? none : found->second;
}

double Samples::waited(const snapshot::TaskView& task) const noexcept {
  const auto stay = stays_.find(task.id);
  if (stay == stays_.end()) return 0;
  return static_cast<double>(process_.at - stay->second.since) / second;
}

std::int64_t processor_time_of(std::int64_t pid, std::uint64_t thread) {
  std::ifstream file(fmt::format("/proc/{}/task/{}/schedstat", pid, thread));
  std::int64_t on_processor = -1;
  return file >> on_processor ? on_processor : -1;
}

}  // namespace asyncio::command
