#include "dashboard/loop_watch.hpp"

#include <asyncio/detail/task_state.hpp>

#include <time.h>

#include <algorithm>
#include <utility>

namespace asyncio::dashboard {
namespace {

constexpr std::size_t most_ended = 10'000;
// The clock of a thread is a call into the kernel, and takes as long as many steps: it is read once
// in this time, and for steps that take longer. Shorter ones are taken to have worked all the time.
constexpr std::int64_t short_step = 1'000'000;

std::int64_t thread_cpu() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

/// A request that is on its way to the loop.
class LoopWatch::Note final : public detail::InboxNode {
 public:
  Note(std::shared_ptr<LoopWatch> watch, Request request)
      : watch_(std::move(watch)), request_(request) {
    deliver = [](InboxNode& self, detail::ReadyAction action) {
      const std::unique_ptr<Note> note(static_cast<Note*>(&self));
      note->watch_->loop_.ready.unreserve();
      const bool goes_on = action == detail::ReadyAction::run;
      note->watch_->answer(goes_on ? note->request_ : Request::stop);
    };
  }

 private:
  std::shared_ptr<LoopWatch> watch_;
  Request request_;
};

LoopWatch::LoopWatch(detail::LoopState& loop) noexcept : loop_(loop) { loop_.pin(); }

LoopWatch::~LoopWatch() { loop_.unpin(); }

void LoopWatch::set_watching(bool on) {
  if (std::exchange(watching_, on) != on) post(on ? Request::start : Request::stop);
}

LoopWatch::Counts LoopWatch::take() {
  Counts taken;
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    taken = std::exchange(handed_over_, {});
    ask = !std::exchange(asked_, true);
  }
  if (ask) post(Request::hand_over);
  return taken;
}

// A loop that is closed runs nothing any more, and its list is never looked at again.
void LoopWatch::post(Request request) {
  auto note = std::make_unique<Note>(shared_from_this(), request);
  if (loop_.post(*note)) {
    [[maybe_unused]] const Note* posted = note.release();
  } else if (loop_.closed()) {  // which also makes visible what the loop's thread has written
    in_list_.reset();
  }
}

void LoopWatch::answer(Request request) {
  switch (request) {
    case Request::start:
      if (in_list_ == nullptr) {
        loop_.add_watch(*this);
        in_list_ = shared_from_this();
      }
      break;
    case Request::stop:
      if (in_list_ != nullptr) loop_.remove_watch(*this);
      in_list_.reset();
      counts_ = {};
      has_begun_ = false;
      break;
    case Request::hand_over: hand_over(); break;
  }
}

void LoopWatch::hand_over() {
  const std::lock_guard lock(mutex_);
  handed_over_ = std::exchange(counts_, {});
  asked_ = false;
}

void LoopWatch::begins(const detail::ReadyEntry& entry, std::int64_t now) noexcept {
  has_begun_ = true;
  began_ = now;
  if (entry.is_task() && now - cpu_read_ >= short_step) read_cpu(now);
}

void LoopWatch::read_cpu(std::int64_t now) noexcept {
  cpu_ = thread_cpu();
  cpu_read_ = now;
}

std::int64_t LoopWatch::cpu_of_step(std::int64_t now) noexcept {
  const std::int64_t took = now - began_;
  if (took < short_step) return took;
  const std::int64_t before = cpu_ + (began_ - cpu_read_);
  read_cpu(now);
  return std::clamp<std::int64_t>(cpu_ - before, 0, took);
}

void LoopWatch::ended(detail::TaskState* task, std::int64_t now) noexcept {
  if (!std::exchange(has_begun_, false)) return;
  counts_.longest = std::max(counts_.longest, now - began_);
  if (task == nullptr) return;
  try {
    count(*task, cpu_of_step(now));
  } catch (...) {
    // Without memory a step is not counted; it has run nevertheless.
  }
}

void LoopWatch::count(detail::TaskState& task, std::int64_t cpu) {
  const auto id = reinterpret_cast<std::uintptr_t>(&task);
  if (task.done()) {
    counts_.tasks.erase(id);
    if (counts_.ended.size() < most_ended) counts_.ended.push_back(id);
    return;
  }
  Count& count = counts_.tasks[id];
  if (count.order != task.order()) count = {};
  count.order = task.order();
  ++count.steps;
  count.cpu += cpu;
}

}  // namespace asyncio::dashboard
