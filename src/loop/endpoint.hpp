#pragma once

#include "loop/byte_stream.hpp"
#include "loop/fairness.hpp"

#include <utility>

struct sockaddr;

namespace asyncio::detail {

/// A descriptor that a backend watches from its opening to its end, so that no operation has to
/// arm it. What is known of its readiness is remembered: a call that would have to wait is not
/// made.
///
/// Lifetime: owns the descriptor. May outlive the backend, and then does nothing any more.
class Endpoint : public ByteStream {
 public:
  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// False: a call would have to wait, for all that is known.
  [[nodiscard]] bool may(Way way) const noexcept { return ready_[index(way)]; }
  /// A call has said EAGAIN, or took less than it was given.
  void exhausted(Way way) noexcept { ready_[index(way)] = false; }
  /// The peer has closed or the connection has broken: what is received may be the last.
  [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }

  /// Of the calls that need not wait.
  Fairness fairness;  // first: there is room behind the base

  [[nodiscard]] bool known_empty() const noexcept final { return !may(Way::read); }
  [[nodiscard]] bool awaited(Way way) const noexcept final {
    return observers_[index(way)] != nullptr;
  }
  /// From here on it is a connection whose bytes go through receive() and send() alone: a backend
  /// may receive ahead and send behind. Until then they are the system's own calls.
  virtual void begin_stream() noexcept {}
  /// Of one that listens. Returns: a descriptor, non-blocking and closed on exec, or an error.
  virtual IoResult accept(sockaddr* address, unsigned* size) noexcept = 0;
  /// Stops watching; the descriptor is the caller's.
  [[nodiscard]] virtual int release() noexcept = 0;
  [[nodiscard]] Endpoint& endpoint() noexcept final { return *this; }

 protected:
  explicit Endpoint(int fd) noexcept : fd_(fd) {}
  static constexpr std::size_t index(Way way) noexcept { return static_cast<std::size_t>(way); }

  /// A call of that way is worth a try. Tells who waits for it, once.
  /// Returns: true if somebody did.
  bool may_again(Way way) noexcept {
    ready_[index(way)] = true;
    return tell(way);
  }
  bool tell(Way way) noexcept {
    IoObserver* observer = std::exchange(observers_[index(way)], nullptr);
    if (observer != nullptr) observer->ready(*observer);
    return observer != nullptr;
  }

  IoObserver* observers_[2] = {};
  int fd_;
  bool ready_[2] = {false, true};
  bool hung_up_ = false;
};

}  // namespace asyncio::detail
