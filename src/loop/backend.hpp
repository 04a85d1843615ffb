#pragma once

#include <asyncio/duration.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace asyncio::detail {

class Endpoint;

enum class Descriptor : std::uint8_t { socket, pipe };

/// Something that the kernel is asked for. It belongs to whoever submits it and must stay in place
/// until it has completed or cancel() has returned.
struct Operation {
  enum class Kind : std::uint8_t {
    watch_readable,  // completes again and again, once per poll, until it is cancelled
    watch_writable,
  };

  Kind kind;
  int fd;
  /// On the loop's thread, inside poll().
  void (*complete)(Operation& self, int result);
};

/// What a loop stands on: the kernel's events and the clock. Completion-shaped, so that epoll,
/// io_uring and the virtual clock differ in one file each.
///
/// Threads: the loop's, but for wake().
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Takes the place of a pending one of that kind and descriptor, which must still be cancelled.
  /// Throws: std::system_error naming the operation and the descriptor; then nothing has changed.
  virtual void submit(Operation& operation) = 0;
  virtual void cancel(Operation& operation) noexcept = 0;
  /// Takes over a non-blocking descriptor. When it throws, that is still the caller's.
  /// Throws: std::system_error; RuntimeError if it is watched already; std::bad_alloc.
  virtual std::unique_ptr<Endpoint> open(int fd, Descriptor kind) = 0;

  /// Completes what is ready. Waits for something until `deadline` (INT64_MAX: for ever) when
  /// nothing is; does not wait if it is not after now().
  ///
  /// `outside_work`: something else than a timer may still happen; the virtual clock jumps only
  /// when that is false.
  /// Returns: false if nothing can ever happen any more: no deadline, no operation, no outside
  /// work, and a clock that knows (the virtual one).
  virtual bool poll(std::int64_t deadline, bool outside_work) = 0;
  /// The clock is the virtual one, which knows when nothing can ever happen.
  [[nodiscard]] virtual bool jumps() const noexcept { return false; }
  /// True if poll() may have something to complete: an operation is pending.
  [[nodiscard]] virtual bool busy() const noexcept = 0;

  /// The loop has stopped running, or was closed: what was begun since the last poll() is not to
  /// wait for the next one, and fd() speaks for the loop.
  virtual void rest() noexcept {}

  /// Makes a poll() that waits, or the next one, return. Any thread, and signal handlers.
  virtual void wake() noexcept = 0;
  [[nodiscard]] virtual std::int64_t now() const = 0;
  /// deadline <= now(), but cheaper when it is far away.
  [[nodiscard]] virtual bool has_come(std::int64_t deadline) const { return deadline <= now(); }
  /// False for a clock that stands still while something runs.
  [[nodiscard]] virtual bool keeps_real_time() const noexcept { return true; }
  /// Readable when poll() would complete something.
  [[nodiscard]] virtual int fd() const noexcept = 0;

  std::size_t watched = 0;  ///< endpoints and operations; for who looks in from outside
};

}  // namespace asyncio::detail
