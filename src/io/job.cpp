#include <asyncio/executor.hpp>

#include "io/default_executor.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

Job::Job() noexcept : ReadyCall{&Job::settle} { InboxNode::deliver = &Job::deliver; }

bool Job::move_from_queued(Phase next) noexcept {
  unsigned char expected = queued;
  return __atomic_compare_exchange_n(&phase_, &expected, static_cast<unsigned char>(next), false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void Job::run() noexcept {
  if (!move_from_queued(running)) {
    leave_withdrawn();
    return;
  }
  try {
    call();
  } catch (...) {
    fail(current_failure());
  }
  finish_on_worker();
}

void Job::drop() noexcept {
  if (move_from_queued(dropped)) {
    finish_on_worker();
  } else {
    leave_withdrawn();
  }
}

void Job::leave_withdrawn() noexcept {
  Scheduler& scheduler = *scheduler_;
  drop_owner();
  scheduler.unpin();
}

void Job::finish_on_worker() noexcept {
  Scheduler& scheduler = *scheduler_;  // once posted, this is the loop's
  // Not posted: the loop is closed, and what the job gives is dropped.
  if (!scheduler.post(*this)) drop_owner();
  scheduler.unpin();
}

void Job::deliver(InboxNode& node, ReadyAction action) {
  auto& job = static_cast<Job&>(node);
  if (action == ReadyAction::run) {
    job.scheduler_->ready.push(job);
  } else {
    settle(job, action);
  }
}

void Job::settle(ReadyCall& self, ReadyAction action) {
  auto& job = static_cast<Job&>(self);
  job.scheduler_->ready.unreserve();
  if (action == ReadyAction::run && job.future_ != nullptr && !job.future_->done()) {
    if (job.phase_ == dropped) {
      job.future_->cancel({});
    } else {
      try {
        job.fulfil(*job.future_);
      } catch (...) {
        job.future_->fail(current_failure());
      }
    }
  }
  job.detach();
  job.drop_owner();
}

void Job::on_future_done(ReadyCall& self, ReadyAction action) {
  if (action == ReadyAction::queued) return;  // the job lives until this has had its turn
  Job& job = static_cast<WhenDone&>(static_cast<WaitCall&>(self)).job;
  job.scheduler_->ready.unreserve();
  if (action == ReadyAction::run && job.move_from_queued(withdrawn)) job.detach();
  job.drop_owner();
}

void Job::detach() noexcept {
  if (future_ == nullptr) return;
  JobTable::remove(*this);
  --scheduler_->outside_work;
  std::exchange(future_, nullptr)->unhold();
}

// --- the jobs of a loop -------------------------------------------------------------------------

void JobTable::add(Job& job) noexcept {
  job.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &job;
  first_ = &job;
  table_of(*job.scheduler_) = this;
}

void JobTable::remove(Job& job) noexcept {
  JobTable& table = *table_of(*job.scheduler_);
  (job.previous_ == nullptr ? table.first_ : job.previous_->next_) = job.next_;
  if (job.next_ != nullptr) job.next_->previous_ = job.previous_;
  job.previous_ = job.next_ = nullptr;
}

void JobTable::detach_all() noexcept {
  while (first_ != nullptr) first_->detach();
}

void submit_job(EventLoop& loop, Executor* executor, Job& job, FutureState& future) {
  LoopState& state = LoopAccess::state(loop);
  bool attached = false;
  bool pinned = false;
  try {
    state.check_open("run_in_executor()");
    DefaultExecutor& service = DefaultExecutor::of(state);
    Executor& target = executor != nullptr ? *executor : service.get();
    state.ready.reserve();
    job.scheduler_ = &state;
    job.future_ = &future;
    future.hold();
    ++state.outside_work;
    service.jobs.add(job);
    attached = true;
    future.notify(job.when_done_);
    state.pin();  // the worker's, until it has posted
    pinned = true;
    target.submit(job);
  } catch (...) {
    if (pinned) state.unpin();
    if (attached) {
      job.when_done_.unlink();
      state.ready.unreserve();
      job.detach();
    }
    job.drop_owner();
    job.drop_owner();
    throw;
  }
}

}  // namespace asyncio::detail
