#pragma once

#include "io/uring_buffers.hpp"
#include "io/uring_flight.hpp"
#include "loop/backend.hpp"
#include "loop/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace asyncio::detail {

class UringEndpoints;

/// Before begin_stream() the ring only says when a system call is worth a try. After it, what is
/// small goes through the ring, received ahead and sent behind, so that a turn of the loop is one
/// system call for all connections; what is large still goes straight between the caller's memory
/// and the system, which saves a copy.
class UringEndpoint final : public Endpoint {
 public:
  /// Throws: std::bad_alloc.
  UringEndpoint(UringEndpoints& all, int fd, Descriptor kind);
  ~UringEndpoint() override;

  IoResult receive(std::span<std::byte> into) noexcept override;
  [[nodiscard]] bool drained() const noexcept override;
  IoResult send(const iovec* parts, int count) noexcept override;
  IoResult finish_sending() noexcept override;
  IoResult finish() noexcept override;
  IoResult accept(sockaddr* address, unsigned* size) noexcept override;
  void begin_stream() noexcept override;
  [[nodiscard]] int release() noexcept override;

  void wait(Way way, IoObserver& observer) noexcept override;
  void stop_waiting(Way way) noexcept override;

 private:
  friend struct UringFlight;
  friend class UringEndpoints;
  using Reading = UringFlight::Reading;
  using Writing = UringFlight::Writing;

  // What completions say.
  void can_read(int result) noexcept;
  void received(int result, unsigned flags) noexcept;
  void accepted(int result) noexcept;
  void reading_ended() noexcept;
  void can_write(int result) noexcept;
  void sent(int result) noexcept;
  void told_ready(Way way) noexcept;

  void has_come(std::size_t bytes) noexcept;
  void arm_reading() noexcept;
  void send_collected() noexcept;
  void sending_over() noexcept;
  void flush() noexcept;
  IoResult receive_directly(std::span<std::byte> into) noexcept;
  IoResult send_directly(const iovec* parts, int count) noexcept;
  [[nodiscard]] IoResult send_error_or_pending() noexcept;
  [[nodiscard]] bool has_input() const noexcept;
  [[nodiscard]] bool has_room_for_accepted() noexcept;
  void close_accepted() noexcept;
  void leave() noexcept;

  Descriptor kind_;
  bool stream_ = false;
  bool ahead_ = false;      // receives ahead, for what comes is small
  std::uint8_t large_ = 0;  // how often what came was not, lately
  bool listening_ = false;  // accept() was called
  bool ended_ = false;      // nothing is received any more
  bool counted_ = false;    // among those that send
  int receive_error_ = 0;   // negated, not told yet
  int accept_error_ = 0;
  int send_error_ = 0;
  UringBuffers::Chain received_;
  std::vector<int> accepted_;      // ahead
  std::size_t next_accepted_ = 0;  // the first one that nobody has taken
  UringFlight* flight_;
  UringEndpoints* all_;  // null once the backend is gone
  UringEndpoint* previous_ = nullptr;
  UringEndpoint* next_;
};

/// Those of one backend.
class UringEndpoints {
 public:
  UringEndpoints(Uring& ring_of_all, UringBuffers& buffers_of_all,
                 unsigned how_many_are_few) noexcept
      : ring(ring_of_all),
        buffers(buffers_of_all),
        receives_ahead(ring_of_all.modern()),
        few_(how_many_are_few) {}

  std::unique_ptr<Endpoint> open(int fd, Descriptor kind);
  [[nodiscard]] bool has(int fd) const noexcept {
    const auto index = static_cast<std::size_t>(fd);
    return index < by_fd_.size() && by_fd_[index];
  }
  /// The backend ends before them.
  void forget_all() noexcept;

  Uring& ring;
  UringBuffers& buffers;
  /// So little happens that a system call of its own is cheaper than two visits to the ring.
  [[nodiscard]] bool quiet() const noexcept {
    return ring.completed_by_poll() <= few_ && sent_directly < few_;
  }

  std::size_t waits = 0;       ///< observers of endpoints
  std::size_t sending = 0;     ///< endpoints with bytes that were taken and not sent
  unsigned sent_directly = 0;  ///< since the last poll
  bool receives_ahead;         ///< the kernel can

 private:
  friend class UringEndpoint;
  UringEndpoint* first_ = nullptr;
  unsigned few_;
  std::vector<bool> by_fd_;
};

}  // namespace asyncio::detail
