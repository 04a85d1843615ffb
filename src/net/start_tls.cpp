// TLS over a connection that is there already.

#include <asyncio/error.hpp>
#include <asyncio/transports.hpp>

#include "net/protocol_transport.hpp"
#include "net/sending_hold.hpp"
#include "net/stream_state.hpp"
#include "net/when_awaited.hpp"

#include <utility>

namespace asyncio {
namespace detail {
namespace {

using Side = TlsEngine::Side;

// Ends the connection unless it is told that all is well.
class AbortUnless {
 public:
  explicit AbortUnless(TransportState& transport) noexcept : transport_(transport) {}
  AbortUnless(const AbortUnless&) = delete;
  AbortUnless& operator=(const AbortUnless&) = delete;
  ~AbortUnless() {
    if (!well_) transport_.abort();
  }
  void well() noexcept { well_ = true; }

 private:
  TransportState& transport_;
  bool well_ = false;
};

TlsSettings settings_of(Side side, const ssl::Context& context, const StartTlsOptions& options) {
  constexpr const char* who = "start_tls()";
  if (side == Side::server) {
    return {who, &context, options.ssl_handshake_timeout, options.ssl_shutdown_timeout};
  }
  return {who,
          &context,
          options.server_hostname,
          "",
          options.ssl_handshake_timeout,
          options.ssl_shutdown_timeout};
}

Coro<> until_sent(Ref<TransportState> transport) {
  SendingHold hold(std::move(transport), "start_tls()");
  co_await hold.until_sent();
}

Coro<> upgrade(Ref<TransportState> transport, Side side, TlsSettings tls) {
  AbortUnless guard(*transport);
  co_await until_sent(transport);
  TlsStream& secure = transport->secure(side, tls);
  co_await tls_handshake(secure);
  guard.well();
}

Coro<Transport> upgrade_protocol(Ref<ProtocolTransport> transport, AnyProtocol protocol, Side side,
                                 TlsSettings tls) {
  transport->pause_reading();  // what comes now is ciphertext
  co_await upgrade(Ref<TransportState>(transport.get()), side, std::move(tls));
  transport->set_protocol(protocol);
  transport->resume_reading();
  co_return TransportAccess::make(std::move(transport));
}

Coro<Transport> start_tls(LoopState& loop, const Transport& transport, AnyProtocol protocol,
                          const ssl::Context& context, const StartTlsOptions& options) {
  return when_awaited([&] {
    const Ref<ProtocolTransport>& state = TransportAccess::state(transport);
    if (!protocol) throw_invalid_argument("start_tls(): the protocol is null; give one");
    if (&state->loop() != &loop) {
      throw_runtime_error("start_tls(): the transport belongs to another loop; use that one's");
    }
    const Side side = ssl_context_of(context).is_server() ? Side::server : Side::client;
    return upgrade_protocol(state, std::move(protocol), side, settings_of(side, context, options));
  });
}

}  // namespace
}  // namespace detail

Coro<> StreamWriter::start_tls(const ssl::Context& context, StartTlsOptions options) const {
  using Side = detail::TlsEngine::Side;
  const Side side = state_->server() != nullptr ? Side::server : Side::client;
  return detail::when_awaited([&] {
    return detail::upgrade(detail::Ref<detail::TransportState>(state_.get()), side,
                           detail::settings_of(side, context, options));
  });
}

Coro<Transport> EventLoop::start_tls(Transport transport, ProtocolPtr<Protocol> protocol,
                                     const ssl::Context& context, StartTlsOptions options) {
  return detail::start_tls(detail::LoopAccess::state(*this), transport,
                           detail::AnyProtocol(protocol), context, options);
}

Coro<Transport> EventLoop::start_tls(Transport transport, ProtocolPtr<BufferedProtocol> protocol,
                                     const ssl::Context& context, StartTlsOptions options) {
  return detail::start_tls(detail::LoopAccess::state(*this), transport,
                           detail::AnyProtocol(protocol), context, options);
}

}  // namespace asyncio
