#pragma once

#include <asyncio/event.hpp>
#include <asyncio/file.hpp>
#include <asyncio/lock.hpp>

#include "files/file_job.hpp"
#include "files/file_mode.hpp"
#include "loop/loop_state.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// What opening gives, on a thread.
struct OpenedFile {
  Ref<OpenFile> file;
  bool has_positions = false;
  std::int64_t position = 0;
};

/// An open file: where it is read and written next, what was read ahead, and the line of those who
/// want something of it.
///
/// A turn is one operation's. A job whose operation was cancelled still belongs to its turn: the
/// next one waits for it, too.
class FileState {
 public:
  FileState(OpenedFile opened, std::string mode_name, const FileMode& mode, LoopState& loop);
  FileState(const FileState&) = delete;
  FileState& operator=(const FileState&) = delete;

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& mode() const noexcept { return mode_name_; }
  [[nodiscard]] bool closed() const noexcept { return !file_; }
  [[nodiscard]] int fd() const noexcept { return closed() ? -1 : file_->fd(); }
  [[nodiscard]] std::int64_t tell() const;

  // --- at once, without a turn; false: it takes one ---

  /// Throws: RuntimeError.
  [[nodiscard]] bool may_read_now(const char* who) const;
  bool read_now(std::size_t most, std::string& into);
  bool read_into_now(std::span<std::byte> into, std::size_t& got);
  /// "" at the end.
  bool line_now(std::string& into);

  // --- in a turn; whoever awaits them holds this ---

  Coro<std::string> read(std::size_t most);
  Coro<std::size_t> read_into(std::span<std::byte> into);
  Coro<std::string> line();
  Coro<std::optional<std::string>> next_line();

  using Self = Ref<FileState>;
  static Coro<> write(Self self, std::string data);
  static Coro<std::int64_t> seek(Self self, std::int64_t offset, int whence);
  static Coro<> truncate(Self self, std::optional<std::int64_t> size);
  static Coro<> sync(Self self);
  static Coro<std::int64_t> size(Self self);
  static Coro<> close(Self self);
  static Coro<std::size_t> send_to(Self self, StreamWriter writer, SendfileOptions options);

 private:
  enum class Wants : std::uint8_t { anything, reading, writing };

  /// It stands in line, then has its turn.
  class Turn {
   public:
    explicit Turn(FileState& file) noexcept : file_(&file) { ++file.turns_; }
    Turn(Turn&& other) noexcept
        : file_(std::exchange(other.file_, nullptr)), lock_(std::move(other.lock_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (file_ != nullptr) --file_->turns_;
    }
    void begins(Guard<Lock> lock) noexcept { lock_ = std::move(lock); }

   private:
    FileState* file_;
    Guard<Lock> lock_;
  };

  ~FileState() = default;
  Coro<Turn> turn(const char* who, Wants wants);
  void check_open(const char* who, Wants wants) const;
  void check_loop(const char* who) const;
  void check_positions(const char* who) const;
  [[noreturn]] void fail(const char* who, int error) const;

  // --- jobs ---

  [[nodiscard]] Ref<FileJob> job(FileJob::Kind kind) const;
  /// Throws: CancelledError; its error is the caller's to look at.
  Coro<> perform(Ref<FileJob> job);
  /// The same; throws its error.
  Coro<> perform(const char* who, Ref<FileJob> job);
  void start(Ref<FileJob> job);
  void ended() noexcept;
  void report_forsaken(const FileJob& job) noexcept;

  // --- what was read ahead ---

  [[nodiscard]] std::string_view ahead() const noexcept {
    return std::string_view(ahead_).substr(head_);
  }
  [[nodiscard]] std::int64_t behind_ahead() const noexcept {
    return position_ + static_cast<std::int64_t>(ahead().size());
  }
  void take(std::size_t n, std::string& into);
  void skip(std::size_t n) noexcept;
  void forget_ahead() noexcept;
  void make_room(std::size_t n);
  /// Of what is in memory. Returns: nullopt if nobody knows, or it is not there.
  std::optional<std::size_t> from_memory(char* into, std::size_t size, std::int64_t offset);
  std::optional<std::size_t> fill_now();
  bool read_far_now(std::size_t most, std::string& into);
  Coro<bool> fill();
  Coro<std::string> read_far(std::size_t most);
  Coro<std::size_t> read_piece_into(std::span<std::byte> into, std::int64_t offset);

  // Each read that need not wait costs the others as much; together they must not cost them more.
  static constexpr std::size_t price_of_a_call = std::size_t{4} * 1024;
  static constexpr std::size_t most_spent = std::size_t{1} << 20;

  unsigned users_ = 1;
  unsigned turns_ = 0;     // those that have one or wait for it
  std::size_t spent_ = 0;  // of what others are to have a turn after
  Ref<OpenFile> file_;     // null when it is closed
  std::string name_;
  std::string mode_name_;
  FileMode mode_;
  bool has_positions_;
  bool asks_memory_;  // the system can tell what it has there
  std::uint64_t loop_;
  std::int64_t position_;
  std::string ahead_;  // from head_ on: what the file has at position_
  std::size_t head_ = 0;
  Lock lock_;
  Ref<FileJob> job_;  // the one that is under way
  Event idle_;        // there is none
};

struct FileAccess {
  static const Ref<FileState>& state(const File& file) noexcept { return file.state_; }
};

}  // namespace asyncio::detail
