#include "process/child.hpp"

#include "base/log.hpp"
#include "io/reaper.hpp"
#include "io/system_process.hpp"
#include "process/child_service.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace asyncio::detail {

using subprocess::Abandon;

namespace {

constexpr int unknown_status = 255;  // as CPython reports it

}  // namespace

// Who ignores SIGCHLD has children that nobody needs to reap: such a one may be gone already, and
// then there is nothing to watch.
Ref<Child> Child::watch(LoopState& loop, int pid, Abandon abandon, Duration terminate_delay) {
  const int pidfd = sys::open_pidfd(pid);
  if (pidfd < 0 && pidfd != -ESRCH) {
    sys::end_child(pid);
    sys::throw_errno(-pidfd, fmt::format("watch process {}", pid));
  }
  try {
    OwnedFd owned(pidfd);
    auto child = Ref<Child>::adopt(new Child(pid, std::move(owned), abandon, terminate_delay));
    child->begin(loop);
    return child;
  } catch (...) {
    if (pidfd >= 0) sys::end_child(pid);
    throw;
  }
}

Child::Child(int pid, OwnedFd pidfd, Abandon abandon, Duration terminate_delay)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      abandon_(abandon),
      terminate_delay_(terminate_delay),
      watch_(*this, pidfd_.get()) {}

void Child::begin(LoopState& loop) {
  ChildService& service = ChildService::of(loop);
  loop.ready.reserve();
  try {
    if (pidfd_) loop.backend().submit(watch_);
  } catch (...) {
    loop.ready.unreserve();
    throw;
  }
  loop_ = &loop;
  ++loop.outside_work;
  service.enter(*this);
  add_ref();  // the loop's
  if (!pidfd_) push_look();
}

// --- its end ------------------------------------------------------------------------------------

void Child::Watch::on_ready(Operation& operation, int) noexcept {
  static_cast<Watch&>(operation).child.push_look();
}

void Child::push_look() noexcept {
  if (std::exchange(look_queued_, true)) return;
  add_ref();
  loop_->ready.push(look_);
}

void Child::Look::run(ReadyCall& self, ReadyAction action) {
  const auto child = Ref<Child>::adopt(&static_cast<Look&>(self).child);
  child->look_queued_ = false;
  if (action == ReadyAction::run) child->look();
}

void Child::look() {
  if (loop_ == nullptr) return;
  int status = 0;
  const int result = pidfd_ ? sys::wait_for_child(pidfd_.get(), status) : -ECHILD;
  if (result == -EAGAIN) return;
  if (result < 0) {
    status = unknown_status;
    log(LogLevel::warning, fmt::format("child process pid {} exit status already read: will "
                                       "report returncode {}",
                                       pid_, status));
  }
  const Ref<Child> self(this);
  returncode_ = status;
  stop_watching();
  pidfd_ = OwnedFd();
  ended.set();
  if (observer != nullptr) observer->exited();
}

// Gives back what it has of the loop, and the loop's reference.
void Child::stop_watching() noexcept {
  LoopState& loop = *std::exchange(loop_, nullptr);
  if (pidfd_) loop.backend().cancel(watch_);
  loop.ready.unreserve();
  --loop.outside_work;
  ChildService::of(loop).leave(*this);
  if (deadline_.armed()) {
    loop.disarm(deadline_);
    drop_ref();
  }
  drop_ref();
}

// --- signals ------------------------------------------------------------------------------------

void Child::send_signal(int number) {
  if (returncode_) {
    sys::throw_errno(ESRCH, fmt::format("send signal {} to process {}, which has ended with {}",
                                        number, pid_, *returncode_));
  }
  if (loop_ == nullptr || !pidfd_ || forked()) return;
  // It may have been reaped by somebody else: nobody is left to be told, as in CPython.
  const int result = sys::signal_child(pidfd_.get(), number);
  if (result < 0 && result != -ESRCH) {
    sys::throw_errno(-result, fmt::format("send signal {} to process {}", number, pid_));
  }
}

void Child::signal(int number) noexcept {
  // A forked child has its parent's children in its memory.
  if (pidfd_ && !forked()) (void)sys::signal_child(pidfd_.get(), number);
}

void Child::kill() noexcept { signal(sys::sigkill); }

void Child::abandon() noexcept {
  if (loop_ == nullptr || forked() || std::exchange(abandoned_, true)) return;
  switch (abandon_) {
    case Abandon::leave: return;
    case Abandon::kill: return signal(sys::sigkill);
    case Abandon::terminate: break;
  }
  signal(sys::sigterm);
  try {
    loop_->arm(deadline_, (TimePoint(Duration::nanoseconds(loop_->now())) + terminate_delay_)
                              .since_epoch()
                              .nanoseconds());
    add_ref();
  } catch (...) {
    signal(sys::sigkill);  // there is no memory to wait with
  }
}

Child::Deadline::Deadline(Child& c) noexcept : Timer(&Deadline::passed), child(c) {}

void Child::Deadline::passed(ReadyCall& self, ReadyAction action) {
  const auto child = Ref<Child>::adopt(&static_cast<Deadline&>(static_cast<Timer&>(self)).child);
  if (child->loop_ == nullptr) return;
  child->loop_->ready.unreserve();
  if (action == ReadyAction::run) child->signal(sys::sigkill);
}

// --- the end of the loop ------------------------------------------------------------------------

void Child::loop_will_close() noexcept {
  if (abandon_ != Abandon::leave) signal(sys::sigkill);
}

// Who is killed is gone in no time, but for one that the kernel holds up.
void Child::loop_closing() noexcept {
  constexpr int looks = 1000;
  constexpr std::int64_t between = 100'000;
  const Ref<Child> self(this);
  stop_watching();
  for (int i = 0; pidfd_ && i < looks; ++i) {
    int status = 0;
    const int result = sys::wait_for_child(pidfd_.get(), status);
    if (result != -EAGAIN) {
      returncode_ = result < 0 ? unknown_status : status;
      pidfd_ = OwnedFd();
    } else if (abandon_ == Abandon::leave) {
      break;
    } else {
      sys::nap(between);
    }
  }
  if (pidfd_) reap_later(std::move(pidfd_));
  if (observer != nullptr) observer->loop_closing();
}

}  // namespace asyncio::detail
