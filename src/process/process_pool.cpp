#include <asyncio/process_pool.hpp>

#include "process/process_pool_state.hpp"

#include <fmt/format.h>

namespace asyncio {

RemoteError::RemoteError(std::string_view type, std::string_view text, std::string_view traceback)
    : std::runtime_error(text.empty() ? std::string(type) : fmt::format("{}: {}", type, text)),
      type_(type),
      text_(text),
      traceback_(traceback) {}

ProcessPoolExecutor::ProcessPoolExecutor(ProcessPoolOptions options)
    : state_(new detail::ProcessPoolState(options)) {}

ProcessPoolExecutor::~ProcessPoolExecutor() {
  state_->shutdown(true, false);
  state_->drop_ref();
}

void ProcessPoolExecutor::shutdown(bool wait, bool cancel_futures) noexcept {
  state_->shutdown(wait, cancel_futures);
}

std::size_t ProcessPoolExecutor::max_workers() const noexcept { return state_->most(); }

namespace detail {

ProcessPoolService& ProcessPoolService::of(LoopState& loop) {
  if (loop.process_pools == nullptr) loop.process_pools = std::make_unique<ProcessPoolService>();
  return static_cast<ProcessPoolService&>(*loop.process_pools);
}

void ProcessPoolService::loop_closing() noexcept {
  while (ProcessPoolState* pool = pools_.first()) pool->loop_closing();
  own_.reset();
}

ProcessPoolExecutor& ProcessPoolService::own_pool() {
  if (own_ == nullptr) own_ = std::make_unique<ProcessPoolExecutor>();
  return *own_;
}

void submit_process_job(EventLoop& loop, ProcessPoolExecutor* pool, ProcessJob& job,
                        FutureState& future) {
  LoopState& state = LoopAccess::state(loop);
  // Whatever happens: who has made the job has no reference to it.
  struct Taken {
    ProcessJob* job;
    ~Taken() {
      if (job != nullptr) ProcessPoolState::refuse(*job);
    }
  } taken{&job};
  state.check_open("run_in_executor()");
  ProcessPoolExecutor& target = pool != nullptr ? *pool : ProcessPoolService::of(state).own_pool();
  target.state_->submit(state, job, future);
  taken.job = nullptr;
}

}  // namespace detail
}  // namespace asyncio
