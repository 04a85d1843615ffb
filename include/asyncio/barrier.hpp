#pragma once

#include <asyncio/condition.hpp>
#include <asyncio/detail/dependents.hpp>

#include <cstdint>
#include <exception>
#include <string>

namespace asyncio {

/// A place where tasks wait for each other: when the last of the parties has come, all go on. Then
/// it is ready for the next round.
///
/// Python: asyncio.Barrier; `async with barrier as position` is with(barrier, body).
/// Lifetime: may die while tasks wait: each ends with CancelledError if it is cancelled, else with
/// RuntimeError.
/// Threads: the loop's that it is first waited for in.
class Barrier {
 public:
  /// Throws: std::invalid_argument if `parties` is below 1.
  explicit Barrier(int parties);
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;
  ~Barrier() = default;

  [[nodiscard]] int parties() const noexcept { return parties_; }
  /// How many have come and wait for the others.
  [[nodiscard]] int n_waiting() const noexcept { return state_ == State::filling ? count_ : 0; }
  [[nodiscard]] bool broken() const noexcept { return state_ == State::broken; }

  /// Waits for the other parties. The last one to come goes on at once; who comes while a round
  /// drains waits for the next.
  ///
  /// Returns: how many had come before, from 0 to parties - 1.
  /// Throws: BrokenBarrierError after abort(), or if reset() was called meanwhile.
  /// Cancellation: the others wait for one more; the barrier is not broken.
  [[nodiscard]] Coro<int> wait();

  /// Ends the round: those that wait get BrokenBarrierError. It can be used again at once.
  [[nodiscard]] Coro<> reset();

  /// Those that wait, and whoever comes later, get BrokenBarrierError, until reset().
  [[nodiscard]] Coro<> abort();

  /// For with().
  [[nodiscard]] Coro<int> aenter() { return wait(); }
  [[nodiscard]] detail::Immediate aexit(const std::exception_ptr&) noexcept { return {}; }

  /// "<Barrier [filling, waiters:1/3]>"
  [[nodiscard]] std::string repr() const;

 private:
  // filling → draining, by the last of the parties, → filling, by the last to leave;
  // filling → resetting, by reset(), → filling, likewise; any → broken, by abort(), → filling or
  // resetting, by reset().
  enum class State : std::uint8_t { filling, draining, resetting, broken };
  class Visit;
  class Wait;

  [[nodiscard]] Coro<> block();
  [[nodiscard]] Coro<> fill();
  void leave() noexcept;

  Condition changed_;  // the state has
  detail::Dependents visits_;
  int parties_;
  int count_ = 0;  // of those inside
  State state_ = State::filling;
};

}  // namespace asyncio
