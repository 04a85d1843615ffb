#include "net/reader_state.hpp"

#include <asyncio/error.hpp>

#include "net/net_errors.hpp"
#include "net/receive_in_place.hpp"
#include "net/stream_state.hpp"

#include <algorithm>
#include <utility>

namespace asyncio::detail {

void check_limit(std::size_t limit) {
  if (limit == 0) throw_invalid_argument("StreamReader: Limit cannot be <= 0; leave it out");
}

ReaderState::ReaderState(std::size_t limit) : limit_(limit) { check_limit(limit); }

// --- what is buffered ---------------------------------------------------------------------------

std::string ReaderState::take(std::size_t n) {
  if (head_ == 0 && n == buffer_.size()) {
    taken_ += n;
    return std::exchange(buffer_, {});
  }
  std::string taken(bytes().substr(0, n));
  drop(n);
  return taken;
}

void ReaderState::drop(std::size_t n) noexcept {
  head_ += n;
  taken_ += n;
  if (head_ < buffer_.size()) return;
  head_ = 0;
  buffer_.clear();
}

void ReaderState::feed(std::string_view data) {
  if (eof_) throw_runtime_error("feed_data(): after feed_eof(); feed the data first");
  if (data.empty()) return;
  give_up_read(data.size());
  buffer_.append(data);
  tell();
}

// What was read, before the buffer would grow for its sake, once it is worth moving what was not.
void ReaderState::give_up_read(std::size_t coming) noexcept {
  if (head_ >= buffer_.size() - head_ && buffer_.size() + coming > buffer_.capacity()) {
    buffer_.erase(0, std::exchange(head_, 0));
  }
}

void ReaderState::feed_eof() noexcept {
  eof_ = true;
  tell();
}

void ReaderState::fail(Failure failure) noexcept {
  failure_ = std::move(failure);
  tell();
}

// --- receiving ----------------------------------------------------------------------------------

ByteStream* ReaderState::source() const noexcept {
  return stream_ == nullptr ? nullptr : stream_->stream();
}

bool ReaderState::ended_with(IoResult result) {
  if (result == would_block) return false;
  if (result == 0) {
    eof_ = true;
    if (source()->is_one_way()) stream_->close();  // nothing can follow, nor be sent
    return true;
  }
  failure_ = Failure(error_of(*source(), result, "recv from", stream_->peer()));
  stream_->lose(failure_);
  raise(failure_);
}

bool ReaderState::receive(std::size_t wanted) {
  if (failure_) raise(failure_);
  if (eof_ || source() == nullptr) return eof_;
  const std::span<std::byte> scratch = stream_->loop().make_scratch();
  if (received_ >= scratch.size()) {
    had_its_turn_ = true;
    return false;
  }
  const std::size_t most = std::min(std::max(wanted, limit_), scratch.size());
  give_up_read(most);
  std::optional<IoResult> got = receive_in_place(*source(), buffer_, most);
  if (!got) got = receive_by_way_of(scratch.first(most));
  if (*got <= 0) return ended_with(*got);
  received_ += static_cast<std::size_t>(*got);
  return true;
}

IoResult ReaderState::receive_by_way_of(std::span<std::byte> scratch) {
  const IoResult got = source()->receive(scratch);
  if (got <= 0) return got;
  source()->last_received = static_cast<std::uint32_t>(got);
  try {
    feed({reinterpret_cast<const char*>(scratch.data()), static_cast<std::size_t>(got)});
  } catch (...) {
    failure_ = current_failure();  // what follows would not fit what was lost
    throw;
  }
  return got;
}

std::optional<std::size_t> ReaderState::receive_into(std::span<std::byte> into) {
  if (failure_) raise(failure_);
  if (eof_ || into.empty()) return 0;
  if (source() == nullptr) return std::nullopt;
  const IoResult got = source()->receive(into);
  if (got > 0) return static_cast<std::size_t>(got);
  if (!ended_with(got)) return std::nullopt;
  return 0;
}

// --- waiting ------------------------------------------------------------------------------------

void ReaderState::connect(StreamState* stream) noexcept {
  if (observer_ != nullptr && source() != nullptr) source()->stop_waiting(Way::read);
  stream_ = stream;
  if (observer_ != nullptr && source() != nullptr) source()->wait(Way::read, readable_);
}

void ReaderState::wait(Way, IoObserver& observer) noexcept {
  if (std::exchange(had_its_turn_, false)) return observer.ready(observer);  // after the others
  // Nobody knows for how long: no memory is kept.
  if (head_ == buffer_.size() && !buffer_.empty()) drop(0);
  if (buffer_.empty()) std::string().swap(buffer_);
  observer_ = &observer;
  if (feeder_ != nullptr) feeder_->ready(*feeder_);
  if (source() != nullptr) source()->wait(Way::read, readable_);
}

void ReaderState::stop_waiting(Way) noexcept {
  if (std::exchange(observer_, nullptr) == nullptr) return;
  if (source() != nullptr) source()->stop_waiting(Way::read);
}

void ReaderState::Readable::is(IoObserver& self) noexcept {
  static_cast<Readable&>(self).reader.tell();
}

void ReaderState::tell() noexcept {
  IoObserver* observer = std::exchange(observer_, nullptr);
  if (observer == nullptr) return;
  if (source() != nullptr) source()->stop_waiting(Way::read);
  observer->ready(*observer);
}

}  // namespace asyncio::detail
