#include <asyncio/file.hpp>

#include <asyncio/error.hpp>
#include <asyncio/executor.hpp>

#include "files/file_state.hpp"
#include "net/when_awaited.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace asyncio {

using detail::FileState;
using detail::Ref;

namespace detail {

// --- reads --------------------------------------------------------------------------------------

template <class T>
FileReadOf<T>::FileReadOf(Ref<FileState> file) noexcept
    : CoroAwaiter<T>(nullptr), file_(std::move(file)) {}
template <class T>
FileReadOf<T>::FileReadOf(FileReadOf&&) noexcept = default;
// Its coroutine first, which uses the file.
template <class T>
FileReadOf<T>::~FileReadOf() {
  if (PromiseBase* slow = std::exchange(this->child, nullptr)) slow->handle().destroy();
}

template class FileReadOf<std::string>;
template class FileReadOf<std::size_t>;
template class FileReadOf<std::optional<std::string>>;

FileRead::FileRead(Ref<FileState> file, std::size_t most) noexcept
    : FileReadOf(std::move(file)), most_(most) {}
bool FileRead::await_ready() {
  std::string text;
  if (!file().may_read_now("read") || !file().read_now(most_, text)) {
    return go_on_by(file().read(most_));
  }
  outcome.emplace(std::move(text));
  return true;
}

FileReadInto::FileReadInto(Ref<FileState> file, std::span<std::byte> into) noexcept
    : FileReadOf(std::move(file)), into_(into) {}
bool FileReadInto::await_ready() {
  std::size_t got = 0;
  if (!file().may_read_now("read_into") || !file().read_into_now(into_, got)) {
    return go_on_by(file().read_into(into_));
  }
  outcome.emplace(got);
  return true;
}

FileReadLine::FileReadLine(Ref<FileState> file) noexcept : FileReadOf(std::move(file)) {}
bool FileReadLine::await_ready() {
  std::string text;
  if (!file().may_read_now("readline") || !file().line_now(text)) return go_on_by(file().line());
  outcome.emplace(std::move(text));
  return true;
}

FileNextLine::FileNextLine(Ref<FileState> file) noexcept : FileReadOf(std::move(file)) {}
bool FileNextLine::await_ready() {
  std::string text;
  if (!file().may_read_now("next_line") || !file().line_now(text)) {
    return go_on_by(file().next_line());
  }
  if (text.empty()) {
    outcome.emplace(std::nullopt);
  } else {
    outcome.emplace(std::move(text));
  }
  return true;
}

namespace {

// --- opening, on a thread -----------------------------------------------------------------------

constexpr unsigned permissions = 0666;  // less what the umask takes

[[noreturn]] void fail(const char* who, const std::string& path, int error) {
  sys::throw_errno(error, fmt::format("{} {}", who, path));
}

std::string checked_path(const char* who, std::string_view path) {
  if (path.find('\0') != std::string_view::npos) {
    throw_invalid_argument(
        fmt::format("{}(): the path has a NUL in it, where the system would cut it off", who));
  }
  return std::string(path);
}

OpenedFile open_path(const char* who, const std::string& path, int flags) {
  std::string name = path;  // before there is something to lose
  const int fd = sys::open_file(path.c_str(), flags, permissions);
  if (fd < 0) fail(who, path, -fd);
  OpenedFile opened;
  opened.file = OpenFile::adopt(fd, std::move(name));
  sys::FileStatus status;
  if (const int error = -sys::status_of(fd, status)) fail(who, path, error);
  if (status.kind == sys::FileKind::directory) fail(who, path, EISDIR);
  const std::int64_t position = sys::position_of(fd);
  opened.has_positions = position >= 0;
  if (opened.has_positions && (flags & O_APPEND) != 0) opened.position = status.size;
  return opened;
}

struct OpenPath {
  OpenPath(std::string p, int f) : path(std::move(p)), flags(f) {}
  OpenedFile operator()() const {
    const sys::LentFaults::Borrowed in_tests(faults);
    return open_path("open", path, flags);
  }
  std::string path;
  int flags;
  sys::LentFaults faults;
};

struct ReadText {
  explicit ReadText(std::string p) : path(std::move(p)) {}
  std::string operator()() const {
    const sys::LentFaults::Borrowed in_tests(faults);
    const OpenedFile opened = open_path("read_text", path, O_RDONLY | O_NOCTTY);
    std::string text;
    const int error = read_on(opened.file->fd(), text, std::numeric_limits<std::size_t>::max(),
                              opened.has_positions ? 0 : -1);
    if (error != 0) fail("read_text", path, error);
    return text;
  }
  std::string path;
  sys::LentFaults faults;
};

struct WriteText {
  WriteText(std::string p, std::string_view t) : path(std::move(p)), text(t) {}
  void operator()() const {
    const sys::LentFaults::Borrowed in_tests(faults);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY;
    const OpenedFile opened = open_path("write_text", path, flags);
    std::size_t written = 0;
    int error = write_all(opened.file->fd(), text, -1, written);
    if (error == 0) error = -opened.file->close();
    if (error != 0) fail("write_text", path, error);
  }
  std::string path;
  std::string text;
  sys::LentFaults faults;
};

template <class Job>
auto on_a_thread(Job job) -> Coro<std::invoke_result_t<Job>> {
  auto done = get_running_loop().run_in_executor(nullptr, std::move(job));
  co_return co_await std::move(done);
}

Coro<File> opening(OpenPath job, std::string mode_name, FileMode mode) {
  LoopState& loop = LoopAccess::state(get_running_loop());
  Future<OpenedFile> done = get_running_loop().run_in_executor(nullptr, std::move(job));
  OpenedFile opened = co_await std::move(done);
  co_return File(
      Ref<FileState>::adopt(new FileState(std::move(opened), std::move(mode_name), mode, loop)));
}

FileState& open_state(const Ref<FileState>& state, const char* who) {
  if (!state) {
    throw_runtime_error(fmt::format("{}(): this File is none; asyncio::open() gives one", who));
  }
  return *state;
}

// Checks before it awaits; what is wrong is told when the coroutine is awaited.
template <class F>
auto with_state(const Ref<FileState>& state, const char* who, F make) {
  return when_awaited([&] {
    (void)open_state(state, who);
    return make();
  });
}

template <class Texts>
std::string joined(const Texts& texts) {
  std::size_t size = 0;
  for (const std::string_view text : texts) size += text.size();
  std::string all;
  all.reserve(size);
  for (const std::string_view text : texts) all += text;
  return all;
}

}  // namespace
}  // namespace detail

Coro<File> open(std::string_view path, std::string_view mode) {
  return detail::when_awaited([&] {
    const detail::FileMode parsed = detail::file_mode(mode);
    return detail::opening(detail::OpenPath(detail::checked_path("open", path), parsed.flags),
                           std::string(mode), parsed);
  });
}

Coro<std::string> read_text(std::string_view path) {
  return detail::when_awaited([&] {
    return detail::on_a_thread(detail::ReadText(detail::checked_path("read_text", path)));
  });
}

Coro<> write_text(std::string_view path, std::string_view text) {
  return detail::when_awaited([&] {
    return detail::on_a_thread(detail::WriteText(detail::checked_path("write_text", path), text));
  });
}

// --- File ---------------------------------------------------------------------------------------

File::File() noexcept = default;
File::File(Ref<FileState> state) noexcept : state_(std::move(state)) {}
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;

bool File::is_closed() const noexcept { return !state_ || state_->closed(); }
std::string File::name() const { return state_ ? state_->name() : ""; }
std::string File::mode() const { return state_ ? state_->mode() : ""; }
int File::fileno() const noexcept { return state_ ? state_->fd() : -1; }
std::int64_t File::tell() const { return detail::open_state(state_, "tell").tell(); }

detail::FileRead File::read(std::size_t most) const {
  (void)detail::open_state(state_, "read");
  return {state_, most};
}
detail::FileReadInto File::read_into(std::span<std::byte> into) const {
  (void)detail::open_state(state_, "read_into");
  return {state_, into};
}
detail::FileReadLine File::readline() const {
  (void)detail::open_state(state_, "readline");
  return detail::FileReadLine(state_);
}
detail::FileNextLine File::next_line() const {
  (void)detail::open_state(state_, "next_line");
  return detail::FileNextLine(state_);
}

Coro<> File::write(std::string_view data) const {
  return detail::with_state(state_, "write",
                            [&] { return FileState::write(state_, std::string(data)); });
}
Coro<> File::writelines(std::span<const std::string> parts) const {
  return detail::with_state(state_, "writelines",
                            [&] { return FileState::write(state_, detail::joined(parts)); });
}
Coro<> File::writelines(std::span<const std::string_view> parts) const {
  return detail::with_state(state_, "writelines",
                            [&] { return FileState::write(state_, detail::joined(parts)); });
}
Coro<> File::truncate(std::optional<std::int64_t> size) const {
  return detail::with_state(state_, "truncate", [&] { return FileState::truncate(state_, size); });
}
Coro<> File::sync() const {
  return detail::with_state(state_, "sync", [&] { return FileState::sync(state_); });
}
Coro<std::int64_t> File::seek(std::int64_t offset, int whence) const {
  return detail::with_state(state_, "seek",
                            [&] { return FileState::seek(state_, offset, whence); });
}
Coro<std::int64_t> File::size() const {
  return detail::with_state(state_, "size", [&] { return FileState::size(state_); });
}
Coro<> File::close() const {
  return detail::with_state(state_, "close", [&] { return FileState::close(state_); });
}
Coro<> File::aexit(const std::exception_ptr&) const { return close(); }

std::string File::repr() const {
  if (!state_) return "<File none>";
  return fmt::format("<File {} mode={}{}>", name(), mode(), is_closed() ? " closed" : "");
}

}  // namespace asyncio
