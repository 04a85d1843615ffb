#include "dashboard/own_process.hpp"

#include "dashboard/other_process.hpp"
#include "loop/open_loops.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace asyncio::dashboard {

OwnProcess::OwnProcess() : program_(snapshot::Program::of_process(::getpid())) {}

OwnProcess::~OwnProcess() { set_watched(false); }

std::string OwnProcess::title() const { return command_line_of(::getpid()); }

snapshot::ProcessView OwnProcess::look() {
  snapshot::ProcessView view = program_.take_snapshot();
  std::erase_if(view.loops, [this](const auto& loop) { return loop.id == hidden_; });
  return view;
}

void OwnProcess::set_watched(bool on) {
  if (on) return;  // the next look finds the loops
  for (auto& [id, loop] : loops_) loop.watch->set_watching(false);
  loops_.clear();
}

void OwnProcess::collect_counts(const snapshot::ProcessView& view) {
  ++looks_;
  find_loops();
  for (auto& [id, loop] : loops_) {
    for (auto& [task, total] : loop.totals) total.advanced = false;
    add(loop, loop.watch->take());
    const auto seen = std::find_if(view.loops.begin(), view.loops.end(),
                                   [id = id](const auto& one) { return one.id == id; });
    if (seen != view.loops.end()) sweep(loop, *seen);
  }
}

void OwnProcess::find_loops() {
  const auto visit = [](detail::LoopState& loop, void* argument) {
    auto& self = *static_cast<OwnProcess*>(argument);
    const auto id = reinterpret_cast<std::uintptr_t>(&loop);
    if (id == self.hidden_) return;
    Counted& counted = self.loops_[id];
    if (counted.watch == nullptr) counted.watch = std::make_shared<LoopWatch>(loop);
    counted.look = self.looks_;
  };
  detail::OpenLoops::visit(visit, this);
  for (auto at = loops_.begin(); at != loops_.end();) {
    const bool is_gone = at->second.look != looks_;
    if (is_gone) at->second.watch->set_watching(false);
    at = is_gone ? loops_.erase(at) : std::next(at);
  }
  for (auto& [id, loop] : loops_) loop.watch->set_watching(true);
}

void OwnProcess::add(Counted& loop, const LoopWatch::Counts& counts) const {
  loop.longest = counts.longest;
  for (const std::uint64_t task : counts.ended) loop.totals.erase(task);
  for (const auto& [task, count] : counts.tasks) {
    Total& total = loop.totals[task];
    if (total.order != count.order) total = {};
    total.order = count.order;
    total.steps += count.steps;
    total.cpu += count.cpu;
    total.advanced = true;
    total.look = looks_;  // it may be younger than the view
  }
}

void OwnProcess::sweep(Counted& loop, const snapshot::LoopView& view) const {
  for (const snapshot::TaskView& task : view.tasks) {
    const auto found = loop.totals.find(task.id);
    if (found != loop.totals.end()) found->second.look = looks_;
  }
  std::erase_if(loop.totals, [this](const auto& total) { return total.second.look != looks_; });
}

const StepCount* OwnProcess::count(std::uint64_t loop, std::uint64_t task) const {
  static constexpr StepCount none;
  const auto counted = loops_.find(loop);
  if (counted == loops_.end()) return nullptr;
  const auto found = counted->second.totals.find(task);
  return found == counted->second.totals.end() ? &none : &found->second;
}

std::int64_t OwnProcess::longest_step(std::uint64_t loop) const {
  const auto counted = loops_.find(loop);
  return counted == loops_.end() ? 0 : counted->second.longest;
}

}  // namespace asyncio::dashboard
