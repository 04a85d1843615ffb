#include "io/fault.hpp"
#include "io/system.hpp"

#include <liburing.h>

#include <cerrno>
#include <ctime>

namespace asyncio::detail::sys {
namespace {

// A thread that submits is the only one that does, and completions wait until it asks for them: no
// interrupts, one batch a turn (6.1). Disabled until the thread is known that runs the loop.
constexpr unsigned best = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                          IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED |
                          IORING_SETUP_SUBMIT_ALL;
constexpr unsigned without_interrupts =
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;  // 5.19
constexpr unsigned plain = 0;

constexpr unsigned submissions = 256;
constexpr unsigned completions = 4096;

}  // namespace

int ring_setup(io_uring& ring) noexcept {
  watch_forks();
  int result = -ENOSYS;
  for (const unsigned flags : {best, without_interrupts, plain}) {
    if (const int error = fault_of(Call::ring_setup)) {
      result = -error;
    } else {
      io_uring_params params{};
      params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
      params.cq_entries = completions;
      result = ::io_uring_queue_init_params(submissions, &ring, &params);
    }
    if (result == 0) {
      // Timeouts of a wait, and no completion is ever dropped.
      constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
      if ((ring.features & needed) == needed) return static_cast<int>(flags);
      ::io_uring_queue_exit(&ring);
      return -ENOSYS;
    }
    if (result != -EINVAL) break;
  }
  return result;
}

int ring_enable(int ring) noexcept {
  return ::io_uring_register(static_cast<unsigned>(ring), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

int ring_enter(int ring, unsigned submissions, unsigned completions, unsigned flags,
               const timespec* timeout) noexcept {
  if (const int error = fault_of(Call::ring_enter)) return -error;
  __kernel_timespec time{};
  io_uring_getevents_arg argument{};
  if (timeout != nullptr) {
    time.tv_sec = timeout->tv_sec;
    time.tv_nsec = timeout->tv_nsec;
    argument.ts = reinterpret_cast<std::uintptr_t>(&time);
  }
  return ::io_uring_enter2(static_cast<unsigned>(ring), submissions, completions,
                           flags | IORING_ENTER_EXT_ARG, reinterpret_cast<sigset_t*>(&argument),
                           sizeof argument);
}

}  // namespace asyncio::detail::sys
