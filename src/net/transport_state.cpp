#include "net/transport_state.hpp"

#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "loop/endpoint.hpp"
#include "net/net_errors.hpp"
#include "net/net_service.hpp"
#include "net/server_state.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <climits>
#include <utility>
#include <vector>

namespace asyncio::detail {

/// What is left of several pieces that are sent one after the other.
class Parts {
 public:
  explicit Parts(std::span<const std::span<const std::byte>> parts) noexcept : parts_(parts) {
    skip(0);
  }
  [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }
  [[nodiscard]] std::span<const std::byte> front() const noexcept {
    return parts_.front().subspan(offset_);
  }
  void skip(std::size_t n) noexcept {
    offset_ += n;
    while (!parts_.empty() && offset_ >= parts_.front().size()) {
      offset_ -= parts_.front().size();
      parts_ = parts_.subspan(1);
    }
  }
  /// Returns: how many.
  int fill(std::span<iovec> vector) const noexcept {
    const std::size_t count = std::min(vector.size(), parts_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::span<const std::byte> part = i == 0 ? front() : parts_[i];
      vector[i] = {const_cast<std::byte*>(part.data()), part.size()};  // NOLINT: it is only read
    }
    return static_cast<int>(count);
  }

 private:
  std::span<const std::span<const std::byte>> parts_;
  std::size_t offset_ = 0;  // in the first
};

TransportState::TransportState(LoopState& loop, std::unique_ptr<ByteStream> stream)
    : loop_(&loop), stream_(std::move(stream)) {
  NetService& service = NetService::of(loop);
  loop.ready.reserve();
  service.enter(*this);
  stream_->endpoint().begin_stream();
}

TransportState::~TransportState() {
  if (loop_ != nullptr) leave_loop();
}

void TransportState::serve(ServerState& server) noexcept {
  server_ = &server;
  server.attach();
}

void TransportState::leave_server() noexcept {
  if (ServerState* server = std::exchange(server_, nullptr)) server->detach();
}

void TransportState::leave_loop() noexcept {
  leave_server();
  if (state_ != State::lost) NetService::of(*loop_).leave(*this);
  loop_->ready.unreserve();
  loop_ = nullptr;
}

int TransportState::fd() const noexcept {
  return stream_ == nullptr ? -1 : stream_->endpoint().fd();
}

// --- sending ------------------------------------------------------------------------------------

bool TransportState::takes_writes(const char* who) {
  if (eof_wanted_) throw_runtime_error(fmt::format("Cannot call {} after write_eof()", who));
  if (!is_lost()) return true;
  constexpr std::uint8_t silent = 5;  // as CPython
  if (writes_when_lost_ < silent) {
    ++writes_when_lost_;
  } else {
    log(LogLevel::warning,
        fmt::format("{}: the connection is lost, the data is dropped; look at is_closing(), or "
                    "await drain(), which throws",
                    who));
  }
  return false;
}

void TransportState::write(std::span<const std::byte> data) { write_parts({&data, 1}); }

void TransportState::write_parts(std::span<const std::span<const std::byte>> all) {
  if (!takes_writes("write()")) return;
  Parts parts(all);
  if (output_.empty()) send_now(parts);
  for (; !parts.empty() && !is_lost(); parts.skip(parts.front().size())) keep(parts.front());
}

void TransportState::send_now(Parts& parts) noexcept {
  while (!parts.empty()) {
    iovec vector[64];
    const IoResult sent = stream_->send(vector, parts.fill(vector));
    if (sent < 0) {
      if (sent != would_block) lose(sent, "send to");
      return;
    }
    parts.skip(static_cast<std::size_t>(sent));
  }
}

void TransportState::keep(std::span<const std::byte> rest) {
  const bool waits_already = !output_.empty();
  try {
    output_.append(rest);
  } catch (...) {
    // A part of it may have been sent: the peer could not make sense of what follows.
    lose(current_failure());
    throw;
  }
  if (!waits_already) wait_to_write();
  if (!paused_writing_ && output_.size() > high_) {
    paused_writing_ = true;
    pause_writing();
  }
}

void TransportState::wait_to_write() noexcept {
  if (!stream_->awaited(Way::write)) stream_->wait(Way::write, writable_);
}

void TransportState::Writable::is(IoObserver& self) noexcept {
  static_cast<Writable&>(self).transport.schedule(due_flush);
}

void TransportState::schedule(Due due) noexcept {
  if (loop_ == nullptr) return;
  const bool queued = due_ != 0;
  due_ |= due;
  if (queued) return;
  add_ref();
  loop_->ready.push(turn_);
}

void TransportState::Turn::run(ReadyCall& self, ReadyAction action) {
  const auto transport = Ref<TransportState>::adopt(&static_cast<Turn&>(self).transport);
  const unsigned due = std::exchange(transport->due_, std::uint8_t{0});
  if (action == ReadyAction::run) {
    transport->take_turn(due);
  } else {
    transport->abandon();
  }
}

// Each may bring about the end of the connection.
void TransportState::take_turn(unsigned due) {
  if ((due & due_begin) != 0 && !is_lost()) begin();
  if ((due & due_read) != 0 && !is_closing()) read_ready();
  if ((due & due_flush) != 0 && !is_lost()) flush();
  if ((due & due_lost) != 0 && state_ == State::losing) lost();
}

void TransportState::flush() noexcept {
  while (!output_.empty()) {
    const std::span<const std::byte> front = output_.front();
    const iovec part{const_cast<std::byte*>(front.data()), front.size()};  // NOLINT: only read
    const IoResult sent = stream_->send(&part, 1);
    if (sent == would_block) break;
    if (sent < 0) return lose(sent, "send to");
    output_.sent(static_cast<std::size_t>(sent));
  }
  if (!output_.empty()) wait_to_write();
  if (paused_writing_ && output_.size() <= low_) {
    paused_writing_ = false;
    resume_writing();  // may write again, or close
  }
  if (output_.empty() && !is_lost()) flushed();
}

// Everything is sent: what waited for that comes next.
void TransportState::flushed() noexcept {
  if (eof_wanted_ && !eof_sent_) {
    const IoResult result = stream_->finish_sending();
    if (result == would_block) return wait_to_write();
    eof_sent_ = true;
    if (result < 0 && result != -ENOTCONN) return lose(result, "shutdown of the connection to");
  }
  if (state_ == State::closing) finish();
}

void TransportState::write_eof() {
  if (is_closing()) return;
  if (!can_write_eof()) {
    throw_runtime_error("write_eof(): TLS has no half-closed connections; close() ends both ways");
  }
  if (std::exchange(eof_wanted_, true)) return;
  if (output_.empty()) flushed();
}

void TransportState::set_write_limits(std::size_t high, std::size_t low) noexcept {
  high_ = high;
  low_ = low;
  if (!paused_writing_ && output_.size() > high_) {
    paused_writing_ = true;
    pause_writing();
  }
}

// --- the end ------------------------------------------------------------------------------------

void TransportState::close() noexcept {
  if (is_closing()) return;
  state_ = State::closing;
  stop_reading();
  if (output_.empty()) flushed();
}

void TransportState::finish() noexcept {
  const IoResult result = stream_->finish();
  if (result == would_block) {
    wait_to_write();
  } else if (result < 0) {
    lose(result, "closing the connection to");
  } else {
    end();
  }
}

void TransportState::lose(IoResult result, const char* operation) noexcept {
  if (is_lost()) return;
  try {
    lose(Failure(error_of(*stream_, result, operation)));
  } catch (...) {
    lose(Failure(std::current_exception()));
  }
}

void TransportState::lose(Failure failure) noexcept {
  if (is_lost()) return;
  failure_ = std::move(failure);
  output_.clear();
  if (!is_closing()) {
    state_ = State::closing;
    stop_reading();
  }
  end();
}

void TransportState::end() noexcept {
  state_ = State::losing;
  if (stream_ != nullptr) stream_->stop_waiting(Way::write);
  schedule(due_lost);
}

void TransportState::lost() noexcept {
  state_ = State::lost;
  NetService::of(*loop_).leave(*this);
  connection_lost();
  stream_.reset();
  leave_server();
}

void TransportState::abandon() noexcept {
  if (loop_ == nullptr) return;
  output_.clear();
  if (!is_closing()) stop_reading();
  stream_.reset();
  if (due_ != 0) return;  // its turn is discarded next, and comes here
  leave_loop();
  state_ = State::lost;
}

// --- about it -----------------------------------------------------------------------------------

namespace {

// What is known, or what the system says while there is a connection.
Address known_address(PackedAddress& known, Address (*ask)(int), int fd) {
  Address address = known.unpacked();
  if (address.family() != Address::Family::none || fd < 0) return address;
  address = ask(fd);
  known = PackedAddress(address);
  return address;
}

}  // namespace

Address TransportState::peer() { return known_address(peer_, &peer_address, fd()); }
Address TransportState::local() { return known_address(local_, &local_address, fd()); }

std::optional<std::string> TransportState::extra_info(std::string_view name) {
  if (name == "peername" || name == "sockname") {
    const Address address = name == "peername" ? peer() : local();
    if (address.family() == Address::Family::none) return std::nullopt;
    return address.str();
  }
  return stream_ == nullptr ? std::nullopt : stream_->extra_info(name);
}

std::unique_ptr<ByteStream> TransportState::take_stream() noexcept {
  stream_->stop_waiting(Way::write);
  return std::move(stream_);
}

void TransportState::put_stream(std::unique_ptr<ByteStream> stream) noexcept {
  stream_ = std::move(stream);
  if (!output_.empty()) wait_to_write();
}

void set_limits(TransportState& transport, std::size_t high, std::optional<std::size_t> low) {
  const std::size_t low_mark = low.value_or(high / 4);
  if (high < low_mark) {
    throw_invalid_argument(
        fmt::format("set_write_buffer_limits(): high ({}) must be >= low ({})", high, low_mark));
  }
  transport.set_write_limits(high, low_mark);
}

}  // namespace asyncio::detail
