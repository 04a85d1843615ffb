#pragma once

#include "loop/endpoint.hpp"
#include "net/server_state.hpp"

#include <memory>

namespace asyncio::detail {

/// A socket that listens, of a server.
class Listener {
 public:
  Listener(ServerState& server, std::unique_ptr<Endpoint> endpoint);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// Throws: std::system_error.
  void listen(int backlog);
  /// Returns: false if it may go at once; else forget() follows, in its turn.
  bool close() noexcept;
  [[nodiscard]] Endpoint& endpoint() const noexcept { return *endpoint_; }

 private:
  struct Turn : ReadyCall {
    explicit Turn(Listener& l) noexcept : ReadyCall{&Turn::run}, listener(l) {}
    static void run(ReadyCall& self, ReadyAction action);
    Listener& listener;
  };
  struct Readable : IoObserver {
    explicit Readable(Listener& l) noexcept : IoObserver{&Readable::is}, listener(l) {}
    static void is(IoObserver& self) noexcept;
    Listener& listener;
  };
  struct Pause : Timer {
    explicit Pause(Listener& l) noexcept : Timer(&Pause::ended), listener(l) {}
    static void ended(ReadyCall& self, ReadyAction action);
    Listener& listener;
  };

  void push() noexcept;
  // May run code of users, which may close the server: this stays until it has returned.
  void accept_waiting();
  // Returns: false to wait, or pause.
  bool accept_one();
  void failed(int error) noexcept;
  void report(const char* message, const std::exception_ptr& error) noexcept;

  ServerState& server_;
  std::unique_ptr<Endpoint> endpoint_;
  Turn turn_{*this};
  Readable readable_{*this};
  Pause pause_{*this};
  bool queued_ = false;
  bool accepting_ = false;  // in accept_waiting()
};

}  // namespace asyncio::detail
