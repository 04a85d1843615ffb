#include <asyncio/detail/process_job.hpp>

namespace asyncio::detail {

void ProcessJob::attach(FutureState& future) {
  Scheduler& scheduler = future.scheduler();
  scheduler.ready.reserve();
  scheduler_ = &scheduler;
  future_ = &future;
  future.hold();
  ++scheduler.outside_work;
  ++owners_;
  future.notify(when_done_);
}

void ProcessJob::detach() noexcept {
  if (future_ == nullptr) return;
  --scheduler_->outside_work;
  std::exchange(future_, nullptr)->unhold();
}

void ProcessJob::on_future_done(ReadyCall& self, ReadyAction action) {
  if (action == ReadyAction::queued) return;  // the job lives until this has had its turn
  ProcessJob& job = static_cast<WhenDone&>(static_cast<WaitCall&>(self)).job;
  job.scheduler_->ready.unreserve();
  if (action == ReadyAction::run) {
    if (job.phase_ == Phase::queued) {
      job.phase_ = Phase::withdrawn;
      job.call_.frame = std::string();  // which may be large, and its place in the queue may wait
    }
    job.detach();
  }
  job.drop_owner();
}

}  // namespace asyncio::detail
