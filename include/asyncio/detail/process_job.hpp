#pragma once

#include <asyncio/detail/future_wait.hpp>
#include <asyncio/detail/process_call.hpp>
#include <asyncio/result.hpp>

#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {
class EventLoop;
class ProcessPoolExecutor;
}  // namespace asyncio

namespace asyncio::detail {

class ProcessPoolState;

/// A call in another process and the future that gets what it returns.
///
/// States: queued → running, when it is sent; queued → withdrawn, when the future is done before.
/// Owners: the pool, until it has an answer or is withdrawn; the future's list of callbacks.
/// Threads: the loop's.
class ProcessJob {
 public:
  ProcessJob(const ProcessJob&) = delete;
  ProcessJob& operator=(const ProcessJob&) = delete;

 protected:
  explicit ProcessJob(EncodedCall&& call) noexcept : call_(std::move(call)) {}
  virtual ~ProcessJob() = default;
  /// Reads the result into the pending future. Throws: codec::DecodeError.
  virtual void fulfil(FutureState& future, codec::Decoder& result) = 0;

 private:
  friend class ProcessPoolState;
  enum class Phase : unsigned char { queued, running, withdrawn };

  static void on_future_done(ReadyCall& self, ReadyAction action);
  /// The future, if somebody still waits for it.
  [[nodiscard]] FutureState* wanted() const noexcept {
    return future_ != nullptr && !future_->done() ? future_ : nullptr;
  }
  /// Throws: std::bad_alloc, and nothing has happened.
  void attach(FutureState& future);
  /// Lets go of the future.
  void detach() noexcept;
  void drop_owner() noexcept {
    if (--owners_ == 0) delete this;
  }

  EncodedCall call_;
  FutureState* future_ = nullptr;  // held until detach()
  Scheduler* scheduler_ = nullptr;
  unsigned owners_ = 1;
  Phase phase_ = Phase::queued;
  struct WhenDone : WaitCall {
    explicit WhenDone(ProcessJob& j) noexcept : WaitCall(&ProcessJob::on_future_done), job(j) {}
    ProcessJob& job;
  } when_done_{*this};
};

template <class R>
class ProcessJobOf final : public ProcessJob {
 public:
  explicit ProcessJobOf(EncodedCall&& call) noexcept : ProcessJob(std::move(call)) {}

 private:
  void fulfil(FutureState& future, codec::Decoder& result) override {
    if constexpr (std::is_void_v<R>) {
      result.finish();
      ::new (static_cast<void*>(&value_of<R>(future))) None();
    } else {
      R value = result.template decode<R>();
      result.finish();
      ::new (static_cast<void*>(&value_of<R>(future))) R(std::move(value));
    }
    future.finish_with_value();
  }
};

/// Sends the job off; it is the pool's from here on, also when this throws. A null pool: the
/// loop's own.
void submit_process_job(EventLoop& loop, ProcessPoolExecutor* pool, ProcessJob& job,
                        FutureState& future);

}  // namespace asyncio::detail
