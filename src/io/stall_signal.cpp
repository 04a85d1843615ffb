#include "io/stall_signal.hpp"

#include "base/log.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

namespace asyncio::detail {
namespace {

void (*handle)(const void* context) = nullptr;
int signal_number = 0;  // 0: none is taken, for the reason that `refused` says
struct sigaction before{};
std::string& refused() {
  static auto* const text = new std::string;  // never destroyed: the watchdog may outlive main()
  return *text;
}

void on_signal(int, siginfo_t*, void* context) {
  const int saved = errno;
  handle(context);
  errno = saved;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &on_signal;
}

bool is_free(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 &&
         (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
}

// Throws: std::bad_alloc. Returns: 0 for none.
int wanted_signal() {
  const char* set = std::getenv("ASYNCIO_WATCHDOG_SIGNAL");  // NOLINT(concurrency-mt-unsafe)
  const std::string_view text = set == nullptr ? "" : set;
  if (text.empty()) return SIGURG;
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && number == 0) {
    refused() = "ASYNCIO_WATCHDOG_SIGNAL=0";
    return 0;
  }
  if (whole && number > 0 && number < NSIG) return number;
  refused() = fmt::format("ASYNCIO_WATCHDOG_SIGNAL={} is no number of a signal", text);
  return 0;
}

void take(void (*handler)(const void*)) {
  const int wanted = wanted_signal();
  if (wanted == 0) return;
  struct sigaction now{};
  if (::sigaction(wanted, nullptr, &now) != 0 || (!is_free(now) && !is_ours(now))) {
    refused() = fmt::format("signal {} is handled by somebody else", wanted);
    return;
  }
  if (!is_ours(now)) before = now;
  handle = handler;
  struct sigaction ours{};
  ours.sa_sigaction = &on_signal;
  ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  ::sigemptyset(&ours.sa_mask);
  if (::sigaction(wanted, &ours, nullptr) == 0) {
    signal_number = wanted;
  } else {
    refused() = fmt::format("signal {} cannot be handled", wanted);
  }
}

}  // namespace

void take_stall_signal(void (*handler)(const void* context)) noexcept {
  signal_number = 0;
  try {
    take(handler);
  } catch (...) {
    // Without memory reports come without stacks, and without a reason.
  }
}

void leave_stall_signal() noexcept {
  struct sigaction now{};
  if (signal_number == 0 || ::sigaction(signal_number, nullptr, &now) != 0) return;
  if (is_ours(now)) ::sigaction(signal_number, &before, nullptr);
  signal_number = 0;
}

bool send_stall_signal(int thread, std::string& why_not) {
  if (signal_number == 0) {
    why_not = refused();
    return false;
  }
  struct sigaction now{};
  if (::sigaction(signal_number, nullptr, &now) != 0 || !is_ours(now)) {
    why_not = fmt::format("signal {} has got another handler meanwhile", signal_number);
    return false;
  }
  if (::tgkill(::getpid(), thread, signal_number) == 0) return true;
  why_not =
      fmt::format("thread {} cannot be reached by a signal: {}", thread, ::strerrordesc_np(errno));
  return false;
}

namespace {

// "SigBlk" of /proc; 0 if it cannot be read.
unsigned long long blocked_signals(int thread) {
  std::ifstream status(fmt::format("/proc/self/task/{}/status", thread));
  constexpr std::string_view name = "SigBlk:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size(), nullptr, 16);
  }
  return 0;
}

}  // namespace

std::string why_no_answer(int thread) {
  const unsigned long long blocked = blocked_signals(thread);
  if ((blocked >> (signal_number - 1) & 1) != 0) {
    return fmt::format("thread {} blocks signal {}", thread, signal_number);
  }
  return fmt::format(
      "thread {} has not answered signal {} in time; it may be in a system call that cannot be "
      "interrupted, or stopped",
      thread, signal_number);
}

const void* interrupted_at(const void* context) noexcept {
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const auto at = static_cast<std::uintptr_t>(registers.gregs[REG_RIP]);
#elif defined(__aarch64__)
  const auto at = static_cast<std::uintptr_t>(registers.pc);
#else
  (void)registers;
  const std::uintptr_t at = 0;
#endif
  return reinterpret_cast<const void*>(at);  // NOLINT(performance-no-int-to-ptr)
}

bool read_own_memory(const void* from, void* into, std::size_t bytes) noexcept {
  const iovec local{into, bytes};
  const iovec remote{const_cast<void*>(from), bytes};  // NOLINT: it is only read
  const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  if (got < 0 && errno != EFAULT) {
    // The call is forbidden here, as in some containers: trust the pointer.
    std::memcpy(into, from, bytes);
    return true;
  }
  return got == static_cast<ssize_t>(bytes);
}

}  // namespace asyncio::detail
