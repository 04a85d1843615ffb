#include <asyncio/error.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/transports.hpp>

#include "io/system.hpp"
#include "net/protocol_transport.hpp"
#include "net/sending_hold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>

namespace asyncio {
namespace detail {
namespace {

/// A transport while it sends a file: nobody else writes, nothing is received. Leaves the file's
/// position behind what was sent.
class FileSending {
 public:
  FileSending(const Ref<ProtocolTransport>& transport, int file, std::int64_t offset,
              std::size_t most)
      : transport_(transport),
        hold_(Ref<TransportState>(transport.get()), "sendfile()"),
        resume_(transport_->is_reading()),
        file_(file),
        offset_(offset),
        most_(most) {
    transport_->pause_reading();
  }
  FileSending(const FileSending&) = delete;
  FileSending& operator=(const FileSending&) = delete;
  ~FileSending() {
    if (sent_ > 0) sys::seek(file_, position());
    if (resume_) transport_->resume_reading();
  }

  [[nodiscard]] ProtocolTransport& transport() const noexcept { return *transport_; }
  [[nodiscard]] SendingHold& hold() noexcept { return hold_; }
  [[nodiscard]] int file() const noexcept { return file_; }
  [[nodiscard]] std::int64_t position() const noexcept {
    return offset_ + static_cast<std::int64_t>(sent_);
  }
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::size_t left() const noexcept { return most_ - sent_; }
  void count(std::size_t bytes) noexcept { sent_ += bytes; }

 private:
  Ref<ProtocolTransport> transport_;
  SendingHold hold_;
  bool resume_;
  int file_;
  std::int64_t offset_;
  std::size_t most_;
  std::size_t sent_ = 0;
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

// On a thread of the executor. Returns: nothing at the end of the file.
std::string read_block(int file, std::int64_t position, std::size_t size) {
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
    auto reading =
        loop.run_in_executor(nullptr, &read_block, sending.file(), sending.position(), size);
    const std::string block = co_await std::move(reading);
    if (block.empty()) break;
    sending.hold().check_open();
    sending.transport().write_of_file(std::as_bytes(std::span(block)));
    sending.count(block.size());
    co_await sending.hold().until_sent();
  }
}

Coro<std::size_t> send_file(EventLoop& loop, Ref<ProtocolTransport> transport, int file,
                            std::int64_t offset, std::size_t most, bool fallback) {
  FileSending sending(transport, file, offset, most);
  co_await sending.hold().until_sent();
  if (!co_await send_by_system(sending)) {
    if (!fallback) {
      throw SendfileNotAvailableError(
          "sendfile(): the system cannot send this file to this transport, and the fallback is "
          "disabled; allow it");
    }
    co_await send_by_copying(loop, sending);
  }
  co_return sending.sent();
}

}  // namespace
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
  if (offset < 0) {
    detail::throw_invalid_argument(
        fmt::format("sendfile(): offset must be a non-negative integer (got {})", offset));
  }
  if (count == std::size_t{0}) {
    detail::throw_invalid_argument("sendfile(): count must be a positive integer (got 0)");
  }
  constexpr std::size_t all = std::numeric_limits<std::int64_t>::max();
  auto sending = detail::send_file(*this, state, file, offset, count.value_or(all), fallback);
  co_return co_await std::move(sending);
}

}  // namespace asyncio
