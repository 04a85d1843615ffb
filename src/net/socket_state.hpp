#pragma once

#include <asyncio/socket.hpp>

#include "loop/endpoint.hpp"

#include <cstdint>
#include <memory>

namespace asyncio::detail {

class LoopState;

/// A socket, shared with the operations that wait for it. It becomes an endpoint of the loop that
/// it is first used with.
class SocketState : public Pooled {
 public:
  explicit SocketState(int fd) noexcept : fd_(fd) {}
  SocketState(const SocketState&) = delete;
  SocketState& operator=(const SocketState&) = delete;

  /// Of one that has no descriptor yet.
  void adopt(int fd) noexcept { fd_ = fd; }
  [[nodiscard]] int fd() const noexcept { return endpoint_ != nullptr ? endpoint_->fd() : fd_; }
  /// Throws: RuntimeError if it belongs to another loop; std::system_error if it is closed, or
  /// cannot be watched.
  Endpoint& endpoint_of(LoopState& loop, const char* what);
  /// Null if it is closed.
  [[nodiscard]] Endpoint* endpoint() const noexcept { return endpoint_.get(); }
  void close() noexcept;
  [[nodiscard]] int detach() noexcept;
  /// The endpoint becomes the caller's.
  [[nodiscard]] std::unique_ptr<Endpoint> give_up() noexcept { return std::move(endpoint_); }

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

 private:
  ~SocketState() { close(); }

  unsigned users_ = 1;
  int fd_;                  // until it is an endpoint
  std::uint64_t loop_ = 0;  // its number
  std::unique_ptr<Endpoint> endpoint_;
};

/// The endpoint of a socket that nobody needs as a socket any more.
/// Throws: as SocketState::endpoint_of(); RuntimeError if an operation still waits for it.
[[nodiscard]] std::unique_ptr<Endpoint> take_endpoint(LoopState& loop, const Socket& socket,
                                                      const char* who);
/// The same of one that is to be a connection, or to accept some, without Nagle's delay.
/// Throws: std::invalid_argument unless it is a stream socket.
[[nodiscard]] std::unique_ptr<Endpoint> take_stream(LoopState& loop, Socket& socket,
                                                    const char* who);

struct SocketAccess {
  /// Throws: std::invalid_argument of none.
  static SocketState& state(const Socket& socket, const char* what);
  /// Takes over the descriptor, also when it throws.
  static Socket make(int fd);
  static void share(Socket& handle, SocketState& state) noexcept {
    handle.state_ = Ref<SocketState>(&state);
  }
  static void forget(Socket& handle) noexcept { handle.state_ = {}; }
};

/// Another handle of a socket, which does not close it: for what does several things with a socket
/// that may be moved or closed meanwhile.
class BorrowedSocket {
 public:
  /// Throws: std::invalid_argument of none.
  BorrowedSocket(const Socket& socket, const char* what) {
    SocketAccess::share(handle_, SocketAccess::state(socket, what));
  }
  BorrowedSocket(BorrowedSocket&&) noexcept = default;
  BorrowedSocket& operator=(BorrowedSocket&&) = delete;
  ~BorrowedSocket() { SocketAccess::forget(handle_); }
  [[nodiscard]] Socket& operator*() noexcept { return handle_; }
  [[nodiscard]] Socket* operator->() noexcept { return &handle_; }

 private:
  Socket handle_;
};

}  // namespace asyncio::detail
