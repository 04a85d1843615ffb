#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/file_reads.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace asyncio {

class StreamWriter;

namespace detail {
struct FileAccess;
}  // namespace detail

/// An open file. Bytes are std::string; there are no encodings.
///
///     auto file = co_await asyncio::open("/etc/hosts");
///     while (auto line = co_await file.next_line()) handle(*line);
///
/// What the system has in memory is read at once; the disk is asked by a thread of the default
/// executor. Nothing that is written is kept back: a write has ended when the system has it, so
/// there is no flush().
///
/// Operations of several tasks are done one after the other, in the order in which they are
/// awaited.
///
/// Python: what open() gives in binary mode, with `await`
/// Cancellation: of a read: its bytes are still to be read. Of anything else: it is done as a whole
/// or, if no thread has begun with it, not at all; the next operation waits for its end. What fails
/// after a cancellation is reported to the loop's exception handler.
/// Lifetime: closes itself, after the operations that are under way, without a word about errors:
/// those that only close() can tell come on network file systems.
/// Threads: the loop's that it was opened on.
class File {
 public:
  /// None.
  File() noexcept;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// False of none, and of one that is closed.
  explicit operator bool() const noexcept { return !is_closed(); }
  [[nodiscard]] bool is_closed() const noexcept;
  /// What it was opened by.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string mode() const;
  /// -1 when it is closed. Its own position is not where tell() is.
  [[nodiscard]] int fileno() const noexcept;
  /// Where the next read or write begins, when those that are under way have ended.
  /// Throws: std::system_error of a pipe, a terminal and the like.
  [[nodiscard]] std::int64_t tell() const;

  // --- reading; each throws std::system_error "read /x: Input/output error", and RuntimeError if
  // --- it is closed or was opened for writing only

  /// `most` bytes; fewer only at the end of the file.
  [[nodiscard]] detail::FileRead read(std::size_t most) const;
  /// Everything that is left.
  [[nodiscard]] detail::FileRead read() const {
    return read(std::numeric_limits<std::size_t>::max());
  }
  /// The same into a buffer of the caller's. Python: readinto
  ///
  /// Returns: how many bytes: as many as fit, fewer only at the end.
  /// Lifetime: `into` must live until it has ended.
  [[nodiscard]] detail::FileReadInto read_into(std::span<std::byte> into) const;
  [[nodiscard]] detail::FileReadInto read_into(std::span<char> into) const {
    return read_into(std::as_writable_bytes(into));
  }
  /// Up to and with the newline, however long; without one at the end; "" after that.
  [[nodiscard]] detail::FileReadLine readline() const;
  /// The same for loops: nothing after the end. Python: `for line in file`
  [[nodiscard]] detail::FileNextLine next_line() const;

  // --- writing; each throws std::system_error "write /x: No space left on device", and
  // --- RuntimeError if it is closed or was opened for reading only

  /// All of it, at tell(), or at the end of the file in mode "a".
  ///
  /// Cost: a copy, and a job on a thread: write large pieces.
  [[nodiscard]] Coro<> write(std::string_view data) const;
  /// All of them by one job. As in Python it adds no newlines.
  [[nodiscard]] Coro<> writelines(std::span<const std::string> parts) const;
  [[nodiscard]] Coro<> writelines(std::span<const std::string_view> parts) const;
  /// Cuts it off, or adds zeros. The position stays.
  ///
  /// `size`: nothing: at tell(). Throws: std::invalid_argument for a negative one.
  [[nodiscard]] Coro<> truncate(std::optional<std::int64_t> size = {}) const;
  /// Until what was written is on the disk. Python: os.fsync
  [[nodiscard]] Coro<> sync() const;

  // --- both ---

  /// `whence`: SEEK_SET, SEEK_CUR or SEEK_END.
  ///
  /// Returns: where it is now.
  /// Throws: std::invalid_argument for a place before the beginning, or another whence;
  /// std::system_error of a pipe, a terminal and the like.
  [[nodiscard]] Coro<std::int64_t> seek(std::int64_t offset, int whence = 0) const;
  /// How many bytes it has now. Python: os.fstat(f.fileno()).st_size
  [[nodiscard]] Coro<std::int64_t> size() const;
  /// After the operations that are under way. Idempotent.
  ///
  /// Throws: std::system_error of what the system could not write; it is closed all the same.
  [[nodiscard]] Coro<> close() const;

  /// For with(): closes it.
  [[nodiscard]] detail::Immediate aenter() const noexcept { return {}; }
  [[nodiscard]] Coro<> aexit(const std::exception_ptr& error) const;

  /// "<File /etc/hosts mode=r>"
  [[nodiscard]] std::string repr() const;

  explicit File(detail::Ref<detail::FileState> state) noexcept;

 private:
  friend struct detail::FileAccess;
  detail::Ref<detail::FileState> state_;
};

/// Opens a file on a thread of the default executor. It is closed on exec.
///
/// `mode`: "r" to read, "w" to write from nothing, "a" to write at the end, "x" to write a file
/// that must not exist; with "+" both. "b" may be added and says nothing.
///
/// Python: open
/// Throws: std::system_error "open /x/y: No such file or directory", also of a directory;
/// std::invalid_argument for another mode and a path with a NUL.
/// Cancellation: returns at once. A thread that has begun may still make or empty the file; what it
/// opens it closes. One that waits for the other end of a FIFO stays until that comes.
[[nodiscard]] Coro<File> open(std::string_view path, std::string_view mode = "r");

/// All that a file has, by one job. Python: pathlib.Path.read_bytes
///
/// Throws: std::system_error "read_text /x: No such file or directory".
/// Cancellation: returns at once; what was read is dropped.
[[nodiscard]] Coro<std::string> read_text(std::string_view path);
/// Instead of what the file has; it is made if it is not there. By one job.
///
/// Python: pathlib.Path.write_bytes
/// Cancellation: returns at once. A thread that has begun goes on to the end.
[[nodiscard]] Coro<> write_text(std::string_view path, std::string_view text);

/// Which part of a file sendfile() sends.
struct SendfileOptions {
  std::int64_t offset = 0;
  /// At most; nothing: to the end of the file.
  std::optional<std::size_t> count = {};
};
static_assert(std::is_trivially_destructible_v<SendfileOptions>);

/// Sends a file to a connection: by the system, which reads and sends at the same time; over TLS
/// piece by piece. What was written before is sent before; nobody else can write meanwhile.
///
/// Python: loop.sendfile, which takes a transport. The position of the file plays no part and
/// stays.
/// Returns: how many bytes.
/// Throws: RuntimeError if the writer is closing, or sends a file already; std::invalid_argument
/// for a negative offset or a count of 0; std::system_error of the connection, or of the file,
/// which leaves the connection open.
/// Cancellation: what has been sent stays sent.
[[nodiscard]] Coro<std::size_t> sendfile(const StreamWriter& writer, const File& file,
                                         SendfileOptions options = {});

}  // namespace asyncio
