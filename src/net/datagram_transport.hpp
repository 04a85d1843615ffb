#pragma once

#include <asyncio/datagram.hpp>

#include "loop/endpoint.hpp"
#include "net/datagram_queue.hpp"
#include "net/transport_life.hpp"
#include "net/write_marks.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A socket whose datagrams go to a protocol. Errors of the system do not end it.
class DatagramTransportState final : public TransportLife {
 public:
  /// connection_made() comes in a turn of its own, reading begins after it. What is sent goes to
  /// `destination`, or, if that is of no family, where each sendto() says.
  DatagramTransportState(LoopState& loop, std::unique_ptr<Endpoint> endpoint,
                         ProtocolPtr<DatagramProtocol> protocol, Address destination);

  // --- sending ---

  /// Throws: std::invalid_argument for an address that does not fit; std::bad_alloc.
  void sendto(std::span<const std::byte> data, const Address& to);
  /// As WriteMarks::set().
  void set_write_limits(std::optional<std::size_t> high, std::optional<std::size_t> low);
  [[nodiscard]] const WriteMarks& marks() const noexcept { return marks_; }
  [[nodiscard]] std::size_t unsent() const noexcept { return queue_.size(); }

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
  // What is to be done in its next turn, in this order.
  enum Due : std::uint8_t { due_begin = 1, due_read = 2, due_flush = 4 };

  struct Retry : Timer {
    explicit Retry(DatagramTransportState& t) noexcept
        : Timer(&Retry::ended), transport(t), loop(t.loop()) {}
    static void ended(ReadyCall& self, ReadyAction action);
    DatagramTransportState& transport;
    LoopState& loop;  // which the transport may have left
  };
  // Also when KeyboardInterrupt comes out of a call.
  struct ReceivesNext {
    DatagramTransportState& transport;
    ~ReceivesNext() { transport.receive_next(); }
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

  ~DatagramTransportState() override;

  void take_turn(std::uint8_t due) override;
  void begin();
  void receive_next() noexcept;
  void read_ready();
  void received(std::span<const std::byte> data, const Address& from);
  void flush();

  [[nodiscard]] const Address& destination_of(const Address& to) const;
  // Returns: bytes, would_block or an error.
  IoResult send(std::span<const std::byte> data, const Address& to) noexcept;
  void send_failed(IoResult error, const Address& to);
  void wait_to_write();
  void pause_if_full();

  // Calls the protocol, which lives until then whatever it does. What it throws is reported, but
  // KeyboardInterrupt leaves. Returns: false if it has thrown.
  template <class F>
  bool call(const char* before, const char* what, F fn);
  void error_received(std::exception_ptr error);

  void stop_reading() noexcept override { endpoint_->stop_waiting(Way::read); }
  void stop_writing() noexcept override;
  [[nodiscard]] bool all_sent() noexcept override { return queue_.empty(); }
  void connection_lost() override;
  void release() noexcept override;

  std::unique_ptr<Endpoint> endpoint_;
  ProtocolPtr<DatagramProtocol> protocol_;
  Address destination_;
  Address peer_;  // of no family: not connected
  Address local_;
  DatagramQueue queue_;
  WriteMarks marks_;
  Retry retry_{*this};
  Observer<due_read> readable_{*this};
  Observer<due_flush> writable_{*this};
  bool must_retry_;        // nobody tells when a receiver may be sent to
  bool retrying_ = false;  // retry_ is armed, or in the ready queue
};

struct DatagramAccess {
  static DatagramTransport make(Ref<DatagramTransportState> state) noexcept {
    return DatagramTransport(std::move(state));
  }
};

}  // namespace asyncio::detail
