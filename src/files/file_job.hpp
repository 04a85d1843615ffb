#pragma once

#include "io/fault.hpp"
#include "io/open_file.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace asyncio::detail {

/// What a thread does with a file. It owns all that it touches, since nobody may wait for it any
/// more.
///
/// States (phase_, atomic): queued → running, by the thread; queued → withdrawn, by the loop's
/// thread, and then nothing is done.
/// Threads: what it has is the thread's until the loop hears of its end.
class FileJob {
 public:
  enum class Kind : std::uint8_t {
    fill,  ///< as much as one call gives, for the buffer
    read,  ///< `size` bytes, fewer only at the end
    write,
    truncate,
    sync,
    size,
    close,
  };

  FileJob(Kind what, Ref<OpenFile> which) : kind(what), file(std::move(which)) {}
  FileJob(const FileJob&) = delete;
  FileJob& operator=(const FileJob&) = delete;

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  /// On the thread.
  void run() noexcept;
  /// Returns: false if it is being done.
  bool withdraw() noexcept { return leave_queue(withdrawn); }

  const Kind kind;
  Ref<OpenFile> file;
  bool at_position = false;  ///< at the file's own position, not at `offset`
  bool forsaken = false;     ///< nobody waits for it: of the loop's thread
  std::int64_t offset = 0;
  std::size_t size = 0;
  std::string data;           ///< to be written, or what was read
  std::int64_t result = 0;    ///< what there is to say, or how much was written
  std::int64_t position = 0;  ///< behind what was written
  int error = 0;

 private:
  enum Phase : unsigned char { queued, running, withdrawn };

  ~FileJob() = default;
  bool leave_queue(Phase next) noexcept {
    unsigned char expected = queued;
    return __atomic_compare_exchange_n(&phase_, &expected, static_cast<unsigned char>(next), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }
  void work();
  void write() noexcept;
  void note(std::int64_t outcome) noexcept;

  SharedCount users_;
  sys::LentFaults faults_;
  unsigned char phase_ = queued;
};

/// For an executor.
struct RunFileJob {
  explicit RunFileJob(Ref<FileJob> j) noexcept : job(std::move(j)) {}
  void operator()() const noexcept { job->run(); }
  Ref<FileJob> job;
};

/// Behind what `text` has, up to `most` bytes to the end of the file. `offset`: as sys::read_at();
/// negative: at the file's position.
/// Returns: 0 or an error.
int read_on(int fd, std::string& text, std::size_t most, std::int64_t offset);
/// Returns: 0 or an error; `written` says how much all the same.
int write_all(int fd, std::string_view data, std::int64_t offset, std::size_t& written) noexcept;

}  // namespace asyncio::detail
