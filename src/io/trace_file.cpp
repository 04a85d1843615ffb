#include "io/trace_file.hpp"

#include <asyncio/error.hpp>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <system_error>

namespace asyncio::detail {
namespace {

constexpr std::size_t piece = std::size_t{256} << 10;
constexpr std::size_t for_the_end = 1024;

OwnedFd open_for_trace(const std::string& path) {
  constexpr unsigned readable = 0644;
  const int fd = sys::open_file(path.c_str(), O_WRONLY | O_CREAT | O_NOCTTY, readable);
  if (fd < 0) sys::throw_errno(-fd, fmt::format("trace: open {}", path));
  OwnedFd file(fd);
  // A program that this one has started, and that has the same environment, must not write over it.
  if (sys::lock_file(fd) == -EWOULDBLOCK) {
    throw_runtime_error(fmt::format(
        "trace: {} is being written by another process; a path with %p has the pid there", path));
  }
  (void)sys::truncate(fd, 0);  // a device has nothing to cut off
  return file;
}

}  // namespace

TraceFile::TraceFile(std::string_view path, std::uint64_t limit)
    : path_(path), fd_(open_for_trace(path_)), limit_(limit) {
  text_.reserve(piece + piece / 4);
  text_ = "[\n";
}

void TraceFile::number(std::string_view key, std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  text_ += key;
  text_.append(digits, end);
}

// Microseconds, with three places.
void TraceFile::time(std::string_view key, Time nanoseconds) {
  constexpr Time unit = 1000;
  number(key, nanoseconds / unit);
  const auto rest = static_cast<unsigned>(nanoseconds % unit);
  const char places[] = {'.', static_cast<char>('0' + rest / 100),
                         static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  text_.append(places, sizeof places);
}

void TraceFile::head(char kind, Track track, Time at) {
  text_ += R"({"ph":")";
  text_ += kind;
  number(R"(","pid":)", track.loop);
  number(R"(,"tid":)", track.row);
  time(R"(,"ts":)", at);
}

void TraceFile::name(std::string_view json) {
  text_ += R"(,"name":")";
  text_ += json;
  text_ += '"';
}

void TraceFile::next() {
  text_ += "},\n";
  if (text_.size() >= piece) write_all();
}

void TraceFile::slice(Track track, Time begin, Time end, std::string_view what) {
  head('X', track, begin);
  time(R"(,"dur":)", end - begin);
  name(what);
  next();
}

void TraceFile::begin(Track track, Time at, std::string_view what) {
  head('B', track, at);
  name(what);
  next();
}

void TraceFile::end(Track track, Time at) {
  head('E', track, at);
  next();
}

void TraceFile::mark(Track track, Time at, std::string_view what) {
  head('i', track, at);
  name(what);
  text_ += R"(,"s":"t")";
  next();
}

void TraceFile::arrow(std::uint64_t id, Track from, Time sent, Track to, Time came) {
  head('s', from, sent);
  number(R"(,"id":)", id);
  text_ += R"(,"cat":"w","name":"wake"})"
           ",\n";
  head('f', to, came);
  number(R"(,"id":)", id);
  text_ += R"(,"cat":"w","name":"wake","bp":"e")";
  next();
}

void TraceFile::name_loop(std::uint64_t loop, std::string_view loop_name, std::string_view about) {
  const Track track{loop, loop_row};
  const auto meta = [&](std::string_view what, std::string_view key, std::string_view value) {
    head('M', track, 0);
    name(what);
    text_ += R"(,"args":{")";
    text_ += key;
    text_ += R"(":")";
    append_json(text_, value);
    text_ += R"("})";
    next();
  };
  meta("process_name", "name", loop_name);
  meta("process_labels", "labels", about);
  meta("thread_name", "name", "the loop");
}

void TraceFile::name_track(Track track, std::string_view track_name) {
  head('M', track, 0);
  text_ += R"(,"name":"thread_name","args":{"name":")";
  append_json(text_, track_name);
  text_ += R"("})";
  next();
}

void TraceFile::flush() noexcept {
  if (!text_.empty()) write_all();
}

void TraceFile::write_all() noexcept {
  if (full_) text_.clear();
  if (size_ + text_.size() + for_the_end > limit_) {
    full_ = true;
    const std::uint64_t room = limit_ > size_ + for_the_end ? limit_ - size_ - for_the_end : 0;
    text_.resize(room == 0 ? 0 : text_.rfind('\n', room - 1) + 1);
  }
  for (std::size_t done = 0; done < text_.size() && fd_;) {
    const std::int64_t n = sys::write(fd_.get(), text_.data() + done, text_.size() - done, -1);
    if (n < 0) {
      fd_ = OwnedFd();
      try {
        log(LogLevel::warning,
            fmt::format("trace: recording has ended, since {} cannot be written: {}", path_,
                        std::generic_category().message(static_cast<int>(-n))));
      } catch (...) {
        log(LogLevel::warning, "trace: recording has ended, since its file cannot be written");
      }
      break;
    }
    done += static_cast<std::size_t>(n);
    size_ += static_cast<std::uint64_t>(n);
  }
  text_.clear();
}

void TraceFile::close(Track track, Time at, std::string_view why) {
  if (!fd_) return;
  flush();
  full_ = false;  // there is room left for this
  limit_ += for_the_end;
  mark(track, at, why);
  text_.resize(text_.size() - 2);  // the comma
  text_ += "\n]\n";
  flush();
  fd_ = OwnedFd();
}

}  // namespace asyncio::detail
