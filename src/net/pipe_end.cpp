#include "net/pipe_end.hpp"

#include <asyncio/error.hpp>

#include <cerrno>

namespace asyncio::detail {

IoResult PipeReadEnd::receive(std::span<std::byte> into) noexcept {
  const IoResult got = endpoint_->receive(into);
  // Of a terminal: the other side was closed.
  return got == -EIO && kind_ == sys::FileKind::character ? 0 : got;
}

IoResult PipeReadEnd::send(const iovec*, int) noexcept {
  was_written_to_ = true;
  return -EBADF;
}

std::exception_ptr PipeReadEnd::own_error() noexcept {
  if (!was_written_to_) return nullptr;
  return std::make_exception_ptr(
      RuntimeError("write(): the transport of connect_read_pipe() only reads; "
                   "connect_write_pipe() makes one that writes"));
}

IoResult PipeWriteEnd::receive(std::span<std::byte>) noexcept { return -EBADF; }

IoResult PipeWriteEnd::send(const iovec* parts, int count) noexcept {
  return endpoint_->send(parts, count);
}

}  // namespace asyncio::detail
