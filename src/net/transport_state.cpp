#include "net/transport_state.hpp"

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "loop/endpoint.hpp"
#include "net/net_errors.hpp"
#include "net/sending_hold.hpp"
#include "net/tls_stream.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
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
    : TransportLife(loop), stream_(std::move(stream)) {
  stream_->endpoint().begin_stream();
}

TransportState::~TransportState() = default;

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
  if (!tell_of_drop()) return;
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
  if (marks_.begins_pause(output_.size())) pause_writing();
}

void TransportState::wait_to_write() noexcept {
  if (!stream_->awaited(Way::write)) stream_->wait(Way::write, writable_);
}

void TransportState::Writable::is(IoObserver& self) noexcept {
  static_cast<Writable&>(self).transport.schedule(due_flush);
}

// Each may bring about the end of the connection. It begins in any case, since it will be lost, and
// what has come before the loss is told.
void TransportState::take_turn(std::uint8_t due) {
  if ((due & due_begin) != 0) begin();
  if ((due & due_end) != 0) tell_of_end();
  if ((due & due_read) != 0 && !is_closing()) read_ready();
  if ((due & due_flush) != 0 && !is_lost()) flush();
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
  // Who resumes may write again, or close.
  if (hold_ == nullptr && marks_.ends_pause(output_.size())) resume_writing();
  if (!output_.empty() || is_lost()) return;
  if (hold_ != nullptr) {
    hold_->wake();
    if (!is_closing()) return;  // what waits for the end of all waits for the hold's, too
  }
  if (flushed()) lost();  // in this turn already, as in CPython
}

void TransportState::send_rest() noexcept {
  while (!output_.empty()) {
    const std::span<const std::byte> front = output_.front();
    const iovec part{const_cast<std::byte*>(front.data()), front.size()};  // NOLINT: only read
    const IoResult sent = stream_->send(&part, 1);
    if (sent < 0) return lose(sent, "send to");
    output_.sent(static_cast<std::size_t>(sent));
  }
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
  return is_closing() && finish();
}

void TransportState::write_eof() {
  if (is_closing()) return;
  if (!can_write_eof()) {
    throw_runtime_error(
        "write_eof(): TLS and the standard streams cannot end one way alone; close() ends them");
  }
  if (stream_->is_one_way()) return close();
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
  if (marks_.paused() || eof_wanted_) schedule(due_flush);  // these have waited
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

void TransportState::set_write_limits(std::optional<std::size_t> high,
                                      std::optional<std::size_t> low) {
  marks_.set(high, low);
  pause_if_full();
}

// --- the end ------------------------------------------------------------------------------------

void TransportState::stop_writing() noexcept {
  output_.clear();
  if (stream_ != nullptr) stream_->stop_waiting(Way::write);
}

bool TransportState::all_sent() noexcept { return output_.empty() && flushed(); }

void TransportState::release() noexcept {
  stream_.reset();
  if (hold_ != nullptr) hold_->wake();
  let_go();
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
    lose(Failure(error_of(*stream_, result, operation, peer())));
  } catch (...) {
    lose(Failure(std::current_exception()));
  }
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
  auto secure = std::make_unique<TlsStream>(loop(), std::move(stream_), side, settings);
  TlsStream& result = *secure;
  result.feed(std::as_bytes(std::span(early)));
  stream_ = std::move(secure);
  if (!output_.empty()) wait_to_write();
  join_stream();
  return result;
}

}  // namespace asyncio::detail
