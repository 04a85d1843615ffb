// Of FileState: what reads. Whatever is in memory is read by the loop's thread, since that never
// waits and costs less than to ask another thread.

#include <asyncio/sleep.hpp>

#include "base/fill_in_place.hpp"
#include "files/file_state.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace asyncio::detail {
namespace {

constexpr std::size_t ahead_from_memory = std::size_t{64} * 1024;
constexpr std::size_t ahead_by_thread = std::size_t{256} * 1024;
constexpr std::size_t most_at_once = std::size_t{1} << 20;  // longer, the others would have to wait
constexpr std::size_t most_waste = 4;                       // times what is used

}  // namespace

// --- what was read ahead ------------------------------------------------------------------------

void FileState::take(std::size_t n, std::string& into) {
  into.assign(ahead().substr(0, n));
  skip(n);
}

void FileState::skip(std::size_t n) noexcept {
  head_ += n;
  position_ += static_cast<std::int64_t>(n);
  if (head_ == ahead_.size()) forget_ahead();
}

void FileState::forget_ahead() noexcept {
  ahead_.clear();
  head_ = 0;
}

void FileState::make_room(std::size_t n) {
  ahead_.erase(0, std::exchange(head_, 0));
  if (ahead_.capacity() - ahead_.size() < n) {
    ahead_.reserve(std::max(ahead_.size() + n, 2 * ahead_.size()));
  }
}

// --- from memory --------------------------------------------------------------------------------

bool FileState::may_read_now(const char* who) const {
  if (turns_ > 0 || job_ || spent_ >= most_spent) return false;
  check_loop(who);
  check_open(who, Wants::reading);
  return true;
}

std::optional<std::size_t> FileState::from_memory(char* into, std::size_t size,
                                                  std::int64_t offset) {
  std::size_t done = 0;
  while (asks_memory_ && done < size) {
    const std::int64_t got = sys::read_cached(file_->fd(), into + done, size - done,
                                              offset + static_cast<std::int64_t>(done));
    if (got == 0) break;
    if (got == -EAGAIN) return std::nullopt;
    if (got == -EOPNOTSUPP || got == -ENOSYS) {
      asks_memory_ = false;
    } else if (got < 0) {
      fail("read", static_cast<int>(-got));
    } else {
      done += static_cast<std::size_t>(got);
      spent_ += static_cast<std::size_t>(got);
    }
  }
  if (!asks_memory_) return std::nullopt;
  return done;
}

std::optional<std::size_t> FileState::fill_now() {
  if (!asks_memory_) return std::nullopt;
  make_room(ahead_from_memory);
  const std::int64_t offset = behind_ahead();
  const std::int64_t got =
      fill_in_place(ahead_, ahead_from_memory, [&](char* into, std::size_t room) noexcept {
        return sys::read_cached(file_->fd(), into, room, offset);
      });
  if (got >= 0) {
    spent_ += static_cast<std::size_t>(got);
    return static_cast<std::size_t>(got);
  }
  if (got == -EOPNOTSUPP || got == -ENOSYS) {
    asks_memory_ = false;
  } else if (got != -EAGAIN) {
    fail("read", static_cast<int>(-got));
  }
  return std::nullopt;
}

bool FileState::read_now(std::size_t most, std::string& into) {
  spent_ += price_of_a_call;
  if (most >= ahead_from_memory && most > ahead().size()) return read_far_now(most, into);
  while (ahead().size() < most) {
    const std::optional<std::size_t> more = fill_now();
    if (!more) return false;
    if (*more == 0) break;
  }
  take(std::min(most, ahead().size()), into);
  return true;
}

// Without the way through the buffer.
bool FileState::read_far_now(std::size_t most, std::string& into) {
  if (most > most_at_once || !asks_memory_) return false;
  const std::string_view begun = ahead();
  std::string text;
  text.reserve(most);
  text.assign(begun);
  std::optional<std::size_t> got;
  std::exception_ptr error;
  fill_in_place(text, most - begun.size(), [&](char* data, std::size_t room) noexcept {
    try {
      got = from_memory(data, room, behind_ahead());
    } catch (...) {
      error = std::current_exception();
    }
    return static_cast<std::int64_t>(got.value_or(0));
  });
  if (error != nullptr) std::rethrow_exception(error);
  if (!got) return false;
  position_ += static_cast<std::int64_t>(text.size());
  forget_ahead();
  if (text.capacity() > most_waste * text.size()) text.shrink_to_fit();
  into = std::move(text);
  return true;
}

bool FileState::read_into_now(std::span<std::byte> into, std::size_t& got) {
  spent_ += price_of_a_call;
  const std::string_view begun = ahead().substr(0, into.size());
  if (into.size() > most_at_once) return false;
  if (begun.size() < into.size()) {
    const std::span<std::byte> rest = into.subspan(begun.size());
    const auto more =
        from_memory(reinterpret_cast<char*>(rest.data()), rest.size(), behind_ahead());
    if (!more) return false;
    got = begun.size() + *more;
  } else {
    got = into.size();
  }
  if (!begun.empty()) std::memcpy(into.data(), begun.data(), begun.size());
  if (got > begun.size()) {
    position_ += static_cast<std::int64_t>(got);
    forget_ahead();
  } else {
    skip(got);
  }
  return true;
}

bool FileState::line_now(std::string& into) {
  spent_ += price_of_a_call;
  std::size_t searched = 0;
  while (true) {
    const std::string_view text = ahead();
    const std::size_t at = text.find('\n', searched);
    if (at != std::string_view::npos) {
      take(at + 1, into);
      return true;
    }
    searched = text.size();
    if (spent_ >= most_spent + most_at_once) return false;
    const std::optional<std::size_t> more = fill_now();
    if (!more) return false;
    if (*more > 0) continue;
    take(searched, into);
    return true;
  }
}

// --- by a thread --------------------------------------------------------------------------------

// Returns: false at the end. What it gives stays, whoever is cancelled.
Coro<bool> FileState::fill() {
  make_room(ahead_by_thread);
  Ref<FileJob> next = job(FileJob::Kind::fill);
  next->offset = behind_ahead();
  next->size = ahead_by_thread;
  co_await perform("read", next);
  co_return next->result > 0;
}

Coro<std::string> FileState::read(std::size_t most) {
  const Turn turn = co_await this->turn("read", Wants::reading);
  std::string text;
  if (read_now(most, text)) co_return text;
  if (has_positions_ && most > ahead_by_thread) co_return co_await read_far(most);
  while (ahead().size() < most) {
    const bool more = co_await fill();
    if (!more) break;
  }
  take(std::min(most, ahead().size()), text);
  co_return text;
}

Coro<std::string> FileState::read_far(std::size_t most) {
  Ref<FileJob> rest = job(FileJob::Kind::read);
  rest->data = ahead();
  rest->offset = behind_ahead();
  rest->size = most - ahead().size();
  co_await perform("read", rest);
  position_ += static_cast<std::int64_t>(rest->data.size());
  forget_ahead();
  co_return std::move(rest->data);
}

// Returns: how much; less only at the end.
Coro<std::size_t> FileState::read_piece_into(std::span<std::byte> into, std::int64_t offset) {
  const auto now = from_memory(reinterpret_cast<char*>(into.data()), into.size(), offset);
  if (now) {
    co_await sleep(Duration());
    co_return *now;
  }
  Ref<FileJob> piece = job(FileJob::Kind::read);
  piece->offset = offset;
  piece->size = into.size();
  co_await perform("read", piece);
  std::memcpy(into.data(), piece->data.data(), piece->data.size());
  co_return piece->data.size();
}

Coro<std::size_t> FileState::read_into(std::span<std::byte> into) {
  const Turn turn = co_await this->turn("read_into", Wants::reading);
  std::size_t done = 0;
  if (read_into_now(into, done)) co_return done;
  if (!has_positions_) {
    while (ahead().size() < into.size()) {
      const bool more = co_await fill();
      if (!more) break;
    }
  }
  done = std::min(ahead().size(), into.size());
  if (done > 0) std::memcpy(into.data(), ahead().data(), done);
  const std::size_t begun = done;
  while (has_positions_ && done < into.size()) {
    const auto piece = into.subspan(done, std::min(into.size() - done, most_at_once));
    const std::size_t got =
        co_await read_piece_into(piece, position_ + static_cast<std::int64_t>(done));
    done += got;
    if (got < piece.size()) break;
  }
  // Only now: who is cancelled has read nothing.
  if (done > begun) {
    forget_ahead();
    position_ += static_cast<std::int64_t>(done);
  } else {
    skip(done);
  }
  co_return done;
}

Coro<std::string> FileState::line() {
  const Turn turn = co_await this->turn("readline", Wants::reading);
  std::string text;
  if (line_now(text)) co_return text;
  std::size_t searched = 0;
  while (true) {
    const std::size_t at = ahead().find('\n', searched);
    if (at != std::string_view::npos) {
      take(at + 1, text);
      co_return text;
    }
    searched = ahead().size();
    const bool more = co_await fill();
    if (more) continue;
    take(searched, text);
    co_return text;
  }
}

Coro<std::optional<std::string>> FileState::next_line() {
  std::string text = co_await line();
  if (text.empty()) co_return std::nullopt;
  co_return std::optional<std::string>(std::move(text));
}

}  // namespace asyncio::detail
