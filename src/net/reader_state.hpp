#pragma once

#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/io_wait.hpp>

#include "loop/byte_stream.hpp"
#include "loop/fairness.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asyncio::detail {

class StreamState;

/// Throws: std::invalid_argument for a limit of 0.
void check_limit(std::size_t limit);

/// What a StreamReader has received and nobody has read. It receives when somebody waits for data,
/// so a peer that is not read from is slowed down by the system.
class ReaderState final : public IoSource, public Pooled {
 public:
  explicit ReaderState(std::size_t limit);

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  [[nodiscard]] std::string_view bytes() const noexcept {
    return std::string_view(buffer_).substr(head_);
  }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  void raise_limit(std::size_t limit) noexcept { limit_ = std::max(limit_, limit); }
  [[nodiscard]] bool ended() const noexcept { return eof_; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

  /// How many bytes were taken out so far.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  /// The first `n` bytes, taken out.
  [[nodiscard]] std::string take(std::size_t n);
  void drop(std::size_t n) noexcept;

  /// A task looks for data, in a turn of its own.
  void begin_turn() noexcept { received_ = 0; }
  /// Receives what there is, about `wanted` bytes or more, and no more in one turn than CPython.
  /// Returns: false if that must be waited for; true after ended() has become true as well.
  /// Throws: what the connection has ended with.
  bool receive(std::size_t wanted);
  /// The same into a buffer of the caller's, if nothing is buffered. Returns: nullopt to wait.
  std::optional<std::size_t> receive_into(std::span<std::byte> into);

  void feed(std::string_view data);
  void feed_eof() noexcept;
  /// Buffered data is read first.
  void fail(Failure failure) noexcept;

  /// Reads from `stream` until it is null.
  void connect(StreamState* stream) noexcept;
  [[nodiscard]] StreamState* connected() const noexcept { return stream_; }
  /// Who feeds it is told whenever somebody begins to wait for more, until it is null.
  void fed_by(IoObserver* feeder) noexcept { feeder_ = feeder; }

  /// Of the reads that need not wait.
  Fairness fairness;

  void wait(Way way, IoObserver& observer) noexcept override;
  void stop_waiting(Way way) noexcept override;
  [[nodiscard]] bool awaited(Way) const noexcept override { return observer_ != nullptr; }

 private:
  struct Readable : IoObserver {
    explicit Readable(ReaderState& r) noexcept : IoObserver{&Readable::is}, reader(r) {}
    static void is(IoObserver& self) noexcept;
    ReaderState& reader;
  };
  ~ReaderState() = default;
  [[nodiscard]] ByteStream* source() const noexcept;
  // Of a call that has received nothing. Returns: false to wait.
  bool ended_with(IoResult result);
  void give_up_read(std::size_t coming) noexcept;
  IoResult receive_by_way_of(std::span<std::byte> scratch);
  void tell() noexcept;

  std::string buffer_;
  std::size_t head_ = 0;
  std::uint64_t taken_ = 0;
  std::size_t limit_;
  StreamState* stream_ = nullptr;
  IoObserver* observer_ = nullptr;
  IoObserver* feeder_ = nullptr;
  Readable readable_{*this};
  Failure failure_;
  unsigned users_ = 1;
  std::size_t received_ = 0;  // in this turn
  bool had_its_turn_ = false;
  bool eof_ = false;
};

}  // namespace asyncio::detail
