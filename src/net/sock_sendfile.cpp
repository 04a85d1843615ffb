#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/socket.hpp>

#include "io/system.hpp"
#include "loop/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

namespace asyncio {
namespace detail {
namespace {

// What is to be sent of a file, and where it is.
class Transfer {
 public:
  Transfer(int file, std::int64_t offset, std::optional<std::size_t> count) noexcept
      : file_(file), offset_(offset), begin_(offset), left_(count.value_or(unlimited)) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { sys::seek(file_, offset_); }

  [[nodiscard]] int file() const noexcept { return file_; }
  [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t sent() const noexcept {
    return static_cast<std::size_t>(offset_ - begin_);
  }
  [[nodiscard]] bool over() const noexcept { return left_ == 0; }
  [[nodiscard]] std::size_t next(std::size_t most) const noexcept { return std::min(left_, most); }
  void advance(std::size_t size) noexcept {
    offset_ += static_cast<std::int64_t>(size);
    if (left_ != unlimited) left_ -= size;
  }

 private:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  int file_;
  std::int64_t offset_;
  std::int64_t begin_;
  std::size_t left_;
};

// --- by the system ------------------------------------------------------------------------------

constexpr auto sendfile_ops = IoWait::ops_of<SockOp>("sock_sendfile()");

class SendFile : public SockOp {
 public:
  SendFile(EventLoop& loop, Socket& socket, Transfer& transfer)
      : SockOp(sendfile_ops, loop, socket, Way::write), transfer_(transfer) {}

  // Returns: 0, or why nothing could be sent this way.
  int await_resume() {
    end();
    return unavailable_;
  }

 private:
  IoResult call(Endpoint& endpoint) noexcept override {
    constexpr std::size_t most = std::size_t{1} << 30;
    while (!transfer_.over()) {
      if (!endpoint.may(Way::write)) return would_block;
      std::int64_t offset = transfer_.offset();
      const IoResult sent =
          sys::send_file(endpoint.fd(), transfer_.file(), offset, transfer_.next(most));
      if (sent == would_block) endpoint.exhausted(Way::write);
      if (sent == 0) return 0;  // the file's end
      if (sent < 0 && sent != would_block && transfer_.sent() == 0) {
        unavailable_ = static_cast<int>(-sent);
        return 0;
      }
      if (sent < 0) return sent;
      transfer_.advance(static_cast<std::size_t>(sent));
      if (!transfer_.over() && endpoint.fairness.is_due()) {
        take_turns();
        return would_block;
      }
    }
    return 0;
  }
  [[nodiscard]] std::string operation() const override { return to_peer("sendfile to"); }

  Transfer& transfer_;
  int unavailable_ = 0;
};

// --- by reading and sending ---------------------------------------------------------------------

// On a thread, since it may take its time; what it has read when nobody waits any more is dropped.
struct ReadPart {
  int file;
  std::int64_t offset;  // negative: of something without positions
  std::size_t size;

  std::string operator()() const {
    std::string part(size, '\0');
    const IoResult got = offset < 0 ? sys::read(file, part.data(), size)
                                    : sys::read_at(file, part.data(), size, offset);
    if (got < 0) {
      sys::throw_errno(static_cast<int>(-got),
                       fmt::format("sock_sendfile(): reading from descriptor {}", file));
    }
    part.resize(static_cast<std::size_t>(got));
    return part;
  }
};

Coro<> send_by_copying(EventLoop& loop, Socket& socket, Transfer& transfer) {
  constexpr std::size_t most = std::size_t{256} * 1024;  // as CPython
  const int error = static_cast<int>(-sys::seek(transfer.file(), transfer.offset()));
  const bool has_positions = error == 0;
  if (error == ESPIPE && transfer.offset() > 0) {
    sys::throw_errno(error, fmt::format("sock_sendfile(): going to offset {} of descriptor {}",
                                        transfer.offset(), transfer.file()));
  }
  while (!transfer.over()) {
    const ReadPart read{transfer.file(), has_positions ? transfer.offset() : -1,
                        transfer.next(most)};
    Future<std::string> reading = loop.run_in_executor(nullptr, read);
    const std::string part = co_await std::move(reading);
    if (part.empty()) break;
    co_await loop.sock_sendall(socket, part);
    transfer.advance(part.size());
  }
}

// --- both ---------------------------------------------------------------------------------------

void check_sendfile(const Socket& socket, std::int64_t offset, std::optional<std::size_t> count) {
  if (socket.type() != Socket::Type::stream) {
    throw_invalid_argument(fmt::format(
        "sock_sendfile(): {} is no stream; a datagram is sent with sock_sendto()", socket.repr()));
  }
  if (offset < 0) {
    throw_invalid_argument(
        fmt::format("sock_sendfile(): the offset is {}; it must not be negative", offset));
  }
  if (count == 0) {
    throw_invalid_argument(
        "sock_sendfile(): the count is 0; it must be positive, or std::nullopt for the whole file");
  }
}

}  // namespace
}  // namespace detail

Coro<std::size_t> EventLoop::sock_sendfile(Socket& socket, int file, std::int64_t offset,
                                           std::optional<std::size_t> count, bool fallback) {
  detail::check_sendfile(socket, offset, count);
  std::string why = "it is no regular file";
  detail::Transfer transfer(file, offset, count);
  if (detail::sys::is_regular(file)) {
    detail::SendFile sending(*this, socket, transfer);
    const int error = co_await std::move(sending);
    if (error == 0) co_return transfer.sent();
    why = std::generic_category().message(error);
  }
  if (!fallback) {
    throw SendfileNotAvailableError(fmt::format(
        "sock_sendfile(): the system cannot send descriptor {} ({}); allow the fallback", file,
        why));
  }
  co_await detail::send_by_copying(*this, socket, transfer);
  co_return transfer.sent();
}

}  // namespace asyncio
