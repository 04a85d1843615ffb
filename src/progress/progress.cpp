#include <asyncio/progress.hpp>

#include "progress/bar.hpp"
#include "progress/state.hpp"

#include <utility>

namespace asyncio {

ProgressTask::ProgressTask(detail::Ref<detail::ProgressBar> bar) noexcept : bar_(std::move(bar)) {}
ProgressTask::ProgressTask(const ProgressTask&) noexcept = default;
ProgressTask& ProgressTask::operator=(const ProgressTask&) noexcept = default;
ProgressTask::~ProgressTask() = default;

std::int64_t ProgressTask::completed() const noexcept { return bar_->completed(); }
std::optional<std::int64_t> ProgressTask::total() const noexcept { return bar_->total(); }
bool ProgressTask::finished() const noexcept {
  return bar_->state() == detail::ProgressBar::State::finished;
}

void ProgressTask::advance(std::int64_t n) const noexcept { bar_->advance(n); }
void ProgressTask::update(const ProgressUpdate& changes) const { bar_->update(changes); }
void ProgressTask::finish() const noexcept { bar_->finish(); }
void ProgressTask::stop() const noexcept { bar_->stop(); }

Progress::Progress(const ProgressOptions& options) : state_(new detail::ProgressState(options)) {}
Progress::~Progress() { stop(); }

ProgressTask Progress::add_task(std::string_view description,
                                const ProgressTaskOptions& options) const {
  return ProgressTask(state_->add(description, options));
}
void Progress::print(std::string_view text) const { state_->print(text); }
void Progress::stop() const noexcept { state_->stop(); }

namespace detail {

OwnBar::OwnBar(std::string_view description, std::optional<std::int64_t> total,
               const Progress* progress, const ProgressOptions& output)
    : task_((progress == nullptr ? own_.emplace(output) : *progress)
                .add_task(description, {.total = total})) {}

}  // namespace detail

}  // namespace asyncio
