#pragma once

#include <asyncio/coroutine.hpp>

#include "loop/byte_stream.hpp"
#include "loop/loop_state.hpp"
#include "net/tls_engine.hpp"
#include "net/tls_settings.hpp"

#include <memory>

namespace asyncio::detail {

/// TLS over another stream, which may be TLS, too.
///
/// Nothing is sent or received before handshake() has given 0.
class TlsStream final : public ByteStream, private TlsSink {
 public:
  TlsStream(LoopState& loop, std::unique_ptr<ByteStream> lower, TlsEngine::Side side,
            const TlsSettings& settings);
  ~TlsStream() override;

  /// Ciphertext that was received before there was this stream.
  void feed(std::span<const std::byte> ciphertext) { engine_.feed(ciphertext); }
  /// Returns: 0 when it is done.
  IoResult handshake() noexcept;

  IoResult receive(std::span<std::byte> into) noexcept override;
  [[nodiscard]] bool known_empty() const noexcept override {
    return engine_.nothing_to_decrypt() && lower_->known_empty();
  }
  [[nodiscard]] bool drained() const noexcept override {
    return engine_.nothing_to_decrypt() && lower_->drained();
  }
  IoResult send(const iovec* parts, int count) noexcept override;
  IoResult finish_sending() noexcept override { return 0; }
  [[nodiscard]] bool can_finish_sending() const noexcept override { return false; }
  /// Says close_notify and waits for the peer's, as long as the shutdown may take.
  IoResult finish() noexcept override;
  [[nodiscard]] std::exception_ptr own_error() noexcept override;
  [[nodiscard]] std::optional<std::string> extra_info(std::string_view name) override;
  [[nodiscard]] Endpoint& endpoint() noexcept override { return lower_->endpoint(); }

  void wait(Way way, IoObserver& observer) noexcept override;
  void stop_waiting(Way way) noexcept override;
  [[nodiscard]] bool awaited(Way way) const noexcept override {
    return observers_[static_cast<std::size_t>(way)] != nullptr;
  }

 private:
  /// What the stream below may do again.
  struct Below : IoObserver {
    Below(TlsStream& s, Way w) noexcept : IoObserver{&Below::ready_again}, stream(s), way(w) {}
    static void ready_again(IoObserver& self) noexcept;
    TlsStream& stream;
    Way way;
  };
  /// The handshake, or the shutdown, takes too long.
  struct Limit : Timer {
    explicit Limit(TlsStream& s) noexcept : Timer(&Limit::passed), stream(s) {}
    static void passed(ReadyCall& self, ReadyAction action);
    TlsStream& stream;
  };

  /// Calls the engine and carries away what it has to say. Returns: what `fn` gives, or an error.
  template <class F>
  IoResult drive(F fn) noexcept;
  IoResult receive_below();
  std::size_t take(std::span<const std::byte> ciphertext) noexcept override;
  /// Returns: 0 when all is sent, would_block or an error.
  IoResult flush() noexcept;
  IoResult send_below(std::span<const std::byte> ciphertext) noexcept;
  IoResult fail(std::exception_ptr error) noexcept;
  void limit(Duration time);
  void wait_below(Way way) noexcept;
  void tell(Way way) noexcept;

  LoopState& loop_;
  std::unique_ptr<ByteStream> lower_;
  TlsEngine engine_;
  std::exception_ptr failure_;
  IoResult send_error_ = 0;
  IoObserver* observers_[2] = {};
  Below readable_{*this, Way::read};
  Below writable_{*this, Way::write};
  Limit limit_{*this};
  Duration handshake_timeout_;
  Duration shutdown_timeout_;
  bool shutting_down_ = false;
};

/// A stream's TLS: its handshake, awaited.
[[nodiscard]] Coro<> tls_handshake(TlsStream& stream);
/// The stream, after the handshake. When that fails or is cancelled it is closed.
[[nodiscard]] Coro<std::unique_ptr<ByteStream>> start_tls_over(LoopState& loop,
                                                               std::unique_ptr<ByteStream> lower,
                                                               TlsEngine::Side side,
                                                               TlsSettings settings);

}  // namespace asyncio::detail
