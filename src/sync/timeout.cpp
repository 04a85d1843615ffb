#include <asyncio/error.hpp>
#include <asyncio/timeout.hpp>

#include <fmt/format.h>

#include <utility>

namespace asyncio {

using detail::ReadyAction;

/// The timer, or the queued call, that ends the time. Apart from the Timeout, since it may still be
/// in the queue when that is left and gone.
struct Timeout::Alarm : detail::Pooled, detail::Timer {
  explicit Alarm(Timeout& t) noexcept
      : Timer(&Alarm::ring), timeout(&t), scheduler(&t.task_->scheduler()) {}

  static void ring(detail::ReadyCall& self, ReadyAction action) {
    auto* alarm = static_cast<Alarm*>(static_cast<Timer*>(&self));
    alarm->scheduler->ready.unreserve();
    if (Timeout* t = alarm->timeout) {
      t->alarm_ = nullptr;
      if (action == ReadyAction::run) {
        t->task_->cancel({});
        t->state_ = State::expiring;
      }
    }
    delete alarm;
  }

  Timeout* timeout;  // null: turned off while in the queue
  detail::Scheduler* scheduler;
};

namespace detail {
Failure timeout_from(Failure cancelled) {
  return instead_of(Failure(std::make_exception_ptr(TimeoutError())), std::move(cancelled),
                    Traceback::Kind::caused);
}
}  // namespace detail

Timeout::Timeout(Timeout&& other) noexcept : when_(other.when_) {}
Timeout::~Timeout() { disarm(); }

void Timeout::arm() {
  if (!when_) return;
  detail::Scheduler& loop = task_->scheduler();
  auto* alarm = new Alarm(*this);
  try {
    const std::int64_t deadline = when_->since_epoch().nanoseconds();
    if (loop.has_come(deadline)) {
      loop.ready.reserve();
      loop.ready.push(*alarm);
    } else {
      loop.arm(*alarm, deadline);
    }
  } catch (...) {
    delete alarm;
    throw;
  }
  alarm_ = alarm;
}

void Timeout::disarm() noexcept {
  Alarm* alarm = std::exchange(alarm_, nullptr);
  if (alarm == nullptr) return;
  alarm->timeout = nullptr;
  if (!alarm->armed()) return;  // in the queue: ring() frees it
  alarm->scheduler->disarm(*alarm);
  delete alarm;
}

void Timeout::reschedule(std::optional<TimePoint> when) {
  switch (state_) {
    case State::active: break;
    case State::created:
      detail::throw_runtime_error(
          "reschedule(): Timeout has not been entered; enter it by with(timeout(...), body)");
    case State::expiring:
    case State::expired:
    case State::finished:
      detail::throw_runtime_error(
          fmt::format("reschedule(): cannot change state of finished Timeout {}; make a new one by "
                      "timeout()",
                      repr()));
  }
  when_ = when;
  disarm();
  arm();
}

Timeout::Step Timeout::aenter() {
  if (state_ != State::created) {
    detail::throw_runtime_error("Timeout has already been entered; make a new one by timeout()");
  }
  detail::TaskState* task = detail::running_task();
  if (task == nullptr)
    detail::throw_runtime_error("Timeout should be used inside a task; enter it in a coroutine");
  task_ = task;
  state_ = State::active;
  cancelling_ = task->cancelling();
  arm();
  return Step();
}

Timeout::Step Timeout::aexit(std::exception_ptr error) {
  if (state_ != State::active && state_ != State::expiring) {
    detail::throw_runtime_error(
        fmt::format("aexit(): {} is not entered; use with(timeout(...), body), which enters and "
                    "leaves it once",
                    repr()));
  }
  disarm();
  if (state_ == State::expiring) {
    state_ = State::expired;
    const bool only_ours = task_->uncancel() <= cancelling_;
    if (only_ours && detail::is_cancelled_error(error)) {
      return Step(detail::timeout_from(detail::failure_of(std::move(error))));
    }
  } else {
    state_ = State::finished;
  }
  return Step();
}

std::string Timeout::repr() const {
  constexpr const char* names[] = {"created", "active", "expiring", "expired", "finished"};
  std::string text = fmt::format("<Timeout [{}]", names[static_cast<int>(state_)]);
  if (state_ == State::active) {
    text += when_ ? fmt::format(" when={:.3f}", when_->since_epoch().seconds()) : " when=None";
  }
  return text + ">";
}

Timeout timeout(std::optional<Duration> delay) {
  detail::Scheduler& loop = detail::running_scheduler("timeout()");
  if (!delay) return Timeout(std::nullopt);
  return Timeout(TimePoint(Duration::nanoseconds(loop.now())) + *delay);
}

Timeout timeout_at(std::optional<TimePoint> when) { return Timeout(when); }

}  // namespace asyncio
