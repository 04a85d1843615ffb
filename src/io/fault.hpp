#pragma once

#include <cstddef>
#include <cstdint>

/// For tests: lets system calls fail without making them.
namespace asyncio::detail::sys {

enum class Call : std::uint8_t {
  socket,
  connect,
  bind,
  listen,
  accept,
  shutdown,
  option,
  receive,
  send,
  send_file,
  read,
  read_cached,  // which never asks the disk
  write,
  status,
  open,
  unlink,
  spawn,
  pidfd,
  wait,
  kill,
  pipe,
  flags,
  truncate,
  sync,
  close,
  fork,
  epoll_control,
  epoll_wait,
  ring_setup,
  ring_enter,
  ring_receive,  // what the kernel does for a ring: the completion has the error, nothing is done
  ring_send,
  ring_accept,
  ring_buffers,
  count,
};

/// The call number `nth` (from 0) of a kind, and `times - 1` more after it, fail with `error`.
/// Threads: the one that made it; one at a time.
class Fault {
 public:
  Fault(Call call, int error, std::uint64_t nth = 0, std::uint64_t times = 1) noexcept;
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  ~Fault();

  /// How often the call was asked for since.
  [[nodiscard]] std::uint64_t seen() const noexcept {
    return __atomic_load_n(&seen_, __ATOMIC_RELAXED);
  }
  /// How often it was made to fail.
  [[nodiscard]] std::uint64_t injected() const noexcept {
    return __atomic_load_n(&injected_, __ATOMIC_RELAXED);
  }

 private:
  friend int injected(Call call) noexcept;
  Call call_;
  int error_;
  std::uint64_t nth_;
  std::uint64_t times_;
  std::uint64_t seen_ = 0;
  std::uint64_t injected_ = 0;
  Fault* outer_;
};

inline constexpr std::size_t no_limit = ~std::size_t{0};

/// Every call of a kind (send, write or send_file) takes at most so many bytes.
/// Threads: the one that made it; one at a time.
class Limit {
 public:
  Limit(Call call, std::size_t most) noexcept;
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit();

 private:
  friend std::size_t limit_of(Call call) noexcept;
  Call call_;
  std::size_t most_;
};

extern constinit thread_local Fault* fault;
extern constinit thread_local Limit* limit;
int injected(Call call) noexcept;

/// Those of a thread, for a job that it waits for on another one.
class LentFaults {
 public:
  LentFaults() noexcept : fault_(fault), limit_(limit) {}

  /// While it lives, this thread has them.
  class Borrowed {
   public:
    explicit Borrowed(const LentFaults& lent) noexcept {
      fault = lent.fault_;
      limit = lent.limit_;
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() {
      fault = nullptr;
      limit = nullptr;
    }
  };

 private:
  Fault* fault_;
  Limit* limit_;
};

/// The error that this call is to fail with; 0: none.
inline int fault_of(Call call) noexcept { return fault == nullptr ? 0 : injected(call); }
inline std::size_t limit_of(Call call) noexcept {
  return limit == nullptr || limit->call_ != call ? no_limit : limit->most_;
}

}  // namespace asyncio::detail::sys
