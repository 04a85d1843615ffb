#include "loop/timed_entry.hpp"

#include <asyncio/detail/promise.hpp>
#include <asyncio/detail/task_state.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/repr.hpp"
#include "loop/repeated_call.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

TimedEntry::TimedEntry(const ReadyEntry& entry, std::int64_t now) : began_(now) {
  if (TaskState* task = entry.task()) {
    task_ = Hold<TaskState>(task);
    if (const PromiseBase* top = task->top()) {
      function_ = top->function;
      location_ = top->location;
    }
  } else if (HandleState* handle = HandleState::of(entry)) {
    handle_ = Ref<HandleState>(handle);
  } else if (HandleState* repeated = RepeatedCall::handle_of(entry)) {
    handle_ = Ref<HandleState>(repeated);
  } else {
    callback_ = CallbackNode::function_of(entry);
  }
}

std::string TimedEntry::what() const {
  if (task_) return task_->repr();
  if (handle_) return handle_->repr();
  return callback_ == nullptr ? "<a combinator>" : fmt::format("<{}>", callable_name(callback_));
}

std::string TimedEntry::began_in() const {
  if (!task_ || function_.line() == 0) return {};
  const std::string function = function_name(function_);
  if (location_.line() == 0) return fmt::format("; it began at the start of {}()", function);
  return fmt::format("; it began at {}:{}, in {}()", file_name(location_.file_name()),
                     location_.line(), function);
}

void TimedEntry::ended(std::int64_t now, std::int64_t limit) const noexcept {
  if (now - began_ < limit) return;
  count_report(&ReportCounts::slow_callbacks);
  try {
    log(LogLevel::warning, fmt::format("Executing {} took {:.3f} seconds{}", what(),
                                       static_cast<double>(now - began_) / 1e9, began_in()));
  } catch (...) {
    log(LogLevel::warning, "a callback took too long, and there is no memory to say which");
  }
}

}  // namespace asyncio::detail
