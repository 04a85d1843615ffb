#pragma once

#include <asyncio/address.hpp>

#include "loop/byte_stream.hpp"
#include "net/output_buffer.hpp"
#include "net/packed_address.hpp"
#include "net/tls_engine.hpp"
#include "net/transport_life.hpp"
#include "net/write_marks.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

class Parts;
class SendingHold;
class TlsSettings;
class TlsStream;

/// What a stream and a protocol's transport have in common: a ByteStream, and what is still to be
/// sent.
class TransportState : public TransportLife {
 public:
  TransportState(LoopState& loop, std::unique_ptr<ByteStream> stream);

  // --- sending ---

  /// Sends at once what the system takes and keeps a copy of the rest.
  /// Throws: RuntimeError after write_eof(); std::bad_alloc, and then nothing of the rest is kept
  /// and the connection breaks.
  void write(std::span<const std::byte> data);
  /// All parts by as few calls as possible.
  void write_parts(std::span<const std::span<const std::byte>> parts, const char* who);
  virtual void write_eof();
  [[nodiscard]] bool can_write_eof() const noexcept {
    return stream_ == nullptr || stream_->can_finish_sending();
  }
  /// As WriteMarks::set().
  void set_write_limits(std::optional<std::size_t> high, std::optional<std::size_t> low);
  [[nodiscard]] const WriteMarks& marks() const noexcept { return marks_; }
  [[nodiscard]] std::size_t unsent() const noexcept { return output_.size(); }
  [[nodiscard]] bool writing_is_paused() const noexcept { return marks_.paused(); }

  // --- for one alone ---

  /// Nobody else writes until release_sending(). The hold is woken when everything is sent and more
  /// can be, and when the connection is lost.
  /// Throws: RuntimeError if there is one already, or after write_eof().
  void hold_sending(SendingHold& hold);
  void release_sending() noexcept;
  /// As ByteStream::send_file(). When it would block, the hold will be woken.
  IoResult send_file(int file, std::int64_t position, std::size_t size) noexcept;
  /// As write(), for who holds it, without a word to the protocol.
  void write_of_file(std::span<const std::byte> data);

  /// The loop ends: what is unsent goes to a stream that waits until it can take it.
  void send_rest() noexcept;

  // --- the end ---

  using TransportLife::lose;
  /// Ends because a call has given an error.
  void lose(IoResult result, const char* operation) noexcept;

  // --- about it ---

  /// Null when it is lost.
  [[nodiscard]] ByteStream* stream() const noexcept { return stream_.get(); }
  /// -1 when it is lost.
  [[nodiscard]] int fd() const noexcept;
  /// Also of one that is lost, if it was asked for before, or is known from accept(). Does not
  /// throw then.
  [[nodiscard]] Address peer();
  [[nodiscard]] Address local();
  void set_peer(const Address& address) noexcept { peer_ = PackedAddress(address); }
  [[nodiscard]] std::optional<std::string> extra_info(std::string_view name);
  /// TLS takes the place of the stream and stands on it. What was received already is ciphertext to
  /// it: it was sent before anybody was authenticated.
  TlsStream& secure(TlsEngine::Side side, const TlsSettings& settings);

 protected:
  ~TransportState() override;

  /// The unsent bytes have become more than the high mark; or, later, no more than the low one.
  /// Throw: KeyboardInterrupt.
  virtual void pause_writing() = 0;
  virtual void resume_writing() = 0;
  /// Another stream takes the place of this one. Returns: what was received and nobody has read.
  virtual std::string leave_stream() = 0;
  virtual void join_stream() noexcept = 0;
  /// Once in any case, when all is over.
  virtual void let_go() noexcept {}

  /// What is to be done in the connection's next turn, in this order.
  enum Due : std::uint8_t { due_begin = 1, due_end = 2, due_read = 4, due_flush = 8 };
  /// All but due_flush, for those that ask for them.
  virtual void begin() {}
  virtual void tell_of_end() {}
  virtual void read_ready() {}

 private:
  struct Writable : IoObserver {
    explicit Writable(TransportState& c) noexcept : IoObserver{&Writable::is}, transport(c) {}
    static void is(IoObserver& self) noexcept;
    TransportState& transport;
  };
  void take_turn(std::uint8_t due) override;
  void stop_writing() noexcept override;
  [[nodiscard]] bool all_sent() noexcept override;
  void release() noexcept override;

  void send_now(Parts& parts) noexcept;
  void check_may_write(const char* who) const;
  void drop_write(const char* who) noexcept;
  bool send_or_keep(Parts& parts);
  void keep(std::span<const std::byte> rest);
  void wait_to_write() noexcept;
  void flush();
  // Return: true if nothing is left but the end.
  [[nodiscard]] bool flushed() noexcept;
  [[nodiscard]] bool finish() noexcept;
  void pause_if_full();

  bool eof_wanted_ = false;  // first: there is room behind the base
  bool eof_sent_ = false;
  std::unique_ptr<ByteStream> stream_;
  OutputBuffer output_;
  PackedAddress peer_;
  PackedAddress local_;
  SendingHold* hold_ = nullptr;
  Writable writable_{*this};
  WriteMarks marks_;
};

/// writelines() of any range of texts.
template <class Texts>
void write_texts(TransportState& transport, const Texts& texts) {
  std::vector<std::span<const std::byte>> parts;
  parts.reserve(texts.size());
  for (const std::string_view text : texts) parts.push_back(std::as_bytes(std::span(text)));
  transport.write_parts(parts, "writelines()");
}

}  // namespace asyncio::detail
