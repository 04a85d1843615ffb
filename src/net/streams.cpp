#include <asyncio/event_loop.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/streams.hpp>

#include "net/open_socket.hpp"
#include "net/socket_state.hpp"
#include "net/stream_state.hpp"
#include "net/tls_stream.hpp"
#include "net/when_awaited.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio {

using detail::ReaderState;
using detail::Ref;
using detail::StreamRead;
using detail::StreamState;

// --- reader -------------------------------------------------------------------------------------

StreamReader::StreamReader(std::size_t limit)
    : state_(Ref<ReaderState>::adopt(new ReaderState(limit))) {}
StreamReader::StreamReader(Ref<ReaderState> state) noexcept : state_(std::move(state)) {}
StreamReader::StreamReader(const StreamReader&) noexcept = default;
StreamReader& StreamReader::operator=(StreamReader other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
StreamReader::~StreamReader() = default;

StreamRead StreamReader::read(std::size_t most) const {
  return {state_, StreamRead::Until::some, most};
}
StreamRead StreamReader::read() const { return {state_, StreamRead::Until::end, 0}; }
detail::StreamReadInto StreamReader::read_into(std::span<std::byte> into) const {
  return {state_, into};
}
StreamRead StreamReader::readexactly(std::size_t size) const {
  return {state_, StreamRead::Until::size, size};
}
StreamRead StreamReader::readuntil(std::string_view separator) const {
  return {state_, std::vector<std::string>{std::string(separator)}};
}
StreamRead StreamReader::readuntil(const std::vector<std::string>& separators) const {
  return {state_, separators};
}
StreamRead StreamReader::readline() const { return {state_, StreamRead::Until::line, 0}; }
detail::StreamNextLine StreamReader::next_line() const { return detail::StreamNextLine(state_); }

bool StreamReader::at_eof() const noexcept { return state_->ended() && state_->bytes().empty(); }
std::exception_ptr StreamReader::exception() const noexcept { return state_->failure().error; }
std::size_t StreamReader::limit() const noexcept { return state_->limit(); }

void StreamReader::feed_data(std::string_view data) const { state_->feed(data); }
void StreamReader::feed_eof() const { state_->feed_eof(); }
void StreamReader::set_exception(std::exception_ptr error) const {
  state_->fail(detail::failure_of(std::move(error)));
}

std::string StreamReader::repr() const {
  std::string text = "<StreamReader";
  if (!state_->bytes().empty()) text += fmt::format(" {} bytes", state_->bytes().size());
  if (state_->ended()) text += " eof";
  if (state_->limit() != default_limit) text += fmt::format(" limit={}", state_->limit());
  if (state_->awaited(detail::Way::read)) text += " waiter";
  if (state_->failure()) text += " exception=" + detail::describe(state_->failure().error);
  return text + ">";
}

// --- writer -------------------------------------------------------------------------------------

StreamWriter::StreamWriter(Ref<StreamState> state) noexcept : state_(std::move(state)) {
  state_->add_writer();
}
StreamWriter::StreamWriter(const StreamWriter& other) noexcept : StreamWriter(other.state_) {}
StreamWriter& StreamWriter::operator=(StreamWriter other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
StreamWriter::~StreamWriter() { state_->drop_writer(); }

void StreamWriter::write(std::string_view data) const { write(std::as_bytes(std::span(data))); }
void StreamWriter::write(std::span<const std::byte> data) const { state_->write(data); }

void StreamWriter::writelines(std::initializer_list<std::string_view> parts) const {
  detail::write_texts(*state_, parts);
}
void StreamWriter::writelines(std::span<const std::string> parts) const {
  detail::write_texts(*state_, parts);
}
void StreamWriter::writelines(std::span<const std::string_view> parts) const {
  detail::write_texts(*state_, parts);
}

detail::StreamDrain StreamWriter::drain() const { return detail::StreamDrain(state_); }

void StreamWriter::set_write_buffer_limits(std::size_t high, std::optional<std::size_t> low) const {
  state_->set_write_limits(high, low);
}
std::size_t StreamWriter::get_write_buffer_size() const noexcept { return state_->unsent(); }

void StreamWriter::write_eof() const { state_->write_eof(); }
bool StreamWriter::can_write_eof() const noexcept { return state_->can_write_eof(); }
void StreamWriter::close() const noexcept { state_->close(); }
bool StreamWriter::is_closing() const noexcept { return state_->is_closing(); }
detail::StreamClosed StreamWriter::wait_closed() const { return detail::StreamClosed(state_); }
void StreamWriter::abort() const noexcept { state_->abort(); }

Address StreamWriter::peername() const { return state_->peer(); }
Address StreamWriter::sockname() const { return state_->local(); }
int StreamWriter::fileno() const noexcept { return state_->fd(); }
std::optional<std::string> StreamWriter::get_extra_info(std::string_view name) const {
  return state_->extra_info(name);
}

std::string StreamWriter::repr() const {
  if (state_->has_ended()) return "<StreamWriter closed>";
  return fmt::format("<StreamWriter {} -> {}{}>", sockname().str(), peername().str(),
                     is_closing() ? " closing" : "");
}

// --- connections --------------------------------------------------------------------------------

namespace {

using detail::TlsSettings;

TlsSettings settings_of(const char* who, const ConnectionOptions& options, std::string_view host) {
  detail::check_limit(options.limit);
  return {who, options, host};
}

Coro<Connection> connection_of(Socket socket, TlsSettings tls, std::size_t limit) {
  auto& loop = detail::LoopAccess::state(get_running_loop());
  std::unique_ptr<detail::ByteStream> stream =
      detail::take_stream(loop, socket, "open_connection()");
  if (tls) {
    stream = co_await detail::start_tls_over(loop, std::move(stream),
                                             detail::TlsEngine::Side::client, std::move(tls));
  }
  co_return detail::handles_of(
      Ref<StreamState>::adopt(new StreamState(loop, std::move(stream), limit)));
}

Coro<Connection> connection_after(Coro<Socket> connecting, TlsSettings tls, std::size_t limit) {
  Socket socket = co_await std::move(connecting);
  co_return co_await connection_of(std::move(socket), std::move(tls), limit);
}

}  // namespace

Coro<Connection> open_connection(std::string_view host, std::uint16_t port,
                                 ConnectionOptions options) {
  return detail::when_awaited([&] {
    TlsSettings tls = settings_of("open_connection()", options, host);
    return connection_after(detail::connect_host(get_running_loop(), host, port, options),
                            std::move(tls), options.limit);
  });
}

Coro<Connection> open_connection(const Address& address, ConnectionOptions options) {
  return detail::when_awaited([&] {
    TlsSettings tls = settings_of("open_connection()", options, address.host());
    return connection_after(detail::connect_socket(get_running_loop(), address), std::move(tls),
                            options.limit);
  });
}

Coro<Connection> open_unix_connection(std::string_view path, ConnectionOptions options) {
  return detail::when_awaited([&] {
    TlsSettings tls = settings_of("open_unix_connection()", options, "");
    return connection_after(detail::connect_socket(get_running_loop(), Address::unix_path(path)),
                            std::move(tls), options.limit);
  });
}

Connection open_connection(Socket socket, ConnectionOptions options) {
  constexpr const char* who = "open_connection()";
  if (options.ssl != nullptr) {
    detail::throw_invalid_argument(
        "open_connection(): TLS needs a handshake, which a connection of a socket does not await; "
        "call start_tls() of its writer");
  }
  (void)settings_of(who, options, "");
  auto& loop = detail::LoopAccess::state(get_running_loop());
  return detail::handles_of(Ref<StreamState>::adopt(
      new StreamState(loop, detail::take_stream(loop, socket, who), options.limit)));
}

}  // namespace asyncio
