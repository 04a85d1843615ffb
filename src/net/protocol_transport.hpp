#pragma once

#include <asyncio/transports.hpp>

#include "net/transport_state.hpp"

namespace asyncio::detail {

/// A connection whose bytes go to a protocol.
class ProtocolTransport final : public TransportState {
 public:
  /// connection_made() comes in a turn of its own, reading begins after it.
  ProtocolTransport(LoopState& loop, std::unique_ptr<ByteStream> stream, AnyProtocol protocol);

  void pause_reading() noexcept;
  void resume_reading() noexcept;
  [[nodiscard]] bool is_reading() const noexcept { return !paused_ && !stopped_ && !is_closing(); }

  [[nodiscard]] BaseProtocol* protocol() const noexcept { return protocol_.get(); }
  void set_protocol(AnyProtocol protocol) { protocol_ = std::move(protocol); }

 private:
  struct Readable : IoObserver {
    explicit Readable(ProtocolTransport& t) noexcept : IoObserver{&Readable::is}, transport(t) {}
    static void is(IoObserver& self) noexcept;
    ProtocolTransport& transport;
  };

  void begin() override;
  void read_ready() override;
  void pause_writing() noexcept override;
  void resume_writing() noexcept override;
  void stop_reading() noexcept override;
  void connection_lost() noexcept override;

  // What is received goes there; for a plain protocol it is the loop's.
  std::span<std::byte> room();
  void received(std::span<const std::byte> data);
  void ended();
  /// Calls the protocol. What it throws ends the connection.
  template <class F>
  void call(const char* what, F fn);
  void report(std::string message) noexcept;

  AnyProtocol protocol_;
  Readable readable_{*this};
  bool paused_ = false;
  bool stopped_ = true;  // until connection_made(), and from the end on
};

struct TransportAccess {
  static Transport make(Ref<ProtocolTransport> state) noexcept {
    return Transport(std::move(state));
  }
};

}  // namespace asyncio::detail
