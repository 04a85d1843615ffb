#include "net/transport_state.hpp"

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "loop/endpoint.hpp"
#include "net/net_errors.hpp"
#include "net/net_service.hpp"
#include "net/sending_hold.hpp"
#include "net/server_state.hpp"
#include "net/tls_stream.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <limits>
#include <new>
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
  loop.ready.reserve(2);  // turn_ and end_
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
  NetService::of(*loop_).leave(*this);
  loop_->ready.unreserve(2);
  loop_ = nullptr;
}

int TransportState::fd() const noexcept {
  return stream_ == nullptr ? -1 : stream_->endpoint().fd();
}

// --- sending ------------------------------------------------------------------------------------

namespace {

// Without its "()".
std::string_view bare(std::string_view call) { return call.substr(0, call.size() - 2); }

}  // namespace

void TransportState::check_may_write(const char* who) const {
  if (eof_wanted_) throw_runtime_error(fmt::format("Cannot call {} after write_eof()", who));
  if (hold_ != nullptr) {
    throw_runtime_error(
        fmt::format("unable to {}; {} is in progress", bare(who), bare(hold_->who())));
  }
}

void TransportState::drop_write(const char* who) noexcept {
  constexpr std::uint8_t silent = 4;  // as CPython
  if (writes_when_lost_ < silent) {
    ++writes_when_lost_;
    return;
  }
  try {
    log(LogLevel::warning,
        fmt::format("{}: the connection is lost, the data is dropped; look at is_closing(), or "
                    "await drain(), which throws",
                    who));
  } catch (const std::bad_alloc&) {
    // It is a warning only.
  }
}

void TransportState::write(std::span<const std::byte> data) { write_parts({&data, 1}, "write()"); }

void TransportState::write_parts(std::span<const std::span<const std::byte>> all, const char* who) {
  check_may_write(who);
  Parts parts(all);
  if (parts.empty()) return;
  if (is_lost()) return drop_write(who);
  // It may write, too: all of this comes before that.
  if (send_or_keep(parts)) pause_if_full();
}

// Returns: true if something is kept.
bool TransportState::send_or_keep(Parts& parts) {
  const bool waits_already = !output_.empty();
  if (!waits_already) send_now(parts);
  if (parts.empty() || is_lost()) return false;
  for (; !parts.empty(); parts.skip(parts.front().size())) keep(parts.front());
  if (!waits_already) wait_to_write();
  return true;
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
  try {
    output_.append(rest);
  } catch (...) {
    // A part of it may have been sent: the peer could not make sense of what follows.
    lose(current_failure());
    throw;
  }
}

void TransportState::pause_if_full() {
  if (paused_writing_ || output_.size() <= high_) return;
  paused_writing_ = true;
  pause_writing();
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

void TransportState::schedule_at_poll(Due due) noexcept {
  if (loop_ == nullptr) return;
  const bool queued = due_ != 0;
  due_ |= due;
  if (queued) return;
  add_ref();
  loop_->push_at_poll(turn_);
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

// Each may bring about the end of the connection. It begins in any case, since it will be lost.
void TransportState::take_turn(unsigned due) {
  if ((due & due_begin) != 0) begin();
  if ((due & due_read) != 0 && !is_closing()) read_ready();
  if ((due & due_flush) != 0 && !is_lost()) flush();
}

void TransportState::End::run(ReadyCall& self, ReadyAction action) {
  const auto transport = Ref<TransportState>::adopt(&static_cast<End&>(self).transport);
  transport->end_queued_ = false;
  if (action != ReadyAction::run) {
    transport->abandon();
  } else if (transport->state_ == State::losing) {
    transport->lost();
  }
}

void TransportState::flush() {
  constexpr std::size_t at_once = std::size_t{1} << 20;  // then others have their turn
  std::size_t all = 0;
  while (!output_.empty() && all < at_once) {
    const std::span<const std::byte> front = output_.front();
    const iovec part{const_cast<std::byte*>(front.data()), front.size()};  // NOLINT: only read
    const IoResult sent = stream_->send(&part, 1);
    if (sent == would_block) break;
    if (sent < 0) return lose(sent, "send to");
    output_.sent(static_cast<std::size_t>(sent));
    all += static_cast<std::size_t>(sent);
  }
  if (all >= at_once && !output_.empty()) {
    schedule_at_poll(due_flush);
  } else if (!output_.empty()) {
    wait_to_write();
  }
  if (paused_writing_ && output_.size() <= low_ && hold_ == nullptr) {
    paused_writing_ = false;
    resume_writing();  // may write again, or close
  }
  if (!output_.empty() || is_lost()) return;
  if (hold_ != nullptr) {
    hold_->wake();
    if (state_ == State::open) return;  // what waits for the end of all waits for the hold's, too
  }
  if (!flushed()) return;
  stream_->stop_waiting(Way::write);
  lost();  // in this turn already, as in CPython
}

// Everything is sent: what waited for that comes next.
bool TransportState::flushed() noexcept {
  if (eof_wanted_ && !eof_sent_) {
    const IoResult result = stream_->finish_sending();
    if (result == would_block) {
      wait_to_write();
      return false;
    }
    eof_sent_ = true;
    if (result < 0 && result != -ENOTCONN) {
      lose(result, "shutdown of the connection to");
      return false;
    }
  }
  return state_ == State::closing && finish();
}

void TransportState::write_eof() {
  if (is_closing()) return;
  if (!can_write_eof()) {
    throw_runtime_error("write_eof(): TLS has no half-closed connections; close() ends both ways");
  }
  if (std::exchange(eof_wanted_, true)) return;
  if (output_.empty() && hold_ == nullptr) (void)flushed();
}

void TransportState::hold_sending(SendingHold& hold) {
  check_may_write(hold.who());
  hold_ = &hold;
}

void TransportState::release_sending() noexcept {
  hold_ = nullptr;
  if (is_lost()) return;
  if (output_.empty()) stream_->stop_waiting(Way::write);
  if (paused_writing_ || eof_wanted_) schedule(due_flush);  // these have waited
}

IoResult TransportState::send_file(int file, std::int64_t position, std::size_t size) noexcept {
  const IoResult sent = stream_->send_file(file, position, size);
  if (sent == would_block) wait_to_write();
  return sent;
}

void TransportState::write_of_file(std::span<const std::byte> data) {
  const std::span<const std::byte> all[] = {data};
  Parts parts(all);
  (void)send_or_keep(parts);
}

void TransportState::set_write_limits(std::size_t high, std::size_t low) {
  high_ = high;
  low_ = low;
  pause_if_full();
}

// --- the end ------------------------------------------------------------------------------------

void TransportState::close() noexcept {
  if (is_closing()) return;
  state_ = State::closing;
  keep();
  stop_reading();
  if (output_.empty() && flushed()) end();
}

void TransportState::keep() noexcept {
  kept_ = true;
  add_ref();
}

void TransportState::stop_keeping() noexcept {
  if (std::exchange(kept_, false)) drop_ref();
}

bool TransportState::finish() noexcept {
  const IoResult result = stream_->finish();
  if (result == would_block) {
    wait_to_write();
  } else if (result < 0) {
    lose(result, "closing the connection to");
  }
  return result >= 0;
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
  if (loop_ == nullptr) return;
  end_queued_ = true;
  add_ref();
  loop_->ready.push(end_);
}

void TransportState::lost() {
  struct AtLast {
    TransportState& transport;
    ~AtLast() {
      transport.stream_.reset();
      transport.leave_server();
      transport.stop_keeping();
      if (transport.hold_ != nullptr) transport.hold_->wake();
      transport.let_go();
    }
  };
  const AtLast also_after_an_interrupt{*this};
  state_ = State::lost;
  connection_lost();
}

void TransportState::abandon() noexcept {
  if (loop_ == nullptr) return;
  const auto self = Ref<TransportState>(this);
  if (state_ != State::lost) {
    if (!is_closing()) stop_reading();
    state_ = State::lost;
    output_.clear();
    stream_.reset();
    stop_keeping();
    let_go();
  }
  // What is queued is discarded next, and comes here.
  if (due_ == 0 && !end_queued_) leave_loop();
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

TlsStream& TransportState::secure(TlsEngine::Side side, const TlsSettings& settings) {
  stream_->stop_waiting(Way::write);
  const std::string early = leave_stream();
  auto secure = std::make_unique<TlsStream>(*loop_, std::move(stream_), side, settings);
  TlsStream& result = *secure;
  result.feed(std::as_bytes(std::span(early)));
  stream_ = std::move(secure);
  if (!output_.empty()) wait_to_write();
  join_stream();
  return result;
}

void set_limits(TransportState& transport, std::optional<std::size_t> high,
                std::optional<std::size_t> low) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  if (!high && low) {
    high = *low > most / 4 ? most : 4 * *low;
  } else if (!high) {
    high = default_high_mark;
  }
  if (!low) low = *high / 4;
  if (*high < *low) {
    throw_invalid_argument(
        fmt::format("set_write_buffer_limits(): high ({}) must be >= low ({})", *high, *low));
  }
  transport.set_write_limits(*high, *low);
}

}  // namespace asyncio::detail
