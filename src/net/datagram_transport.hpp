#pragma once

#include <asyncio/datagram.hpp>
#include <asyncio/detail/failure.hpp>

#include "loop/endpoint.hpp"
#include "loop/loop_state.hpp"
#include "net/datagram_queue.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A socket whose datagrams go to a protocol.
///
/// Its life: open → closing, by close() → lost, in a turn of its own → gone, when nobody has a
/// handle any more. abort() goes to lost from anywhere. Errors of the system do not end it.
///
/// Threads: the loop's.
class DatagramTransportState final : public Pooled {
 public:
  /// connection_made() comes in a turn of its own, reading begins after it. What is sent goes to
  /// `destination`, or, if that is of no family, where each sendto() says.
  DatagramTransportState(LoopState& loop, std::unique_ptr<Endpoint> endpoint,
                         ProtocolPtr<DatagramProtocol> protocol, Address destination);
  DatagramTransportState(const DatagramTransportState&) = delete;
  DatagramTransportState& operator=(const DatagramTransportState&) = delete;

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  // --- sending ---

  /// Throws: std::invalid_argument for an address that does not fit; std::bad_alloc.
  void sendto(std::span<const std::byte> data, const Address& to);
  void set_write_limits(std::size_t high, std::size_t low);
  [[nodiscard]] std::size_t high_mark() const noexcept { return high_; }
  [[nodiscard]] std::size_t low_mark() const noexcept { return low_; }
  [[nodiscard]] std::size_t unsent() const noexcept { return queue_.size(); }

  // --- the end ---

  /// Sends what is queued, then ends.
  void close() noexcept;
  /// Ends at once; what is queued is dropped.
  void abort() noexcept { lose(Failure()); }
  [[nodiscard]] bool is_closing() const noexcept { return state_ != State::open; }
  /// The loop ends: nobody is told any more.
  void abandon() noexcept;

  // --- about it ---

  /// Null when it has ended.
  [[nodiscard]] DatagramProtocol* protocol() const noexcept { return protocol_.get(); }
  /// Throws: std::invalid_argument for null.
  void set_protocol(ProtocolPtr<DatagramProtocol> protocol);
  [[nodiscard]] int fd() const noexcept { return endpoint_ == nullptr ? -1 : endpoint_->fd(); }
  [[nodiscard]] const Address& peer() const noexcept { return peer_; }
  /// The system may choose it as late as with the first datagram.
  [[nodiscard]] const Address& local();
  [[nodiscard]] std::optional<std::string> extra_info(std::string_view name);

 private:
  friend class NetService;
  // In this order.
  enum class State : std::uint8_t { open, closing, losing, lost };
  // What is to be done in its next turn of the ready queue, in this order.
  enum Due : std::uint8_t { due_begin = 1, due_start = 2, due_read = 4, due_flush = 8 };

  struct Turn : ReadyCall {
    explicit Turn(DatagramTransportState& t) noexcept : ReadyCall{&Turn::run}, transport(t) {}
    static void run(ReadyCall& self, ReadyAction action);
    DatagramTransportState& transport;
  };
  struct End : ReadyCall {
    explicit End(DatagramTransportState& t) noexcept : ReadyCall{&End::run}, transport(t) {}
    static void run(ReadyCall& self, ReadyAction action);
    DatagramTransportState& transport;
  };
  struct Retry : Timer {
    explicit Retry(DatagramTransportState& t) noexcept : Timer(&Retry::ended), transport(t) {}
    static void ended(ReadyCall& self, ReadyAction action);
    DatagramTransportState& transport;
  };
  template <Due Does>
  struct Observer : IoObserver {
    explicit Observer(DatagramTransportState& t) noexcept
        : IoObserver{&Observer::is_ready}, transport(t) {}
    static void is_ready(IoObserver& self) noexcept {
      static_cast<Observer&>(self).transport.schedule(Does);
    }
    DatagramTransportState& transport;
  };

  ~DatagramTransportState();

  // It stays alive until then. Its slot is reserved.
  void schedule(Due due) noexcept;
  void take_turn(unsigned due);
  void begin();
  void read_ready();
  void received(std::span<const std::byte> data, const Address& from);
  void flush();

  [[nodiscard]] const Address& destination_of(const Address& to) const;
  // Returns: bytes, would_block or an error.
  IoResult send(std::span<const std::byte> data, const Address& to) noexcept;
  void send_failed(IoResult error, const Address& to);
  void wait_to_write();
  void stop_waiting() noexcept;
  void pause_if_full();

  // Calls the protocol, which lives until then whatever it does. What it throws is reported, but
  // KeyboardInterrupt leaves. Returns: false if it has thrown.
  template <class F>
  bool call(const char* before, const char* what, F fn);
  void error_received(std::exception_ptr error);
  void report(std::string message) noexcept;

  void lose(Failure failure) noexcept;
  [[nodiscard]] bool is_lost() const noexcept { return state_ >= State::losing; }
  void end() noexcept;
  void lost();
  void leave_loop_if_over() noexcept;

  LoopState* loop_;  // null once it has ended
  std::unique_ptr<Endpoint> endpoint_;
  ProtocolPtr<DatagramProtocol> protocol_;
  Address destination_;
  Address peer_;  // of no family: not connected
  Address local_;
  DatagramQueue queue_;
  Failure failure_;
  Turn turn_{*this};
  End end_{*this};
  Retry retry_{*this};
  Observer<due_read> readable_{*this};
  Observer<due_flush> writable_{*this};
  DatagramTransportState* previous_ = nullptr;  // in NetService
  DatagramTransportState* next_ = nullptr;
  std::size_t high_ = std::size_t{64} * 1024;
  std::size_t low_ = std::size_t{16} * 1024;
  unsigned users_ = 1;
  State state_ = State::open;
  std::uint8_t due_ = 0;     // not 0: turn_ is in the ready queue
  bool end_queued_ = false;  // end_ is
  bool retrying_ = false;    // retry_ is armed, or in the ready queue
  bool must_retry_;          // nobody tells when a receiver may be sent to
  bool paused_writing_ = false;
  std::uint8_t sends_when_lost_ = 0;
};

struct DatagramAccess {
  static DatagramTransport make(Ref<DatagramTransportState> state) noexcept {
    return DatagramTransport(std::move(state));
  }
};

}  // namespace asyncio::detail
