#pragma once

#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/detail/io_wait.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct iovec;

namespace asyncio::detail {

class Endpoint;

/// What a call gives: a number of bytes, or errno, negated. -EAGAIN: wait() for it.
using IoResult = std::int64_t;
inline constexpr IoResult would_block = -EAGAIN;

/// A way to send and receive bytes without waiting: a descriptor, or TLS above another one. Streams
/// and protocols stand on it.
class ByteStream : public IoSource, public Pooled {
 public:
  virtual ~ByteStream() = default;

  /// Returns: 0 at the end.
  virtual IoResult receive(std::span<std::byte> into) noexcept = 0;
  /// True if receive() would say would_block, for all that is known without a call.
  [[nodiscard]] virtual bool known_empty() const noexcept { return false; }
  /// False if receive() may have something to give of which wait() would not tell.
  [[nodiscard]] virtual bool drained() const noexcept { return false; }
  /// What it has taken; the rest is to be given again.
  virtual IoResult send(const iovec* parts, int count) noexcept = 0;
  /// Of a file's `size` bytes at `position`, read and sent by the system.
  /// Returns: what was sent, 0 at the end of the file; -EOPNOTSUPP if that is not possible.
  virtual IoResult send_file(int /*file*/, std::int64_t /*position*/,
                             std::size_t /*size*/) noexcept {
    return -EOPNOTSUPP;
  }
  /// Says to the peer that nothing follows. Returns: 0, would_block or an error.
  virtual IoResult finish_sending() noexcept = 0;
  [[nodiscard]] virtual bool can_finish_sending() const noexcept { return true; }
  /// True of a pipe: it goes one way, and its end is the end of all.
  [[nodiscard]] virtual bool is_one_way() const noexcept { return false; }
  /// What a polite end needs: 0 when the peer may be left now. Then, or at once after an error, the
  /// stream is destroyed, which closes it.
  virtual IoResult finish() noexcept { return 0; }
  /// What errno cannot tell of the call that has just failed; null: errno says it all.
  [[nodiscard]] virtual std::exception_ptr own_error() noexcept { return nullptr; }
  /// What TransportState does not know itself.
  [[nodiscard]] virtual std::optional<std::string> extra_info(std::string_view) { return {}; }
  /// The descriptor at the bottom.
  [[nodiscard]] virtual Endpoint& endpoint() noexcept = 0;

  /// Bytes that came at once, kept by who receives strings: as many are to be expected.
  std::uint32_t last_received = 0;
};

}  // namespace asyncio::detail
