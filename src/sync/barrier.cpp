#include <asyncio/barrier.hpp>

#include <fmt/format.h>

namespace asyncio {

// A task inside; leaves it however it ends.
class Barrier::Visit : detail::Dependent {
 public:
  explicit Visit(Barrier& barrier) noexcept : position(barrier.count_++), barrier_(barrier) {
    barrier.visits_.add(*this);
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    if (!linked) return;  // the barrier is gone
    unlink();
    barrier_.leave();
  }

  const int position;

 private:
  Barrier& barrier_;
};

// Waits for the condition under the name of what the user has called.
class Barrier::Wait : public Condition::Wait {
 public:
  explicit Wait(Barrier& barrier) noexcept : Condition::Wait(barrier.changed_, barrier_ops) {}

 private:
  static constexpr Ops barrier_ops =
      ops_of("Barrier.wait()", &Condition::Wait::recheck, to_condition);
};

Barrier::Barrier(int parties) : parties_(parties) {
  if (parties >= 1) return;
  detail::throw_invalid_argument(
      fmt::format("Barrier(): parties must be > 0, not {}: it is the number of tasks that wait for "
                  "each other",
                  parties));
}

Coro<int> Barrier::wait() {
  const Guard<Lock> held = co_await changed_.hold();
  co_await block();
  const Visit visit(*this);
  if (visit.position + 1 == parties_) {
    state_ = State::draining;
    changed_.notify_all();
  } else {
    co_await fill();
  }
  co_return visit.position;
}

// Until the round before has left.
Coro<> Barrier::block() {
  while (state_ == State::draining || state_ == State::resetting) co_await Wait(*this);
  if (state_ == State::broken) {
    throw BrokenBarrierError("Barrier.wait(): Barrier aborted; reset() makes it usable again");
  }
}

Coro<> Barrier::fill() {
  while (state_ == State::filling) co_await Wait(*this);
  if (state_ == State::broken || state_ == State::resetting) {
    throw BrokenBarrierError("Barrier.wait(): Abort or reset of barrier while the task waited");
  }
}

void Barrier::leave() noexcept {
  if (--count_ > 0) return;
  if (state_ == State::resetting || state_ == State::draining) state_ = State::filling;
  if (changed_.locked()) changed_.notify_all();
}

Coro<> Barrier::reset() {
  const Guard<Lock> held = co_await changed_.hold();
  state_ = count_ > 0 ? State::resetting : State::filling;
  changed_.notify_all();
}

Coro<> Barrier::abort() {
  const Guard<Lock> held = co_await changed_.hold();
  state_ = State::broken;
  changed_.notify_all();
}

std::string Barrier::repr() const {
  constexpr const char* names[] = {"filling", "draining", "resetting", "broken"};
  const char* name = names[static_cast<int>(state_)];
  if (broken()) return fmt::format("<Barrier [{}]>", name);
  return fmt::format("<Barrier [{}, waiters:{}/{}]>", name, n_waiting(), parties_);
}

}  // namespace asyncio
