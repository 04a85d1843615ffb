#include "io/borrowed_flags.hpp"

#include "io/fork_safe_mutex.hpp"
#include "io/system.hpp"

#include <fcntl.h>

#include <mutex>

namespace asyncio::detail {
namespace {

constinit std::mutex mutex;
constinit unsigned borrowers = 0;
constinit bool changed[3] = {};  // by us, of the standard descriptors

}  // namespace

BorrowedFlags::BorrowedFlags(int fd, const char* who) : forks_(sys::forks()) {
  hold_over_forks<mutex>();
  const std::lock_guard lock(mutex);
  const int flags = sys::flags_of(fd);
  if (flags < 0) sys::throw_errno(-flags, who);
  if ((flags & O_NONBLOCK) == 0) {
    if (const int error = -sys::set_flags(fd, flags | O_NONBLOCK)) sys::throw_errno(error, who);
    changed[fd] = true;
  }
  ++borrowers;
}

// All at once: two of them may stand for the same.
BorrowedFlags::~BorrowedFlags() {
  if (forks_ != sys::forks()) return;  // the parent still needs it
  const std::lock_guard lock(mutex);
  if (--borrowers > 0) return;
  for (int fd = 0; fd < 3; ++fd) {
    if (!changed[fd]) continue;
    changed[fd] = false;
    const int flags = sys::flags_of(fd);
    if (flags >= 0) sys::set_flags(fd, flags & ~O_NONBLOCK);
  }
}

}  // namespace asyncio::detail
