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
  friend class UringReading;
  friend class UringWriting;
  friend class UringEndpoints;
  using Reading = UringReading;
  using Writing = UringWriting;

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

  // Connections that were accepted ahead.
  struct Accepted {
    std::vector<int> fds;
    std::size_t next = 0;  // the first one that nobody has taken
    [[nodiscard]] std::size_t waiting() const noexcept { return fds.size() - next; }
    [[nodiscard]] int take() noexcept;
  };

  [[nodiscard]] std::size_t waiting_accepted() const noexcept {
    return accepted_ == nullptr ? 0 : accepted_->waiting();
  }
  [[nodiscard]] UringEndpoints& all() const noexcept { return flight_->all; }

  // There may be many: what is kept here and in a UringFlight is what an idle connection costs.
  Descriptor kind_;
  std::uint8_t large_ = 0;  // how often what came was not small, lately
  bool counted_ = false;    // among those that send
  bool stream_ : 1 = false;
  bool ahead_ : 1 = false;      // receives ahead, for what comes is small
  bool listening_ : 1 = false;  // accept() was called
  bool ended_ : 1 = false;      // nothing is received any more
  int read_error_ = 0;          // of receiving or accepting, negated, not told yet
  int send_error_ = 0;
  UringBuffers::Chain received_;
  std::unique_ptr<Accepted> accepted_;  // null if it has never listened
  UringFlight* flight_;                 // null once the backend is gone
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
    return index < by_fd_.size() && by_fd_[index] != nullptr;
  }
  /// The backend ends before them.
  void forget_all() noexcept;

  Uring& ring;
  UringBuffers& buffers;
  /// So little happens that a system call of its own is cheaper than two visits to the ring.
  [[nodiscard]] bool quiet() const noexcept {
    return ring.completed_by_poll() <= few_ && sent_directly < few_;
  }

  std::size_t waits = 0;           ///< observers of endpoints
  std::size_t sending = 0;         ///< endpoints with bytes that were taken and not sent
  std::size_t* watched = nullptr;  ///< the backend's
  unsigned sent_directly = 0;      ///< since the last poll
  bool receives_ahead;             ///< the kernel can

 private:
  friend class UringEndpoint;
  unsigned few_;
  std::vector<UringEndpoint*> by_fd_;
};

}  // namespace asyncio::detail
