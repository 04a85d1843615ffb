#include "progress/output.hpp"

#include "io/system.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

bool ProgressOutput::ready() noexcept {
  flush(If::it_need_not_wait);
  return !broken_ && unsent_.empty() && sys::is_writable(fd_);
}

void ProgressOutput::post(std::string_view text) {
  keep(text);
  flush(If::it_need_not_wait);
}

void ProgressOutput::write(std::string_view text) {
  keep(text);
  flush(If::it_may_wait);
}

void ProgressOutput::keep(std::string_view text) {
  // A reader that has stopped must not make this grow for ever.
  constexpr std::size_t most = std::size_t{1} << 20;
  if (broken_ || (!unsent_.empty() && unsent_.size() + text.size() > most)) return;
  unsent_ += text;
}

void ProgressOutput::flush(If when) noexcept {
  // A pipe that can be written to takes so much without waiting, also if it blocks.
  constexpr std::size_t piece = 4096;
  std::size_t sent = 0;
  while (!broken_ && sent < unsent_.size()) {
    if (when == If::it_need_not_wait && !sys::is_writable(fd_)) break;
    const iovec part{unsent_.data() + sent, std::min(piece, unsent_.size() - sent)};
    const std::int64_t n = sys::write_pipe(fd_, &part, 1);
    if (n == -EAGAIN) break;
    broken_ = n <= 0;
    if (!broken_) sent += static_cast<std::size_t>(n);
  }
  unsent_.erase(0, broken_ ? unsent_.size() : sent);
}

}  // namespace asyncio::detail
