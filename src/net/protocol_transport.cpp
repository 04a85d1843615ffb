#include "net/protocol_transport.hpp"

#include <asyncio/error.hpp>
#include <asyncio/exception_context.hpp>

#include "net/net_errors.hpp"

#include <utility>

namespace asyncio::detail {

ProtocolTransport::ProtocolTransport(LoopState& loop, std::unique_ptr<ByteStream> stream,
                                     AnyProtocol protocol)
    : TransportState(loop, std::move(stream)), protocol_(std::move(protocol)) {
  loop.make_scratch();
  add_ref();  // the loop's, until connection_lost()
  schedule(due_begin);
}

// --- calling the protocol -----------------------------------------------------------------------

void ProtocolTransport::report(std::string message) noexcept {
  try {
    ExceptionContext context;
    context.message = std::move(message);
    context.exception = std::current_exception();
    loop().report(context);
  } catch (...) {
    // Out of memory while reporting.
  }
}

template <class F>
void ProtocolTransport::call(const char* what, F fn) {
  const auto self = Ref<TransportState>(this);  // the call may drop the last handle
  try {
    fn();
  } catch (const KeyboardInterrupt&) {
    lose(current_failure());
    throw;
  } catch (...) {
    report(std::string("Fatal error: protocol.") + what + " call failed.");
    lose(current_failure());
  }
}

void ProtocolTransport::begin() {
  call("connection_made()", [this] {
    const Transport handle = TransportAccess::make(Ref<ProtocolTransport>(this));
    if (protocol_.plain) {
      protocol_.plain->connection_made(handle);
    } else {
      protocol_.buffered->connection_made(handle);
    }
  });
  stopped_ = is_closing();
  if (is_reading()) schedule(due_read);
}

void ProtocolTransport::pause_writing() noexcept {
  try {
    protocol()->pause_writing();
  } catch (...) {
    report("protocol.pause_writing() failed");
  }
}

void ProtocolTransport::resume_writing() noexcept {
  try {
    protocol()->resume_writing();
  } catch (...) {
    report("protocol.resume_writing() failed");
  }
}

void ProtocolTransport::connection_lost() noexcept {
  try {
    protocol()->connection_lost(failure().error);
  } catch (...) {
    report("protocol.connection_lost() failed");
  }
  drop_ref();
}

// --- reading ------------------------------------------------------------------------------------

void ProtocolTransport::Readable::is(IoObserver& self) noexcept {
  static_cast<Readable&>(self).transport.schedule(due_read);
}

std::span<std::byte> ProtocolTransport::room() {
  if (protocol_.plain) return loop().scratch();
  std::span<std::byte> buffer;
  call("get_buffer()", [&] {
    buffer = protocol_.buffered->get_buffer(loop().scratch().size());
    if (buffer.empty()) throw_runtime_error("get_buffer() returned an empty buffer");
  });
  return buffer;
}

void ProtocolTransport::received(std::span<const std::byte> data) {
  if (protocol_.plain) {
    call("data_received()", [&] {
      protocol_.plain->data_received({reinterpret_cast<const char*>(data.data()), data.size()});
    });
  } else {
    call("buffer_updated()", [&] { protocol_.buffered->buffer_updated(data.size()); });
  }
}

void ProtocolTransport::read_ready() {
  // Then others have their turn.
  const std::size_t most = loop().scratch().size();
  for (std::size_t got = 0; got < most && is_reading();) {
    const std::span<std::byte> into = room();
    if (into.empty()) return;
    const IoResult result = stream()->receive(into);
    if (result == would_block) return stream()->wait(Way::read, readable_);
    if (result == 0) return ended();
    if (result < 0) return lose(result, "recv from");
    got += static_cast<std::size_t>(result);
    received(into.first(static_cast<std::size_t>(result)));
  }
  if (is_reading()) schedule(due_read);
}

void ProtocolTransport::ended() {
  stopped_ = true;
  bool keep_open = false;
  call("eof_received()", [&] {
    keep_open =
        protocol_.plain ? protocol_.plain->eof_received() : protocol_.buffered->eof_received();
  });
  if (!keep_open) close();
}

void ProtocolTransport::pause_reading() noexcept {
  if (is_closing() || std::exchange(paused_, true)) return;
  stream()->stop_waiting(Way::read);
}

void ProtocolTransport::resume_reading() noexcept {
  if (is_closing() || !std::exchange(paused_, false) || stopped_) return;
  schedule(due_read);
}

void ProtocolTransport::stop_reading() noexcept {
  if (stream() != nullptr) stream()->stop_waiting(Way::read);
}

}  // namespace asyncio::detail
