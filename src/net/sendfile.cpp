#include <asyncio/error.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/transports.hpp>

#include "io/system.hpp"
#include "net/file_part.hpp"
#include "net/protocol_transport.hpp"
#include "net/sending_hold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace asyncio {
namespace detail {
namespace {

/// A transport while it sends a file: nobody else writes.
class FileSending {
 public:
  FileSending(const Ref<TransportState>& transport, FilePart& part)
      : transport_(transport), hold_(transport, "sendfile()"), part_(part) {}

  [[nodiscard]] TransportState& transport() const noexcept { return *transport_; }
  [[nodiscard]] SendingHold& hold() noexcept { return hold_; }
  [[nodiscard]] int file() const noexcept { return part_.fd; }
  [[nodiscard]] const Ref<OpenFile>& owner() const noexcept { return part_.owner; }
  [[nodiscard]] std::int64_t position() const noexcept {
    return part_.offset + static_cast<std::int64_t>(part_.sent);
  }
  [[nodiscard]] std::size_t sent() const noexcept { return part_.sent; }
  [[nodiscard]] std::size_t left() const noexcept { return part_.most - part_.sent; }
  void count(std::size_t bytes) noexcept { part_.sent += bytes; }

 private:
  Ref<TransportState> transport_;
  SendingHold hold_;
  FilePart& part_;
};

/// Nothing is received meanwhile. Leaves the file's position behind what was sent.
class Paused {
 public:
  Paused(const Ref<ProtocolTransport>& transport, const FilePart& part)
      : transport_(transport), part_(part), resume_(transport_->is_reading()) {
    transport_->pause_reading();
  }
  Paused(const Paused&) = delete;
  Paused& operator=(const Paused&) = delete;
  ~Paused() {
    if (part_.sent > 0) {
      sys::seek(part_.fd, part_.offset + static_cast<std::int64_t>(part_.sent));
    }
    if (resume_) transport_->resume_reading();
  }

 private:
  Ref<ProtocolTransport> transport_;
  const FilePart& part_;
  bool resume_;
};

// What is wrong is the file, or that it goes to such a stream.
bool concerns_the_file(IoResult result) noexcept {
  switch (-result) {
    case EBADF:
    case EINVAL:
    case EIO:
    case ENOMEM:
    case ENOSYS:
    case EOPNOTSUPP:
    case EOVERFLOW:
    case ESPIPE: return true;
    default: return false;
  }
}

// Returns: false if the system cannot do it.
Coro<bool> send_by_system(FileSending& sending) {
  constexpr std::size_t at_once = std::size_t{1} << 20;  // then others have their turn
  while (sending.left() > 0) {
    const IoResult sent = sending.transport().send_file(sending.file(), sending.position(),
                                                        std::min(sending.left(), at_once));
    if (sent == 0) break;  // the end of the file
    if (sent > 0) {
      sending.count(static_cast<std::size_t>(sent));
      co_await sleep(Duration());
      sending.hold().check_open();
    } else if (sent == would_block) {
      co_await sending.hold().woken();
    } else if (!concerns_the_file(sent)) {
      sending.transport().lose(sent, "sendfile to");
      sending.hold().check_open();
    } else if (sending.sent() > 0) {
      sys::throw_errno(static_cast<int>(-sent), "sendfile()");
    } else {
      co_return false;
    }
  }
  co_return true;
}

// On a thread of the executor, which may go on when nobody waits any more. Returns: nothing at the
// end of the file.
std::string read_block(const Ref<OpenFile>& /*owner*/, int file, std::int64_t position,
                       std::size_t size) {
  std::string block(size, '\0');
  const std::int64_t got = sys::read_at(file, block.data(), size, position);
  if (got < 0) sys::throw_errno(static_cast<int>(-got), "sendfile(): reading the file");
  block.resize(static_cast<std::size_t>(got));
  return block;
}

Coro<> send_by_copying(EventLoop& loop, FileSending& sending) {
  constexpr std::size_t at_once = std::size_t{64} * 1024;
  while (sending.left() > 0) {
    const std::size_t size = std::min(sending.left(), at_once);
    auto reading = loop.run_in_executor(nullptr, &read_block, sending.owner(), sending.file(),
                                        sending.position(), size);
    const std::string block = co_await std::move(reading);
    if (block.empty()) break;
    sending.hold().check_open();
    sending.transport().write_of_file(std::as_bytes(std::span(block)));
    sending.count(block.size());
    co_await sending.hold().until_sent();
  }
}

Coro<> send_part(EventLoop& loop, FileSending& sending, bool fallback) {
  co_await sending.hold().until_sent();
  const bool by_system = co_await send_by_system(sending);
  if (by_system) co_return;
  if (!fallback) {
    throw SendfileNotAvailableError(
        "sendfile(): the system cannot send this file to this transport, and the fallback is "
        "disabled; allow it");
  }
  co_await send_by_copying(loop, sending);
}

Coro<std::size_t> send_file_paused(EventLoop& loop, Ref<ProtocolTransport> transport, FilePart part,
                                   bool fallback) {
  // First: what cannot send must not be paused.
  const Ref<TransportState> sender(transport.get());
  FileSending sending(sender, part);
  const Paused paused(transport, part);
  co_await send_part(loop, sending, fallback);
  co_return part.sent;
}

}  // namespace

Coro<std::size_t> send_file_part(EventLoop& loop, Ref<TransportState> transport, FilePart part) {
  FileSending sending(transport, part);
  co_await send_part(loop, sending, true);
  co_return part.sent;
}

void check_file_part(std::int64_t offset, std::optional<std::size_t> count) {
  if (offset < 0) {
    throw_invalid_argument(
        fmt::format("sendfile(): offset must be a non-negative integer (got {})", offset));
  }
  if (count == std::size_t{0}) {
    throw_invalid_argument("sendfile(): count must be a positive integer (got 0)");
  }
}

}  // namespace detail

Coro<std::size_t> EventLoop::sendfile(Transport transport, int file, std::int64_t offset,
                                      std::optional<std::size_t> count, bool fallback) {
  if (transport.is_closing()) {
    detail::throw_runtime_error("sendfile(): Transport is closing; open another connection");
  }
  const detail::Ref<detail::ProtocolTransport>& state = detail::TransportAccess::state(transport);
  if (&state->loop() != &detail::LoopAccess::state(*this)) {
    detail::throw_runtime_error(
        "sendfile(): the transport belongs to another loop; use that one's");
  }
  detail::check_file_part(offset, count);
  detail::FilePart part{{}, file, offset, count.value_or(detail::whole_file)};
  auto sending = detail::send_file_paused(*this, state, std::move(part), fallback);
  co_return co_await std::move(sending);
}

}  // namespace asyncio
