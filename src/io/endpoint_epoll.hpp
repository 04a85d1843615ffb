#pragma once

#include "loop/backend.hpp"
#include "loop/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace asyncio::detail {

class EpollEndpoints;

/// Registered once, for both ways and by edges: an event says what has become possible, and the
/// calls themselves find out when it ends.
class EpollEndpoint final : public Endpoint {
 public:
  EpollEndpoint(EpollEndpoints& all, int fd, Descriptor kind) noexcept;
  ~EpollEndpoint() override;

  IoResult receive(std::span<std::byte> into) noexcept override;
  [[nodiscard]] bool drained() const noexcept override;
  IoResult send(const iovec* parts, int count) noexcept override;
  IoResult send_file(int file, std::int64_t position, std::size_t size) noexcept override;
  IoResult finish_sending() noexcept override;
  IoResult accept(sockaddr* address, unsigned* size) noexcept override;
  [[nodiscard]] int release() noexcept override;

  void wait(Way way, IoObserver& observer) noexcept override;
  void stop_waiting(Way way) noexcept override;

  /// Inside poll().
  void happened(std::uint32_t events) noexcept;

 private:
  friend class EpollEndpoints;
  void give_back() noexcept;
  void leave() noexcept;
  [[nodiscard]] bool gives_all() noexcept;

  Descriptor kind_;
  bool urgent_ = false;
  int protocol_ = -1;    // of a socket, once it was asked
  EpollEndpoints* all_;  // null once the backend is gone
  EpollEndpoint* previous_ = nullptr;
  EpollEndpoint* next_;
};

/// Those of one backend.
class EpollEndpoints {
 public:
  std::unique_ptr<Endpoint> open(int fd, Descriptor kind);
  [[nodiscard]] bool has(int fd) const noexcept;
  [[nodiscard]] static EpollEndpoint* at(std::uint64_t origin) noexcept {
    return reinterpret_cast<EpollEndpoint*>(static_cast<std::uintptr_t>(origin));
  }
  /// The backend ends before them.
  void forget_all() noexcept;

  int epoll = -1;
  std::size_t waits = 0;           ///< observers of endpoints
  std::size_t* watched = nullptr;  ///< the backend's
  unsigned forks = 0;              ///< sys::forks() when the backend was made

 private:
  friend class EpollEndpoint;
  EpollEndpoint* first_ = nullptr;
};

}  // namespace asyncio::detail
