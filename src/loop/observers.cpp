#include "loop/observers.hpp"

#include <asyncio/detail/promise.hpp>
#include <asyncio/event_loop.hpp>

#include "base/log.hpp"
#include "core/context_scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asyncio {
namespace detail {

void Observers::add(Observer& observer) {
  if (std::find(observers_.begin(), observers_.end(), &observer) != observers_.end()) {
    throw_invalid_argument("add_observer(): this observer is there already; remove it first");
  }
  observers_.push_back(&observer);
  if (observers_.size() == 1) loop_.add_watch(*this);
}

bool Observers::remove(Observer& observer) noexcept {
  const auto place = std::find(observers_.begin(), observers_.end(), &observer);
  if (place == observers_.end()) return false;
  *place = nullptr;
  if (telling_ > 0) return true;  // who tells tidies up
  observers_.erase(place);
  if (observers_.empty()) loop_.remove_watch(*this);
  return true;
}

void Observers::loop_closing() noexcept {
  if (!std::exchange(observers_, {}).empty()) loop_.remove_watch(*this);
}

// Those that a hook adds are told from the next event on; those that it removes from now on not.
template <class F>
void Observers::tell(const char* hook, TaskState& state, F f) noexcept {
  const AnyTask task{Ref<FutureState>(&state)};
  ++telling_;
  const std::size_t count = observers_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (observers_[i] == nullptr) continue;
    try {
      f(*observers_[i], task);
    } catch (...) {
      report(hook, task);
    }
  }
  if (--telling_ > 0 || std::erase(observers_, nullptr) == 0 || !observers_.empty()) return;
  loop_.remove_watch(*this);
}

template <class F>
void Observers::tell_in_its_context(const char* hook, TaskState& task, F f) noexcept {
  const TaskExtra* extra = task.extra_or_null();
  const bool has_one = extra != nullptr && extra->context != nullptr;
  ContextCell* none = nullptr;  // what is set in it is forgotten
  {
    const CallbackScope scope(has_one ? task.context_place() : &none);
    tell(hook, task, f);
  }
  if (none != nullptr) none->drop_ref();
}

void Observers::report(const char* hook, const AnyTask& task) noexcept {
  count_report(&ReportCounts::callback_errors);
  try {
    ExceptionContext context;
    context.message = fmt::format("Exception in Observer::{}()", hook);
    context.exception = std::current_exception();
    context.task = task;
    loop_.report(context);
  } catch (...) {
    log(LogLevel::error, "Exception in an Observer, and there is no memory to say which");
  }
}

void Observers::step_begins(TaskState& task) noexcept {
  tell_in_its_context("step_begins", task, [](Observer& o, const AnyTask& t) { o.step_begins(t); });
}

void Observers::step_ended(TaskState& task) noexcept {
  const PromiseBase* top = task.top();
  if (top == nullptr) {
    tell_in_its_context("done", task, [](Observer& o, const AnyTask& t) { o.done(t); });
    return;
  }
  Suspension where;
  if (task.waiting() != nullptr) where.what = task.waiting()->ops().what;
  where.at = top->location;
  where.function = top->function;
  tell_in_its_context("suspended", task,
                      [&](Observer& o, const AnyTask& t) { o.suspended(t, where); });
}

void Observers::begins(const ReadyEntry& entry, std::int64_t) noexcept {
  if (TaskState* task = entry.task()) step_begins(*task);
}

void Observers::ended(TaskState* task, std::int64_t) noexcept {
  if (task != nullptr) step_ended(*task);
}

void Observers::happened(TaskState& task, TaskEvent event) noexcept {
  switch (event) {
    case TaskEvent::created:
      tell("created", task, [](Observer& o, const AnyTask& t) { o.created(t); });
      break;
    case TaskEvent::enters_eagerly: step_begins(task); break;
    case TaskEvent::left_eagerly: step_ended(task); break;
    case TaskEvent::cancel_asked:
      tell("cancelled", task, [](Observer& o, const AnyTask& t) { o.cancelled(t); });
      break;
    case TaskEvent::torn_down:
      tell_in_its_context("done", task, [](Observer& o, const AnyTask& t) { o.done(t); });
      break;
  }
}

}  // namespace detail

void EventLoop::add_observer(Observer& observer) {
  state_->check_open("add_observer()");
  if (state_->observers == nullptr)
    state_->observers = std::make_unique<detail::Observers>(*state_);
  static_cast<detail::Observers&>(*state_->observers).add(observer);
}

bool EventLoop::remove_observer(Observer& observer) noexcept {
  return state_->observers != nullptr &&
         static_cast<detail::Observers&>(*state_->observers).remove(observer);
}

}  // namespace asyncio
