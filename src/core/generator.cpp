#include <asyncio/detail/generator.hpp>

#include "base/log.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

// --- one step -----------------------------------------------------------------------------------

bool GeneratorStep::await_ready() {
  GeneratorPromiseBase* promise = generator_->promise_;
  if (promise != nullptr && promise->owner != nullptr) {
    throw_runtime_error(
        fmt::format("{}: asynchronous generator '{}' is already running; let one task iterate it, "
                    "or hand its items on by a Queue",
                    what_, function_name(promise->function)));
  }
  if (promise == nullptr || generator_->closed_) {
    end_ = End::ended;
    return true;
  }
  if (action_ == Action::close) raised_ = std::make_exception_ptr(GeneratorExit());
  generator_->closed_ = action_ == Action::close;
  if (promise->begun_ || action_ == Action::next) return false;
  // Ends before it has begun.
  if (action_ == Action::raise) {
    failure_ = failure_of(std::move(raised_));
    end_ = End::failed;
  } else {
    end_ = End::ended;
  }
  promise->handle().destroy();
  return true;
}

void GeneratorStep::begin() {
  GeneratorPromiseBase& promise = *generator_->promise_;
  if (!promise.begun_) promise.begin();
  promise.raised_ = std::move(raised_);
  promise.owner = this;
  promise_ = &promise;
  child = &promise;
  thread_state.task->enter(promise);
}

void GeneratorStep::end() noexcept {
  if (promise_ != nullptr) std::exchange(promise_, nullptr)->handle().destroy();
}

std::exception_ptr GeneratorStep::raised_error() noexcept {
  return running_task()->raised_here(std::move(failure_));
}

void GeneratorStep::finish_close() {
  if (end_ == End::yielded) {
    const std::string name = function_name(promise_->function);
    if (promise_->generator_ == nullptr) end();
    throw_runtime_error(
        fmt::format("aclose(): asynchronous generator '{}' ignored GeneratorExit: it must not "
                    "co_yield after it has caught that; rethrow it",
                    name));
  }
  if (end_ == End::failed && is_generator_exit(failure_.error)) end_ = End::ended;
  finish();
}

// --- the frame ----------------------------------------------------------------------------------

GeneratorPromiseBase::~GeneratorPromiseBase() {
  unlink();
  if (generator_ != nullptr) generator_->promise_ = nullptr;
}

void GeneratorPromiseBase::begin() {
  Scheduler& scheduler = thread_state.task->scheduler();
  if (scheduler.generators_closed) {
    log(LogLevel::warning,
        fmt::format("asynchronous generator '{}' was begun after shutdown_asyncgens(): nobody "
                    "closes it",
                    function_name(function)));
  }
  begun_ = true;
  previous = scheduler.generators.previous;
  next = &scheduler.generators;
  previous->next = next->previous = this;
}

void GeneratorPromiseBase::unlink() noexcept {
  if (next == nullptr) return;
  previous->next = next;
  next->previous = previous;
  next = previous = nullptr;
}

void GeneratorPromiseBase::pause() noexcept {
  thread_state.task->leave(*this);
  owner = nullptr;
}

void forget_generators(Scheduler& scheduler) noexcept {
  GeneratorLink& head = scheduler.generators;
  for (GeneratorLink* at = head.next; at != &head;) {
    GeneratorLink* gone = std::exchange(at, at->next);
    gone->previous = gone->next = nullptr;
  }
  head.previous = head.next = &head;
}

// --- the handle ---------------------------------------------------------------------------------

void GeneratorHandle::destroy() noexcept {
  GeneratorPromiseBase* promise = std::exchange(promise_, nullptr);
  if (promise == nullptr) return;
  promise->generator_ = nullptr;
  // While a task runs it, its step destroys it.
  if (promise->owner == nullptr) promise->handle().destroy();
}

void GeneratorHandle::take(GeneratorHandle& other) noexcept {
  promise_ = std::exchange(other.promise_, nullptr);
  closed_ = other.closed_;
  if (promise_ != nullptr) promise_->generator_ = this;
}

std::string GeneratorHandle::repr() const {
  if (promise_ == nullptr) return "<async_generator object, ended>";
  return fmt::format("<async_generator object {} at {}>", function_name(promise_->function),
                     static_cast<const void*>(promise_));
}

}  // namespace asyncio::detail
