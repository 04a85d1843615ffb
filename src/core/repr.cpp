#include "core/repr.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

std::string callable_name(const char* pretty_type) { return readable_type(pretty_type); }

std::string describe_coroutine(const PromiseBase& promise) {
  const std::source_location at =
      promise.location.line() != 0 ? promise.location : promise.function;
  return fmt::format("{}() {} at {}:{}", function_name(promise.function),
                     promise.location.line() != 0 ? "running" : "defined",
                     file_name(at.file_name()), at.line());
}

const PromiseBase* root_of(const TaskState& task) noexcept {
  const PromiseBase* promise = task.top();
  while (promise != nullptr && promise->owner != nullptr) promise = promise->owner->parent;
  return promise;
}

std::string repr_coroutine(const PromiseBase* promise) {
  if (promise == nullptr) return "<coroutine object, consumed>";
  return fmt::format("<coroutine object {} at {}>", function_name(promise->function),
                     static_cast<const void*>(promise));
}

std::string FutureState::describe_callback(const WaitNode& node) {
  if (const TaskState* task = node.entry().task()) {
    return fmt::format("wakeup of {}", task->name());
  }
  if (const char* function = CallbackNode::function_of(node.entry())) {
    return callable_name(function);
  }
  return "a combinator";
}

std::string FutureState::repr() const {
  if (kind_ == Kind::task) return static_cast<const TaskState&>(*this).repr_task();
  std::string text = "<Future ";
  switch (phase_) {
    case Phase::pending: text += "pending"; break;
    case Phase::cancelled: text += "cancelled"; break;
    case Phase::finished:
      text += "finished";
      if (!has_value_) text += " exception=" + describe(error());
      break;
  }
  return text + repr_callbacks() + repr_creation() + ">";
}

std::string FutureState::repr_creation() const {
  if (!scheduler_->debug || created_at_.line() == 0) return {};
  return fmt::format(" created at {}:{}", file_name(created_at_.file_name()), created_at_.line());
}

std::string FutureState::repr_callbacks() const {
  if (done()) return {};
  std::vector<std::string> callbacks;
  for (WaitNode* n = callbacks_.front(); n != nullptr; n = callbacks_.after(*n)) {
    callbacks.push_back(describe_callback(*n));
  }
  if (callbacks.size() == 1) return fmt::format(" cb=[{}]", callbacks[0]);
  if (callbacks.size() == 2) return fmt::format(" cb=[{}, {}]", callbacks[0], callbacks[1]);
  if (callbacks.size() > 2) {
    return fmt::format(" cb=[{}, <{} more>, {}]", callbacks.front(), callbacks.size() - 2,
                       callbacks.back());
  }
  return {};
}

std::string TaskState::repr_task() const {
  std::string text = "<Task ";
  switch (phase()) {
    case Phase::pending: text += cancelling_ > 0 ? "cancelling" : "pending"; break;
    case Phase::cancelled: text += "cancelled"; break;
    case Phase::finished: text += "finished"; break;
  }
  text += fmt::format(" name='{}'", name());
  if (const PromiseBase* root = root_of(*this)) {
    text += fmt::format(" coro=<{}>", describe_coroutine(*root));
  } else if (done()) {
    text += fmt::format(" coro=<{}() done, defined at {}:{}>", function_name(defined_at()),
                        file_name(defined_at().file_name()), defined_at().line());
  }
  if (waiting_ != nullptr && !done() && running_task() != this) {
    if (FutureState* future = waiting_->future()) {
      // One level only: a chain of tasks would print them all.
      text += future->kind() == Kind::task ? fmt::format(" wait_for=<Task {} name='{}'>",
                                                         future->done() ? "finished" : "pending",
                                                         static_cast<TaskState*>(future)->name())
                                           : " wait_for=" + future->repr();
    } else {
      text += fmt::format(" wait_for=<{}>", waiting_->ops().what);
    }
  }
  if (failed()) text += " exception=" + describe(error());
  return text + repr_callbacks() + repr_creation() + ">";
}

}  // namespace asyncio::detail
