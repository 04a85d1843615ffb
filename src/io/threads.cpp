#include <asyncio/threads.hpp>

#include <utility>

namespace asyncio::detail {

struct CancelFromAnyThread::Note : InboxNode {
  explicit Note(AnyTask t) : task(std::move(t)) {
    deliver = [](InboxNode& self, ReadyAction action) {
      auto* note = static_cast<Note*>(&self);
      FutureAccess::state(note->task).scheduler().ready.unreserve();
      if (action == ReadyAction::run) note->task.cancel();
      delete note;
    };
  }
  AnyTask task;
};

CancelFromAnyThread::CancelFromAnyThread(AnyTask task)
    : scheduler_(&FutureAccess::state(task).scheduler()), task_(std::move(task)) {
  scheduler_->pin();
}

CancelFromAnyThread::CancelFromAnyThread(CancelFromAnyThread&& other) noexcept
    : scheduler_(std::exchange(other.scheduler_, nullptr)), task_(std::move(other.task_)) {}

CancelFromAnyThread::~CancelFromAnyThread() {
  if (scheduler_ != nullptr) scheduler_->unpin();
}

void CancelFromAnyThread::operator()() const {
  auto* note = new Note(task_);
  if (!scheduler_->post(*note)) delete note;  // the loop is closed, and the task gone with it
}

}  // namespace asyncio::detail
