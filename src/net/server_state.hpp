#pragma once

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/server.hpp>
#include <asyncio/task.hpp>

#include "base/chain.hpp"
#include "loop/endpoint.hpp"
#include "loop/loop_state.hpp"
#include "net/tls_settings.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace asyncio::detail {

class Listener;
class ServerTask;

/// Where a Unix server's socket file is, to be removed when the server closes.
struct SocketFile {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

/// A server: its listeners, and how many connections and handlers have not ended. What is made of
/// a connection is for who derives from it.
class ServerState : public Pooled, public ChainLink<ServerState> {
 public:
  /// `who` is who makes it, for errors. Throws: as TlsSettings.
  ServerState(LoopState& loop, const char* who, const ServerOptions& options);

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  /// Takes the endpoint of a socket that is bound.
  void add(std::unique_ptr<Endpoint> endpoint);
  void remove_at_close(SocketFile file) { file_ = std::move(file); }
  void start_serving();
  void close() noexcept;
  /// The loop ends.
  void abandon() noexcept;
  /// A listener that was closed and has had its last turn.
  void forget(const Listener& gone) noexcept;

  [[nodiscard]] const char* who() const noexcept { return who_; }
  [[nodiscard]] const TlsSettings& tls() const noexcept { return tls_; }
  [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
  /// False once the loop was closed.
  [[nodiscard]] bool has_loop() const noexcept { return loop_ != nullptr; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] bool serving() const noexcept { return serving_ && !closed_; }
  /// Connections and tasks.
  [[nodiscard]] std::size_t active() const noexcept { return active_; }
  [[nodiscard]] std::vector<Address> addresses() const;
  /// Of handlers and handshakes that have not ended.
  [[nodiscard]] std::vector<AnyTask> tasks() const;

  /// A connection has begun, or a handler.
  void attach() noexcept {
    ++active_;
    add_ref();
  }
  void detach() noexcept;

  /// Makes something of a connection. What it throws is reported.
  virtual void accepted(std::unique_ptr<Endpoint> endpoint, const Address& peer) = 0;

  WaitLine ends;          ///< tasks that wait for the end of everything
  WaitLine closings;      ///< tasks in serve_forever(), until close()
  std::size_t pairs = 0;  ///< of a connection and the task that handles it
  bool serving_forever = false;
  Chain<ServerTask> running_tasks;

 protected:
  virtual ~ServerState();

 private:
  friend class Listener;

  LoopState* loop_;
  const char* who_;
  TlsSettings tls_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  SocketFile file_;
  std::size_t active_ = 0;
  int backlog_;
  unsigned users_ = 1;
  bool serving_ = false;
  bool closed_ = false;
};

struct ServerAccess {
  static Server make(Ref<ServerState> state) { return Server(std::move(state)); }
};

}  // namespace asyncio::detail
