#include "net/protocol_transport.hpp"

#include <asyncio/error.hpp>

#include "net/until_made.hpp"

#include <system_error>
#include <utility>

namespace asyncio::detail {

ProtocolTransport::ProtocolTransport(LoopState& loop, std::unique_ptr<ByteStream> stream,
                                     AnyProtocol protocol)
    : TransportState(loop, std::move(stream)), protocol_(std::move(protocol)) {
  loop.make_scratch();
  live_on();
  schedule(due_begin);
}

void ProtocolTransport::set_protocol(const AnyProtocol& protocol) {
  if (!protocol) throw_invalid_argument("set_protocol(): it is null; give a protocol");
  if (has_ended()) return;
  const AnyProtocol before = std::exchange(protocol_, protocol);  // whose end may run anything
}

// --- calling the protocol -----------------------------------------------------------------------

template <class F, class Failed>
void ProtocolTransport::call(F fn, Failed failed) {
  const auto self = Ref<TransportState>(this);  // the call may drop the last handle
  const AnyProtocol protocol = protocol_;       // or set another one
  try {
    fn(protocol);
  } catch (const KeyboardInterrupt&) {
    lose(current_failure());
    throw;
  } catch (...) {
    failed();
  }
}

template <class F>
void ProtocolTransport::call_or_end(const char* what, F fn) {
  call(fn, [&] {
    // As in CPython: errors of the system are no errors of the program.
    const Failure failure = current_failure();
    if (loop().debug || !holds<std::system_error>(failure.error)) {
      report("Fatal error: protocol.", what, " call failed.");
    }
    lose(failure);
  });
}

void ProtocolTransport::begin() {
  call_or_end("connection_made()", [this](const AnyProtocol& protocol) {
    const Transport handle = TransportAccess::make(Ref<ProtocolTransport>(this));
    if (protocol.plain) {
      protocol.plain->connection_made(handle);
    } else {
      protocol.buffered->connection_made(handle);
    }
  });
  stopped_ = false;
  receive_next();
}

void ProtocolTransport::pause_writing() {
  call([](const AnyProtocol& protocol) { protocol.get()->pause_writing(); },
       [this] { report("protocol.", "pause_writing()", " failed"); });
}

void ProtocolTransport::resume_writing() {
  call([](const AnyProtocol& protocol) { protocol.get()->resume_writing(); },
       [this] { report("protocol.", "resume_writing()", " failed"); });
}

void ProtocolTransport::connection_lost() {
  call([this](const AnyProtocol& protocol) { protocol.get()->connection_lost(failure().error); },
       [this] { report("protocol.", "connection_lost()", " failed"); });
}

// Transport and protocol no longer keep each other.
void ProtocolTransport::let_go() noexcept {
  const AnyProtocol last = std::exchange(protocol_, AnyProtocol());
}

// --- reading ------------------------------------------------------------------------------------

void ProtocolTransport::Readable::is(IoObserver& self) noexcept {
  static_cast<Readable&>(self).transport.schedule(due_read);
}

std::span<std::byte> ProtocolTransport::room(const AnyProtocol& protocol) {
  if (protocol.plain) return loop().scratch();
  std::span<std::byte> buffer;
  call_or_end("get_buffer()", [&](const AnyProtocol&) {
    buffer = protocol.buffered->get_buffer(loop().scratch().size());
    if (buffer.empty()) throw_runtime_error("get_buffer() returned an empty buffer");
  });
  return buffer;
}

void ProtocolTransport::received(const AnyProtocol& protocol, std::span<const std::byte> data) {
  if (protocol.plain) {
    const LoopState::ScratchLoan loan(loop());
    call_or_end("data_received()", [&](const AnyProtocol&) {
      protocol.plain->data_received({reinterpret_cast<const char*>(data.data()), data.size()});
    });
  } else {
    call_or_end("buffer_updated()",
                [&](const AnyProtocol&) { protocol.buffered->buffer_updated(data.size()); });
  }
}

// At the next poll, as an event would.
void ProtocolTransport::receive_next() noexcept {
  if (!receives()) return;
  if (stream()->drained()) {
    stream()->wait(Way::read, readable_);
  } else {
    schedule_at_poll(due_read);
  }
}

// Once; what is left comes in another turn, after those of others.
void ProtocolTransport::read_ready() {
  if (!receives()) return;
  const AnyProtocol protocol = protocol_;  // whose buffer it is, and who is told
  const std::span<std::byte> into = room(protocol);
  if (!receives()) return;
  if (protocol == protocol_) {
    const IoResult result = stream()->receive(into);
    if (result == 0) return ended();
    if (result == would_block) return stream()->wait(Way::read, readable_);
    if (result < 0) return lose(result, "recv from");
    received(protocol, into.first(static_cast<std::size_t>(result)));
  }
  receive_next();
}

namespace {

// Returns: whether to stay open.
bool tell_eof(const AnyProtocol& protocol) {
  return protocol.plain ? protocol.plain->eof_received() : protocol.buffered->eof_received();
}

}  // namespace

void ProtocolTransport::ended() {
  stopped_ = true;
  bool keep_open = false;
  call_or_end("eof_received()",
              [&](const AnyProtocol& protocol) { keep_open = tell_eof(protocol); });
  if (!keep_open || !can_write_eof()) close();
}

void ProtocolTransport::tell_of_end() {
  call([](const AnyProtocol& protocol) { tell_eof(protocol); },
       [this] { report("protocol.", "eof_received()", " failed"); });
}

void ProtocolTransport::pause_reading() noexcept {
  if (is_closing() || std::exchange(paused_, true)) return;
  stream()->stop_waiting(Way::read);
}

void ProtocolTransport::resume_reading() noexcept {
  if (!is_closing() && std::exchange(paused_, false)) receive_next();
}

std::string ProtocolTransport::leave_stream() {
  stop_reading();
  return {};  // the protocol has it all
}

void ProtocolTransport::stop_reading() noexcept {
  if (stream() != nullptr) stream()->stop_waiting(Way::read);
}

// --- making it ----------------------------------------------------------------------------------

Coro<ConnectedAny> when_made(Ref<ProtocolTransport> transport, AnyProtocol protocol) {
  co_await until_made(transport);
  co_return ConnectedAny{TransportAccess::make(std::move(transport)), protocol};
}

}  // namespace asyncio::detail
