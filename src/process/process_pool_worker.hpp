#pragma once

#include <asyncio/detail/process_job.hpp>

#include "loop/endpoint.hpp"
#include "process/worker.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A worker as its pool sees it.
///
/// States: starting → idle, when it says so; idle → busy, with a job; busy → idle, with an answer;
/// any → leaving, when its socket is closed to let it end; any → gone, when its socket has ended.
/// The fork server's word that it has ended removes it.
class PoolWorker {
 public:
  enum class State : unsigned char { starting, idle, busy, leaving, gone };

  struct Message {
    std::uint64_t job = 0;
    Answer answer = Answer::value;
    std::string_view content;  // until take_message() is called again
  };

  /// With the memory for what it says first, so that only an answer may find none.
  PoolWorker(std::uint64_t number, std::unique_ptr<Endpoint> link)
      : number_(number),
        link_(std::move(link)),
        buffer_(std::make_unique_for_overwrite<char[]>(first)),
        capacity_(first) {}

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Null once it was closed.
  [[nodiscard]] Endpoint* link() const noexcept { return link_.get(); }
  void close() noexcept { link_.reset(); }

  /// The head of the frame is written already.
  void begin_to_send(const std::string& frame) noexcept {
    frame_ = frame;
    sent_ = 0;
  }
  /// Sends what is left, as far as that is possible at once. Returns: false if it is gone.
  bool send(bool directly) noexcept;
  [[nodiscard]] bool sent_all() const noexcept { return sent_ == frame_.size(); }
  [[nodiscard]] bool sent_nothing() const noexcept { return sent_ == 0; }
  void forget_frame() noexcept { frame_ = {}, sent_ = 0; }

  /// Receives what is there. Returns: false at the end. Throws: std::bad_alloc.
  bool receive(bool directly);
  /// Returns: false if none is whole.
  bool take_message(Message& message) noexcept;

  State state = State::starting;
  ProcessJob* job = nullptr;  ///< while it is busy
  std::size_t jobs_done = 0;
  bool ready = false;  ///< it has said so

 private:
  static constexpr std::size_t first = std::size_t{16} << 10;
  static constexpr std::size_t keep = std::size_t{1} << 20;

  [[nodiscard]] std::uint64_t announced() const noexcept;
  void make_room();

  std::uint64_t number_;
  std::unique_ptr<Endpoint> link_;
  std::string_view frame_;  // of its job
  std::size_t sent_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of what was received and not taken
  std::size_t end_ = 0;
};

}  // namespace asyncio::detail
