#pragma once

#include <asyncio/detail/future_wait.hpp>
#include <asyncio/result.hpp>

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

namespace asyncio {
class Executor;
class EventLoop;
}  // namespace asyncio

namespace asyncio::detail {

/// A call on another thread and the future that gets what it returns.
///
/// States (phase_, atomic): queued → running, by the worker; queued → withdrawn, by the loop's
/// thread when the future is cancelled first; queued → dropped, by an executor that shuts down.
/// Owners: the worker's side, and the loop's side until the future is done or gone.
class Job : private InboxNode, private ReadyCall {
 public:
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// On the worker: calls the function unless the job was withdrawn and gives the outcome to the
  /// loop.
  void run() noexcept;
  /// Instead of run(): the executor will not come to it. The future is cancelled.
  void drop() noexcept;

  Job* next_in_queue = nullptr;  ///< for the executor

 protected:
  Job() noexcept;
  virtual ~Job() = default;
  virtual void call() = 0;
  virtual void fail(Failure failure) noexcept = 0;
  /// Moves the outcome into the pending future.
  virtual void fulfil(FutureState& future) = 0;

 private:
  friend class JobTable;
  friend void submit_job(EventLoop& loop, Executor* executor, Job& job, FutureState& future);
  enum Phase : unsigned char { queued, running, withdrawn, dropped };

  static void deliver(InboxNode& self, ReadyAction action);
  static void settle(ReadyCall& self, ReadyAction action);
  static void on_future_done(ReadyCall& self, ReadyAction action);
  bool move_from_queued(Phase next) noexcept;
  void finish_on_worker() noexcept;
  void leave_withdrawn() noexcept;
  /// The loop's side lets go of the future; on the loop's thread.
  void detach() noexcept;
  void drop_owner() noexcept {
    if (owners_.drop()) delete this;
  }

  SharedCount owners_{2};
  unsigned char phase_ = queued;
  FutureState* future_ = nullptr;  // held until detach()
  Scheduler* scheduler_ = nullptr;
  struct WhenDone : WaitCall {
    explicit WhenDone(Job& j) noexcept : WaitCall(&Job::on_future_done), job(j) {}
    Job& job;
  } when_done_{*this};
  Job* previous_ = nullptr;  // among the jobs in flight of the loop
  Job* next_ = nullptr;
};

template <class R>
class JobOf : public Job {
 protected:
  using Value = NoneIfVoid<R>;
  Outcome<Value> outcome;

 private:
  void fail(Failure failure) noexcept override { outcome.fail(std::move(failure)); }
  void fulfil(FutureState& future) override {
    if (!outcome.has_value()) {
      future.fail(outcome.take_failure());
      return;
    }
    ::new (static_cast<void*>(&value_of<R>(future))) Value(std::move(outcome.value()));
    future.finish_with_value();
  }
};

/// Sends the job off; it is the executor's and the loop's from here on, also when this throws.
void submit_job(EventLoop& loop, Executor* executor, Job& job, FutureState& future);

}  // namespace asyncio::detail
