#pragma once

#include <cstddef>
#include <string>

/// The signal by which the watchdog asks a thread where it is.
namespace asyncio::detail {

/// Takes the signal that ASYNCIO_WATCHDOG_SIGNAL says, else SIGURG, for `handler`, unless somebody
/// handles it already. SIGURG is what nobody uses, and what is ignored where nobody handles it.
void take_stall_signal(void (*handler)(const void* context)) noexcept;
void leave_stall_signal() noexcept;
/// Returns: false, and why, if the thread cannot be asked.
bool send_stall_signal(int thread, std::string& why_not);
/// Why a thread to which it was sent does not answer.
[[nodiscard]] std::string why_no_answer(int thread);
/// Where the code was that a handler's context belongs to; null: not known on this machine.
[[nodiscard]] const void* interrupted_at(const void* context) noexcept;
/// Copies what may not be there: false if it is not.
bool read_own_memory(const void* from, void* into, std::size_t bytes) noexcept;

}  // namespace asyncio::detail
