#include "files/file_job.hpp"

#include "base/fill_in_place.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>

namespace asyncio::detail {
namespace {

constexpr std::size_t least_piece = std::size_t{64} * 1024;

// What is said to be left, and one more, so that the end is found by the same call. Files of the
// kernel say that they have nothing.
std::size_t left_in(int fd, std::int64_t offset) noexcept {
  sys::FileStatus status;
  if (offset < 0 || sys::status_of(fd, status) != 0 || status.size <= offset) return 0;
  return static_cast<std::size_t>(status.size - offset) + 1;
}

}  // namespace

int read_on(int fd, std::string& text, std::size_t most, std::int64_t offset) {
  const std::size_t before = text.size();
  const std::size_t expected = left_in(fd, offset);
  while (true) {
    const std::size_t done = text.size() - before;
    if (done == most) return 0;
    const std::size_t piece = done < expected ? expected - done : std::max(done, least_piece);
    const std::int64_t at = offset < 0 ? -1 : offset + static_cast<std::int64_t>(done);
    const std::int64_t got = fill_in_place(
        text, std::min(most - done, std::max(piece, least_piece)),
        [=](char* data, std::size_t size) noexcept {
          return at < 0 ? sys::read(fd, data, size) : sys::read_at(fd, data, size, at);
        });
    if (got < 0) return static_cast<int>(-got);
    if (got == 0) return 0;
  }
}

int write_all(int fd, std::string_view data, std::int64_t offset, std::size_t& written) noexcept {
  while (written < data.size()) {
    const std::int64_t at = offset < 0 ? -1 : offset + static_cast<std::int64_t>(written);
    const std::int64_t n = sys::write(fd, data.data() + written, data.size() - written, at);
    if (n < 0) return static_cast<int>(-n);
    if (n == 0) return EIO;  // a device that takes nothing, and has no reason
    written += static_cast<std::size_t>(n);
  }
  return 0;
}

void FileJob::run() noexcept {
  if (!leave_queue(running)) return;
  const sys::LentFaults::Borrowed in_tests(faults_);
  try {
    work();
  } catch (const std::bad_alloc&) {
    error = ENOMEM;
  }
}

void FileJob::note(std::int64_t outcome) noexcept {
  if (outcome < 0) {
    error = static_cast<int>(-outcome);
  } else {
    result = outcome;
  }
}

void FileJob::work() {
  switch (kind) {
    case Kind::fill:
      note(fill_in_place(data, size, [this](char* into, std::size_t room) noexcept {
        return at_position ? sys::read(file->fd(), into, room)
                           : sys::read_at(file->fd(), into, room, offset);
      }));
      break;
    case Kind::read: error = read_on(file->fd(), data, size, at_position ? -1 : offset); break;
    case Kind::write: write(); break;
    case Kind::truncate: note(sys::truncate(file->fd(), offset)); break;
    case Kind::sync: note(sys::sync(file->fd())); break;
    case Kind::size: {
      sys::FileStatus status;
      note(sys::status_of(file->fd(), status));
      result = status.size;
      break;
    }
    case Kind::close:
      if (file->is_the_only_one()) note(file->close());
      file = {};
      break;
  }
}

void FileJob::write() noexcept {
  std::size_t written = 0;
  error = write_all(file->fd(), data, at_position ? -1 : offset, written);
  result = static_cast<std::int64_t>(written);
  position = at_position ? sys::position_of(file->fd()) : offset + result;
}

}  // namespace asyncio::detail
