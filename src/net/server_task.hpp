#pragma once

#include <asyncio/detail/wait_list.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/task.hpp>

#include "base/chain.hpp"
#include "net/packed_address.hpp"

#include <optional>

namespace asyncio::detail {

class ServerState;

/// The connection that a handler has, for as long as that runs. At its end it is closed: whatever
/// was written is sent.
class HandledConnection {
 public:
  explicit HandledConnection(const StreamWriter& writer) noexcept;
  HandledConnection(const HandledConnection&) = delete;
  HandledConnection& operator=(const HandledConnection&) = delete;
  ~HandledConnection();
  [[nodiscard]] const StreamWriter& writer() const noexcept { return writer_; }

 private:
  StreamWriter writer_;
};

/// A task of a server's: a handler, or a TLS handshake. The server is told of its end, and counts
/// it as active until then.
class ServerTask : public Pooled, public ChainLink<ServerTask>, WaitCall {
 public:
  ServerTask(const ServerTask&) = delete;
  ServerTask& operator=(const ServerTask&) = delete;

  /// Makes the coroutine a task, which handles the connection of `writer`, if that is given.
  static void start(ServerState& server, Coro<> coro, const Address& peer,
                    const std::optional<StreamWriter>& writer);
  /// The loop has ended, and the task with it.
  void abandon() noexcept;

  [[nodiscard]] const AnyTask& task() const noexcept { return *task_; }

 private:
  ServerTask(ServerState& server, const Address& peer, const std::optional<StreamWriter>& writer);
  ~ServerTask();

  static void done(ReadyCall& self, ReadyAction action);
  void report_error();

  ServerState& server_;
  std::optional<AnyTask> task_;
  std::optional<HandledConnection> connection_;
  PackedAddress peer_;
};

}  // namespace asyncio::detail
