#include "dashboard/sampler.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace asyncio::dashboard {

using State = snapshot::TaskView::State;

void Sampler::look() {
  ++looks_;
  sample_.tasks.clear();
  sample_.rates.clear();
  sample_.error.clear();
  try {
    sample_.view = source_.look();
    source_.collect_counts(sample_.view);
  } catch (const std::exception& error) {
    sample_.view = {};
    sample_.tasks.clear();
    sample_.error = error.what();
    return;
  }
  stacks_.begin_look();
  const std::uint64_t before = std::exchange(epoch_, stacks_.epoch());
  if (before != epoch_) stays_.clear();  // their stacks are gone
  const std::int64_t at = sample_.view.at;
  const double seconds = last_at_ == 0 ? 0 : static_cast<double>(at - last_at_) / 1e9;
  last_at_ = at;
  const auto loops = static_cast<std::uint32_t>(sample_.view.loops.size());
  for (std::uint32_t i = 0; i < loops; ++i) add_loop(i, seconds);
  sweep();
}

void Sampler::forget() {
  sample_ = {};
  stacks_ = {};
  stays_.clear();
  paces_.clear();
  looks_ = 0;
  last_at_ = 0;
}

void Sampler::add_loop(std::uint32_t number, double seconds) {
  const snapshot::LoopView& loop = sample_.view.loops[number];
  LoopRate rate;
  Pace& pace = paces_[loop.id];
  if (pace.look != 0 && seconds > 0 && loop.steps >= pace.steps) {
    rate.known = true;
    rate.steps = static_cast<double>(loop.steps - pace.steps) / seconds;
  }
  rate.busy_since = busy_since(loop, pace, sample_.view.at);
  pace = {loop.steps, loop.iterations, rate.busy_since, looks_};
  if (rate.busy_since != 0) rate.lag = sample_.view.at - rate.busy_since;
  rate.lag = std::max(rate.lag, source_.longest_step(loop.id));
  sample_.rates.push_back(rate);
  for (const snapshot::TaskView& task : loop.tasks) add_task(number, task, seconds);
}

// From outside nobody sees when a step began. But a loop that was seen in the same iteration
// before, with as many steps done, and not asleep, is at one step since then at least.
std::int64_t Sampler::busy_since(const snapshot::LoopView& loop, const Pace& before,
                                 std::int64_t now) {
  if (!loop.running || loop.asleep) return 0;
  if (loop.step_began != 0) return std::min(loop.step_began, now);
  const bool is_same =
      before.busy_since != 0 && before.iterations == loop.iterations && before.steps == loop.steps;
  return is_same ? before.busy_since : now;
}

void Sampler::add_task(std::uint32_t loop, const snapshot::TaskView& task, double seconds) {
  TaskRow row;
  row.task = &task;
  row.loop = loop;
  row.stack = stacks_.number_of(task);
  const StepCount* count = source_.count(sample_.view.loops[loop].id, task.id);
  set_since(task, row, count != nullptr && count->advanced);
  if (count != nullptr) {
    row.counted = true;
    row.steps = count->steps;
    row.cpu = count->cpu;
  }
  Stacks::Stack& stack = stacks_.stack(row.stack);
  ++stack.tasks;
  stack.waited += seconds;
  sample_.tasks.push_back(row);
}

// A task that was counted to have made a step is where it is since then only, wherever it was
// before. What runs does so since its step began.
void Sampler::set_since(const snapshot::TaskView& task, TaskRow& row, bool advanced) {
  Stay& stay = stays_[task.id];
  const bool stayed = stay.look != 0 && stay.stack == row.stack && stay.state == task.state;
  if (!stayed || advanced) {
    const std::int64_t began = sample_.rates[row.loop].busy_since;
    const bool runs = task.state == State::running && began != 0;
    stay.stack = row.stack;
    stay.state = task.state;
    stay.since = runs ? began : sample_.view.at;
    stay.longer = looks_ == 1 && stay.since == sample_.view.at;
  }
  stay.look = looks_;
  row.since = stay.since;
  row.longer = stay.longer;
}

void Sampler::sweep() {
  std::erase_if(stays_, [this](const auto& stay) { return stay.second.look != looks_; });
  std::erase_if(paces_, [this](const auto& pace) { return pace.second.look != looks_; });
}

}  // namespace asyncio::dashboard
