#include "net/tls_stream.hpp"

#include <asyncio/error.hpp>

#include "loop/endpoint.hpp"
#include "net/net_errors.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace asyncio::detail {
namespace {

// As much plaintext is taken while so much ciphertext is unsent, and so much is received at once.
constexpr std::size_t most_unsent = std::size_t{128} * 1024;
constexpr std::size_t received_at_once = std::size_t{64} * 1024;

}  // namespace

TlsStream::TlsStream(LoopState& loop, std::unique_ptr<ByteStream> lower, TlsEngine::Side side,
                     const TlsSettings& settings)
    : loop_(loop),
      lower_(std::move(lower)),
      engine_(*settings.context, side, settings.server_hostname),
      handshake_timeout_(settings.handshake_timeout),
      shutdown_timeout_(settings.shutdown_timeout) {
  limit(handshake_timeout_);
}

TlsStream::~TlsStream() {
  loop_.disarm(limit_);
  for (const Way way : {Way::read, Way::write}) {
    lower_->stop_waiting(way);
    tell(way);
  }
}

// --- the engine ---------------------------------------------------------------------------------

IoResult TlsStream::fail(std::exception_ptr error) noexcept {
  if (failure_ == nullptr) failure_ = std::move(error);
  loop_.disarm(limit_);
  return -EPROTO;
}

std::exception_ptr TlsStream::own_error() noexcept {
  return failure_ != nullptr ? failure_ : lower_->own_error();
}

template <class F>
IoResult TlsStream::drive(F fn) noexcept {
  if (failure_ != nullptr) return -EPROTO;
  IoResult result = 0;
  try {
    result = fn();
  } catch (...) {
    result = fail(std::current_exception());
  }
  const IoResult flushed = flush();  // an alert, too
  if (result >= 0 && flushed < 0 && flushed != would_block) return flushed;
  return result;
}

IoResult TlsStream::flush() noexcept {
  if (send_error_ < 0) return send_error_;
  while (!engine_.outgoing().empty()) {
    const IoResult sent = send_below(engine_.outgoing());
    if (sent < 0) {
      if (sent == would_block) wait_below(Way::write);
      return sent;
    }
    engine_.sent(static_cast<std::size_t>(sent));
  }
  return 0;
}

IoResult TlsStream::send_below(std::span<const std::byte> ciphertext) noexcept {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is only read
  const iovec part{const_cast<std::byte*>(ciphertext.data()), ciphertext.size()};
  return lower_->send(&part, 1);
}

std::size_t TlsStream::take(std::span<const std::byte> ciphertext) noexcept {
  const IoResult sent = send_below(ciphertext);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (sent != would_block) send_error_ = sent;  // said once; flush() tells
  return 0;
}

// More ciphertext. Returns: how much, 0 at the end, would_block or an error.
IoResult TlsStream::receive_below() {
  const std::span<std::byte> space = engine_.feed_space(received_at_once);
  const IoResult got = lower_->receive(space);
  engine_.fed(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got == 0) engine_.feed_eof();
  return got;
}

// --- the life of it -----------------------------------------------------------------------------

IoResult TlsStream::handshake() noexcept {
  if (failure_ == nullptr && engine_.state() == TlsEngine::State::open) return 0;
  bool ended = false;
  while (true) {
    bool done = false;
    const IoResult result = drive([&]() -> IoResult {
      done = engine_.handshake();
      return 0;
    });
    if (result < 0) return result;
    if (done) break;
    if (ended) return -ECONNRESET;
    const IoResult got = drive([this] { return receive_below(); });
    if (got < 0) return got;
    ended = got == 0;
  }
  loop_.disarm(limit_);
  return 0;
}

IoResult TlsStream::receive(std::span<std::byte> into) noexcept {
  if (into.empty()) return 0;
  while (true) {
    if (const IoResult result = handshake(); result < 0) return result;
    TlsEngine::Read read{};
    const IoResult result = drive([&]() -> IoResult {
      read = engine_.read(into);
      return 0;
    });
    if (result < 0) return result;
    if (read.bytes > 0) return static_cast<IoResult>(read.bytes);
    if (read.status == TlsEngine::Read::closed_by_peer) return 0;
    const IoResult got = drive([this] { return receive_below(); });
    if (got < 0) return got;
  }
}

IoResult TlsStream::send(const iovec* parts, int count) noexcept {
  if (const IoResult result = handshake(); result < 0) return result;
  if (const IoResult result = flush(); result < 0) return result;
  return drive([&]() -> IoResult {
    std::size_t taken = 0;
    for (int i = 0; i < count && taken < most_unsent; ++i) {
      const std::span<const std::byte> part(static_cast<const std::byte*>(parts[i].iov_base),
                                            parts[i].iov_len);
      taken += engine_.write(part.first(std::min(part.size(), most_unsent - taken)),
                             count == 1 ? this : nullptr);
    }
    return static_cast<IoResult>(taken);
  });
}

IoResult TlsStream::finish() noexcept {
  if (engine_.state() == TlsEngine::State::handshaking) return 0;
  if (!std::exchange(shutting_down_, true)) {
    try {
      limit(shutdown_timeout_);
    } catch (...) {
      return fail(std::current_exception());
    }
  }
  while (true) {
    bool done = false;
    IoResult result = drive([&]() -> IoResult {
      done = engine_.shutdown();
      return flush();
    });
    if (result < 0) return result;
    if (done) return 0;
    result = drive([this] { return receive_below(); });
    if (result <= 0) return result;
  }
}

void TlsStream::limit(Duration time) {
  loop_.disarm(limit_);
  const TimePoint now(Duration::nanoseconds(loop_.now()));
  loop_.arm(limit_, (now + time).since_epoch().nanoseconds());
}

void TlsStream::Limit::passed(ReadyCall& self, ReadyAction action) {
  TlsStream& stream = static_cast<Limit&>(static_cast<Timer&>(self)).stream;
  stream.loop_.ready.unreserve();
  if (action == ReadyAction::discard) return;
  if (stream.shutting_down_) {
    stream.fail(std::make_exception_ptr(TimeoutError("SSL shutdown timed out")));
  } else {
    stream.fail(system_error(
        ECONNABORTED,
        fmt::format("SSL handshake is taking longer than {} seconds: aborting the "
                    "connection",
                    static_cast<double>(stream.handshake_timeout_.nanoseconds()) / 1e9)));
  }
  stream.tell(Way::read);
  stream.tell(Way::write);
}

// --- waiting ------------------------------------------------------------------------------------

void TlsStream::wait_below(Way way) noexcept {
  if (!lower_->awaited(way)) lower_->wait(way, way == Way::read ? readable_ : writable_);
}

void TlsStream::wait(Way way, IoObserver& observer) noexcept {
  observers_[static_cast<std::size_t>(way)] = &observer;
  // Who writes may wait for the peer as well: in the handshake and at the end.
  const bool all_sent = engine_.outgoing().empty();
  if (way == Way::read || all_sent) wait_below(Way::read);
  if (!all_sent) wait_below(Way::write);
}

void TlsStream::stop_waiting(Way way) noexcept {
  observers_[static_cast<std::size_t>(way)] = nullptr;
  if (!awaited(Way::read) && !awaited(Way::write)) lower_->stop_waiting(Way::read);
}

void TlsStream::tell(Way way) noexcept {
  IoObserver* observer = std::exchange(observers_[static_cast<std::size_t>(way)], nullptr);
  if (observer != nullptr) observer->ready(*observer);
}

// Each looks for itself whether it is what it has waited for.
void TlsStream::Below::ready_again(IoObserver& self) noexcept {
  const auto& below = static_cast<Below&>(self);
  TlsStream& stream = below.stream;
  if (below.way == Way::write) stream.flush();
  stream.tell(Way::read);
  stream.tell(Way::write);
}

std::optional<std::string> TlsStream::extra_info(std::string_view name) {
  if (name == "version") return engine_.version();
  if (name == "alpn") return engine_.alpn();
  if (name == "cipher") {
    const std::optional<ssl::Cipher> cipher = engine_.cipher();
    if (cipher) return cipher->name;
  }
  if (name == "peercert") {
    const std::optional<ssl::PeerCertificate> certificate = engine_.peer_certificate();
    if (certificate) return certificate->pem;
  }
  return std::nullopt;
}

// --- the handshake, awaited ---------------------------------------------------------------------

namespace {

class TlsHandshake : public IoWait {
 public:
  explicit TlsHandshake(TlsStream& stream) noexcept : IoWait(ops), stream_(&stream) {}
  [[nodiscard]] bool await_ready() noexcept { return attempt(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    park(*stream_, Way::read);
  }
  void await_resume() {
    if (parked()) running_task()->throw_delivery_if_any();
    if (result_ < 0) {
      std::rethrow_exception(error_of(*stream_, result_ == would_block ? -EBUSY : result_,
                                      "TLS handshake with",
                                      peer_address(stream_->endpoint().fd())));
    }
  }

 private:
  friend class IoWait;
  static const Ops ops;
  bool attempt() noexcept {
    result_ = stream_->handshake();
    return result_ != would_block;
  }
  [[nodiscard]] IoSource* source() noexcept { return stream_; }
  [[nodiscard]] static Way way() noexcept { return Way::read; }

  TlsStream* stream_;
  IoResult result_ = 0;
};

constexpr Waiter::Ops TlsHandshake::ops = IoWait::ops_of<TlsHandshake>("the TLS handshake");

}  // namespace

Coro<> tls_handshake(TlsStream& stream) { co_await TlsHandshake(stream); }

Coro<std::unique_ptr<ByteStream>> start_tls_over(LoopState& loop, std::unique_ptr<ByteStream> lower,
                                                 TlsEngine::Side side, TlsSettings settings) {
  lower->endpoint().begin_stream();
  auto stream = std::make_unique<TlsStream>(loop, std::move(lower), side, settings);
  co_await tls_handshake(*stream);
  co_return stream;
}

}  // namespace asyncio::detail
