#include "process/process_pool_worker.hpp"

#include "io/system.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace asyncio::detail {

// Directly: the pool waits without its loop, whose endpoints hear nothing then.

bool PoolWorker::send(bool directly) noexcept {
  while (!sent_all()) {
    const std::string_view rest = frame_.substr(sent_);
    const iovec part{const_cast<char*>(rest.data()), rest.size()};  // NOLINT: only read
    const IoResult sent = directly ? sys::send(link_->fd(), &part, 1) : link_->send(&part, 1);
    if (sent == would_block) return true;
    if (sent < 0) return false;
    sent_ += static_cast<std::size_t>(sent);
  }
  return true;
}

std::uint64_t PoolWorker::announced() const noexcept {
  std::uint64_t size = 0;
  if (end_ - begin_ < sizeof size) return answer_head;
  std::memcpy(&size, buffer_.get() + begin_, sizeof size);
  return std::max<std::uint64_t>(size, answer_head);
}

// For the whole of a large message in steps: by what has come, not by what is announced alone.
void PoolWorker::make_room() {
  if (end_ < capacity_) return;
  const std::size_t have = end_ - begin_;
  const std::size_t more = std::max(first, capacity_ * 4);
  const std::size_t wanted = std::max<std::size_t>(announced(), have + 1);
  const std::size_t size = std::max(std::min(wanted, more), first);
  auto larger = std::make_unique_for_overwrite<char[]>(size);
  if (have > 0) std::memcpy(larger.get(), buffer_.get() + begin_, have);
  buffer_ = std::move(larger);
  capacity_ = size;
  begin_ = 0;
  end_ = have;
}

bool PoolWorker::receive(bool directly) {
  for (;;) {
    make_room();
    const std::span<std::byte> room(reinterpret_cast<std::byte*>(buffer_.get()) + end_,
                                    capacity_ - end_);
    const IoResult got =
        directly ? sys::receive(link_->fd(), room.data(), room.size()) : link_->receive(room);
    if (got == would_block) return true;
    if (got <= 0) return false;
    end_ += static_cast<std::size_t>(got);
    // One message at a time: what comes behind it can only be the end.
    if (end_ - begin_ >= announced()) return true;
  }
}

bool PoolWorker::take_message(Message& message) noexcept {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > keep) {
      buffer_.reset();
      capacity_ = 0;
    }
    return false;
  }
  const std::uint64_t size = announced();
  if (end_ - begin_ < size) return false;
  const char* at = buffer_.get() + begin_;
  std::memcpy(&message.job, at + sizeof size, sizeof message.job);
  message.answer = static_cast<Answer>(at[2 * sizeof size]);
  message.content = std::string_view(at, size).substr(answer_head);
  begin_ += size;
  return true;
}

}  // namespace asyncio::detail
