#pragma once

#include <asyncio/address.hpp>
#include <asyncio/detail/failure.hpp>

#include "loop/byte_stream.hpp"
#include "loop/loop_state.hpp"
#include "net/output_buffer.hpp"
#include "net/packed_address.hpp"
#include "net/tls_engine.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

class NetService;
class Parts;
class SendingHold;
class ServerState;
class TlsSettings;
class TlsStream;

/// Of what is unsent. Python's
inline constexpr std::size_t default_high_mark = std::size_t{64} * 1024;
inline constexpr std::size_t default_low_mark = default_high_mark / 4;

/// What a stream and a protocol's transport have in common: a ByteStream, what is still to be sent,
/// and the end, which comes once.
///
/// Its life: open → closing, by close() or an end that was received → lost, in a turn of its own
/// → gone, when nobody has a handle any more. abort() and errors go to lost from anywhere.
///
/// Threads: the loop's.
class TransportState : public Pooled {
 public:
  TransportState(LoopState& loop, std::unique_ptr<ByteStream> stream);
  TransportState(const TransportState&) = delete;
  TransportState& operator=(const TransportState&) = delete;

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

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
  void set_write_limits(std::size_t high, std::size_t low);
  [[nodiscard]] std::size_t high_mark() const noexcept { return high_; }
  [[nodiscard]] std::size_t low_mark() const noexcept { return low_; }
  [[nodiscard]] std::size_t unsent() const noexcept { return output_.size(); }
  [[nodiscard]] bool writing_is_paused() const noexcept { return paused_writing_; }

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

  // --- the end ---

  /// Sends what is left, then ends.
  void close() noexcept;
  /// Ends at once; what is left is dropped.
  void abort() noexcept { lose(Failure()); }
  /// Ends because of `failure`.
  void lose(Failure failure) noexcept;
  /// Ends because a call has given an error.
  void lose(IoResult result, const char* operation) noexcept;
  [[nodiscard]] bool is_closing() const noexcept { return state_ != State::open; }
  [[nodiscard]] bool is_lost() const noexcept { return state_ >= State::losing; }
  /// After connection_lost().
  [[nodiscard]] bool has_ended() const noexcept { return state_ == State::lost; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  /// The loop ends: nobody is told any more.
  void abandon() noexcept;

  /// It counts as a client of a server until it has ended.
  void serve(ServerState& server) noexcept;
  [[nodiscard]] const ServerState* server() const noexcept { return server_; }

  // --- about it ---

  [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
  /// Null when it is lost.
  [[nodiscard]] ByteStream* stream() const noexcept { return stream_.get(); }
  /// -1 when it is lost.
  [[nodiscard]] int fd() const noexcept;
  /// Also of one that is lost, if it was asked for before, or is known from accept().
  [[nodiscard]] Address peer();
  [[nodiscard]] Address local();
  void set_peer(const Address& address) noexcept { peer_ = PackedAddress(address); }
  [[nodiscard]] std::optional<std::string> extra_info(std::string_view name);
  /// TLS takes the place of the stream and stands on it. What was received already is ciphertext to
  /// it: it was sent before anybody was authenticated.
  TlsStream& secure(TlsEngine::Side side, const TlsSettings& settings);

 protected:
  virtual ~TransportState();

  /// The unsent bytes have become more than the high mark; or, later, no more than the low one.
  /// Throw: KeyboardInterrupt.
  virtual void pause_writing() = 0;
  virtual void resume_writing() = 0;
  /// close() or the loss begins: nothing is received any more.
  virtual void stop_reading() noexcept = 0;
  /// Another stream takes the place of this one. Returns: what was received and nobody has read.
  virtual std::string leave_stream() = 0;
  virtual void join_stream() noexcept = 0;
  /// Last of all calls, once, in a turn that nobody else's code is in; the descriptor is closed
  /// after it. Not if the loop ends before. Throws: KeyboardInterrupt.
  virtual void connection_lost() = 0;
  /// Once in any case, when all is over.
  virtual void let_go() noexcept {}

  /// What is to be done in the connection's next turn of the ready queue, in this order.
  enum Due : std::uint8_t { due_begin = 1, due_read = 2, due_flush = 4 };
  /// It stays alive until then. Its slot is reserved.
  void schedule(Due due) noexcept;
  /// The same, but where the turn of an event would be that the next poll finds.
  void schedule_at_poll(Due due) noexcept;
  /// due_begin and due_read, for those that ask for them.
  virtual void begin() {}
  virtual void read_ready() {}

 private:
  friend class NetService;
  // In this order.
  enum class State : std::uint8_t { open, closing, losing, lost };

  struct Turn : PolledCall {
    explicit Turn(TransportState& c) noexcept : PolledCall(&Turn::run), transport(c) {}
    static void run(ReadyCall& self, ReadyAction action);
    TransportState& transport;
  };
  struct End : ReadyCall {
    explicit End(TransportState& c) noexcept : ReadyCall{&End::run}, transport(c) {}
    static void run(ReadyCall& self, ReadyAction action);
    TransportState& transport;
  };
  struct Writable : IoObserver {
    explicit Writable(TransportState& c) noexcept : IoObserver{&Writable::is}, transport(c) {}
    static void is(IoObserver& self) noexcept;
    TransportState& transport;
  };
  void take_turn(unsigned due);
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
  void end() noexcept;
  void lost();
  void pause_if_full();
  void leave_loop() noexcept;
  void leave_server() noexcept;
  // From close() on, until it has ended, it needs nobody's handle.
  void keep() noexcept;
  void stop_keeping() noexcept;

  LoopState* loop_;
  std::unique_ptr<ByteStream> stream_;
  OutputBuffer output_;
  Failure failure_;
  PackedAddress peer_;
  PackedAddress local_;
  ServerState* server_ = nullptr;  // attached to it
  SendingHold* hold_ = nullptr;
  Turn turn_{*this};
  End end_{*this};
  Writable writable_{*this};
  TransportState* previous_ = nullptr;  // in NetService
  TransportState* next_ = nullptr;
  std::size_t high_ = default_high_mark;
  std::size_t low_ = default_low_mark;
  unsigned users_ = 1;
  State state_ = State::open;
  std::uint8_t due_ = 0;     // not 0: turn_ is in the ready queue
  bool end_queued_ = false;  // end_ is
  bool paused_writing_ = false;
  bool eof_wanted_ = false;
  bool eof_sent_ = false;
  bool kept_ = false;
  std::uint8_t writes_when_lost_ = 0;
};

/// writelines() of any range of texts.
template <class Texts>
void write_texts(TransportState& transport, const Texts& texts) {
  std::vector<std::span<const std::byte>> parts;
  parts.reserve(texts.size());
  for (const std::string_view text : texts) parts.push_back(std::as_bytes(std::span(text)));
  transport.write_parts(parts, "writelines()");
}

/// As set_write_buffer_limits() takes them. Throws: std::invalid_argument unless high >= low.
void set_limits(TransportState& transport, std::optional<std::size_t> high,
                std::optional<std::size_t> low);

}  // namespace asyncio::detail
