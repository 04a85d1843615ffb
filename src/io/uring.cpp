#include "io/uring.hpp"

#include "io/fault.hpp"
#include "io/system.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>
#include <utility>

namespace asyncio::detail {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t short_of_memory = 1'000'000;  // until submitting is tried again

// Which injected fault an entry is to have.
int fault_of_entry(const io_uring_sqe& entry) noexcept {
  switch (entry.opcode) {
    case IORING_OP_RECV: return sys::fault_of(sys::Call::ring_receive);
    case IORING_OP_SEND: return sys::fault_of(sys::Call::ring_send);
    case IORING_OP_ACCEPT: return sys::fault_of(sys::Call::ring_accept);
    default: return 0;
  }
}

}  // namespace

// --- the queue ----------------------------------------------------------------------------------

void Uring::queue(Request& request) noexcept {
  if (ending_) return;
  request.state_ = Request::State::queued;
  queue_.add(request);
  if (resting_ && event_ >= 0) rest();  // a foreign loop waits for event() next
}

void Uring::queue_urgent(Request& request) noexcept {
  queue(request);
  if (resting_) rest();
}

void Uring::cancel(Request& request) noexcept {
  if (request.state_ == Request::State::queued) {
    request.unlink();
    request.state_ = Request::State::idle;
  } else if (request.armed()) {
    if (abandoning_) {  // its last completion is on its way
      request.state_ = Request::State::told;
      return;
    }
    request.unlink();
    request.state_ = Request::State::doomed;
    doomed_.add(request);
    if (resting_) rest();  // until then the kernel keeps the descriptor open
  }
}

// Makes what is prepared visible to the kernel. Returns: how much that is.
unsigned Uring::publish() noexcept {
  io_uring_sq& queue = ring_.sq;
  queue.sqe_head = queue.sqe_tail;
  io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
  return queue.sqe_tail - io_uring_smp_load_acquire(queue.khead);
}

void Uring::cancel_now() noexcept {
  if (doomed_.empty() || ending_ || foreign()) return;
  submit(doomed_);
  enter(0, 0);  // the last completions wait for poll(), the descriptors do not
}

bool Uring::submit_queue() noexcept { return submit(doomed_) && submit(queue_); }

// Returns: false if the kernel takes no more just now.
bool Uring::submit(RequestList& list) noexcept {
  while (!list.empty()) {
    Request& request = list.first();
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      const int result = sys::ring_enter(ring_.ring_fd, publish(), 0, 0, nullptr);
      if (result <= 0) return false;
      continue;
    }
    request.unlink();
    armed_.add(request);
    const auto id = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&request));
    if (request.state_ == Request::State::doomed) {
      io_uring_prep_cancel64(entry, id, 0);
      io_uring_sqe_set_data64(entry, 0);
      request.state_ = Request::State::told;
      continue;
    }
    request.prepare(*entry);
    if (const int error = fault_of_entry(*entry)) {
      io_uring_prep_nop(entry);
      request.injected_ = static_cast<std::int16_t>(-error);
    }
    io_uring_sqe_set_data64(entry, id);
    request.state_ = Request::State::armed;
  }
  return true;
}

// --- completions --------------------------------------------------------------------------------

unsigned Uring::pending_flags() const noexcept {
  return __atomic_load_n(ring_.sq.kflags, __ATOMIC_ACQUIRE) &
         (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

unsigned Uring::reap() noexcept {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* completion = nullptr;
  io_uring_for_each_cqe(&ring_, head, completion) {
    ++count;
    if (completion->user_data == 0) continue;  // of a cancellation
    auto& request = *reinterpret_cast<Request*>(static_cast<std::uintptr_t>(completion->user_data));
    int result = completion->res;
    if (request.injected_ != 0) result = std::exchange(request.injected_, std::int16_t{0});
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
      request.unlink();
      request.state_ = Request::State::idle;
    }
    request.completed(result, completion->flags);
  }
  io_uring_cq_advance(&ring_, count);
  completed_ += count;
  return count;
}

// What did not fit is kept by the kernel until it is asked for.
void Uring::reap_overflow() noexcept {
  constexpr int fair = 64;
  for (int i = 0; i < fair && (pending_flags() & IORING_SQ_CQ_OVERFLOW) != 0; ++i) {
    if (sys::ring_enter(ring_.ring_fd, 0, 0, IORING_ENTER_GETEVENTS, nullptr) < 0) return;
    reap();
  }
}

// --- polling ------------------------------------------------------------------------------------

int Uring::enter(unsigned completions, std::int64_t wait) noexcept {
  const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
  return sys::ring_enter(ring_.ring_fd, publish(), completions, IORING_ENTER_GETEVENTS,
                         completions == 0 || wait == never ? nullptr : &timeout);
}

void Uring::poll(std::int64_t wait) {
  resting_ = false;
  fresh_ = false;
  completed_ = 0;
  if (reap() > 0) wait = 0;  // somebody may be ready now
  fresh_ = true;
  if (!enabled_) {
    enabled_ = true;
    check(sys::ring_enable(ring_.ring_fd));
  }
  if (!submit_queue()) wait = std::min(wait, short_of_memory);
  const bool prepared = ring_.sq.sqe_tail != *ring_.sq.khead;
  if (wait > 0 || prepared || pending_flags() != 0) check(enter(wait > 0 ? 1 : 0, wait));
  reap();
  reap_overflow();
}

void Uring::check(int result) {
  switch (-result) {
    case EINTR:
    case ETIME: return;
    case EEXIST: return renew();  // it belongs to another thread
    case EAGAIN:
    case EBUSY:
    case ENOMEM: {
      // Nothing is lost: what is prepared is submitted later. What has completed makes room.
      const timespec timeout{0, short_of_memory};
      sys::ring_enter(ring_.ring_fd, 0, 1, IORING_ENTER_GETEVENTS, &timeout);
      return;
    }
    default:
      if (result < 0) sys::throw_errno(-result, "io_uring_enter");
  }
}

void Uring::rest() noexcept {
  resting_ = true;
  if (foreign() || ending_) return;
  const bool wanted = enabled_ || event_ >= 0;
  if (wanted && has_work()) {
    if (!std::exchange(enabled_, true)) sys::ring_enable(ring_.ring_fd);
    submit_queue();
    enter(0, 0);
  }
  if (event_ < 0) return;
  sys::reset_event(event_);
  if (io_uring_cq_ready(&ring_) > 0 || pending_flags() != 0) sys::write_event(event_);
}

int Uring::event() noexcept {
  if (event_ >= 0 || foreign()) return event_;
  try {
    __atomic_store_n(&event_, sys::event_fd(), __ATOMIC_RELEASE);
  } catch (...) {
    return ring_.ring_fd;  // better than nothing
  }
  ::io_uring_register_eventfd(&ring_, event_);
  if (resting_) rest();
  return event_;
}

void Uring::signal_event() noexcept {
  const int event = __atomic_load_n(&event_, __ATOMIC_ACQUIRE);
  if (event >= 0) sys::write_event(event);
}

// --- beginning and end --------------------------------------------------------------------------

Uring::Uring() : forks_(sys::forks()) { set_up(ring_); }

void Uring::set_up(io_uring& ring) {
  const int flags = sys::ring_setup(ring);
  if (flags < 0) sys::throw_errno(-flags, "io_uring_setup");
  forks_ = sys::forks();
  setup_ = static_cast<unsigned>(flags);
  enabled_ = (setup_ & IORING_SETUP_R_DISABLED) == 0;
}

bool Uring::foreign() const noexcept { return forks_ != sys::forks(); }

// With deferred task work nothing happens in a ring that its thread does not enter: what has not
// completed by now has not begun, and never will when the ring is gone.
void Uring::renew() {
  io_uring fresh;
  io_uring old = ring_;
  set_up(fresh);
  reap();
  ring_ = fresh;
  ::io_uring_queue_exit(&old);
  ++generation_;
  if (event_ >= 0) ::io_uring_register_eventfd(&ring_, event_);
  abandon();
}

// Completes what the ring that is gone will not.
void Uring::abandon() noexcept {
  abandoning_ = true;
  for (RequestList* list : {&armed_, &doomed_}) {
    RequestList gone;
    gone.take_all(*list);
    while (!gone.empty()) complete_unanswered(gone.first());
  }
  abandoning_ = false;
}

void Uring::complete_unanswered(Request& request) noexcept {
  request.unlink();
  request.state_ = Request::State::idle;
  request.injected_ = 0;
  request.completed(-ECANCELED, 0);
}

void Uring::cancel_all() noexcept {
  RequestList under_way;
  under_way.take_all(armed_);
  while (!under_way.empty()) {
    Request& request = under_way.first();
    request.unlink();
    const bool told = request.state_ == Request::State::told;
    if (!told) request.state_ = Request::State::doomed;
    (told ? armed_ : doomed_).add(request);
  }
  constexpr std::int64_t patience = 10'000'000;
  for (int i = 0; i < 100 && !(armed_.empty() && doomed_.empty()); ++i) {
    submit_queue();
    const int result = enter(1, patience);
    if (result == -EEXIST || result == -EBADFD) break;
    reap();
    reap_overflow();
  }
  reap();
  haunted_ = !armed_.empty();
}

void Uring::end() noexcept {
  if (std::exchange(ending_, true)) return;
  while (!queue_.empty()) complete_unanswered(queue_.first());
  if (enabled_ && !foreign()) cancel_all();
  ::io_uring_queue_exit(&ring_);
  abandon();
  if (event_ >= 0) sys::close(event_);
}

}  // namespace asyncio::detail
