#pragma once

#include <asyncio/transports.hpp>

#include "net/transport_state.hpp"

namespace asyncio::detail {

/// A connection whose bytes go to a protocol.
class ProtocolTransport : public TransportState {
 public:
  /// connection_made() comes in a turn of its own, reading begins after it.
  ProtocolTransport(LoopState& loop, std::unique_ptr<ByteStream> stream, AnyProtocol protocol);

  virtual void pause_reading() noexcept;
  virtual void resume_reading() noexcept;
  [[nodiscard]] bool is_reading() const noexcept { return !paused_ && !is_closing(); }

  /// Null when the connection has ended.
  [[nodiscard]] BaseProtocol* protocol() const noexcept { return protocol_.get(); }
  /// Throws: std::invalid_argument for null.
  void set_protocol(const AnyProtocol& protocol);

 protected:
  void begin() override;
  void read_ready() override;
  /// Nothing more will be received: tells the protocol, and closes unless it objects.
  virtual void ended();
  /// The same of one that has closed already.
  void tell_of_end() override;

 private:
  struct Readable : IoObserver {
    explicit Readable(ProtocolTransport& t) noexcept : IoObserver{&Readable::is}, transport(t) {}
    static void is(IoObserver& self) noexcept;
    ProtocolTransport& transport;
  };

  void pause_writing() override;
  void resume_writing() override;
  void stop_reading() noexcept override;
  std::string leave_stream() override;
  void join_stream() noexcept override { receive_next(); }
  void connection_lost() override;
  void let_go() noexcept override;

  // Something may come, and shall.
  [[nodiscard]] bool receives() const noexcept { return is_reading() && !stopped_; }
  void receive_next() noexcept;
  // What is received goes there; for a plain protocol it is the loop's. Empty: the call has failed.
  std::span<std::byte> room(const AnyProtocol& protocol);
  void received(const AnyProtocol& protocol, std::span<const std::byte> data);
  // Calls the protocol, which lives until then whatever it does. KeyboardInterrupt ends the
  // connection and leaves; `failed` is to do with what else is thrown.
  template <class F, class Failed>
  void call(F fn, Failed failed);
  // The same; what is thrown is reported and ends the connection.
  template <class F>
  void call_or_end(const char* what, F fn);

  AnyProtocol protocol_;
  Readable readable_{*this};
  bool paused_ = false;
  bool stopped_ = true;  // until connection_made(), and from the end on
};

/// Once its protocol was told of it. Who is cancelled meanwhile closes it.
[[nodiscard]] Coro<ConnectedAny> when_made(Ref<ProtocolTransport> transport, AnyProtocol protocol);

struct TransportAccess {
  static Transport make(Ref<ProtocolTransport> state) noexcept {
    return Transport(std::move(state));
  }
  static const Ref<ProtocolTransport>& state(const Transport& transport) noexcept {
    return transport.state_;
  }
};

}  // namespace asyncio::detail
