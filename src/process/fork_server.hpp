#pragma once

namespace asyncio::detail {

/// A process with one thread that makes workers on request, and reaps them.
struct ForkServer {
  int control = -1;  ///< a socket of ForkRequests and ForkReports, non-blocking
  int pid = -1;
  bool again = false;  ///< made by running the program again
};

/// Throws: std::system_error.
[[nodiscard]] ForkServer start_fork_server();

/// Does not return if this process was started to be a fork server.
void become_fork_server_if_asked();

}  // namespace asyncio::detail
