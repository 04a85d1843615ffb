#include "process/worker.hpp"

#include <asyncio/error.hpp>

#include "io/system.hpp"
#include "io/system_fork.hpp"
#include "process/worker_function.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

namespace asyncio::detail {
namespace {

/// The job's bytes, in a buffer that is kept for the next one unless it was large.
class Inbound {
 public:
  explicit Inbound(int socket) noexcept : socket_(socket) {}

  /// Waits for a whole frame. Returns: false at the end.
  bool next() {
    if (buffer_.size() > keep) buffer_ = std::string();
    if (buffer_.size() < first) buffer_.resize(first);
    size_ = 0;
    std::uint64_t whole = sizeof(std::uint64_t);
    while (size_ < whole) {
      const std::int64_t got = receive();
      if (got <= 0) return false;
      size_ += static_cast<std::size_t>(got);
      if (size_ < sizeof whole) continue;
      std::memcpy(&whole, buffer_.data(), sizeof whole);
      if (whole < frame_head) return false;  // nobody has written this
      if (whole > buffer_.size()) grow(whole);
    }
    stays_awake_ = several_processors_;
    return true;
  }
  [[nodiscard]] JobHead head() const noexcept {
    JobHead head;
    std::memcpy(&head, buffer_.data(), sizeof head);
    return head;
  }
  [[nodiscard]] std::string_view arguments() const noexcept {
    return std::string_view(buffer_.data(), size_).substr(sizeof(JobHead));
  }

 private:
  static constexpr std::size_t first = std::size_t{16} << 10;
  static constexpr std::size_t keep = std::size_t{1} << 20;
  static constexpr std::int64_t awake_for = 50'000;  // nanoseconds

  // A processor that has nothing to do takes longer to wake than most jobs take to come when one
  // follows the other, so that is waited for awake, for a while.
  std::int64_t receive() {
    char* const to = buffer_.data() + size_;
    const std::size_t room = buffer_.size() - size_;
    if (std::exchange(stays_awake_, false)) {
      const std::int64_t until = sys::monotonic_now() + awake_for;
      do {
        const std::int64_t got = sys::receive(socket_, to, room);
        if (got != -EAGAIN) return got;
      } while (sys::monotonic_now() < until);
    }
    return sys::read(socket_, to, room);
  }

  // By what has come, not by what is announced.
  void grow(std::uint64_t whole) {
    const std::size_t more = buffer_.size() * 4;
    if (size_ == buffer_.size() || whole <= more) buffer_.resize(whole < more ? whole : more);
  }

  int socket_;
  std::string buffer_;
  std::size_t size_ = 0;
  const bool several_processors_ = sys::processor_count() > 1;
  bool stays_awake_ = false;  // for what comes next: it has had a job just now
};

/// Its head is written when it is sent.
void send_answer(int socket, std::string& out, std::uint64_t job, Answer answer) noexcept {
  const std::uint64_t size = out.size();
  std::memcpy(out.data(), &size, sizeof size);
  std::memcpy(out.data() + sizeof size, &job, sizeof job);
  out[2 * sizeof size] = static_cast<char>(answer);
  sys::flush_output();  // what the job has printed stands before what is printed of its result
  if (sys::send_all(socket, out.data(), out.size()) != 0) sys::exit_at_once(0);  // nobody is there
}

/// "TYPE: TEXT" is taken apart: no name of a type has a colon and a blank.
void append_error(std::string& out) {
  const std::string both = describe(std::current_exception());
  const std::size_t colon = both.find(": ");
  const std::string type = both.substr(0, colon);
  const std::string text = colon == std::string::npos ? "" : both.substr(colon + 2);
  codec::Encoder encoder(out);
  encoder.encode(type);
  encoder.encode(text);
  encoder.encode(std::string_view());
}

Answer refuse(std::string& out, const std::string& why) {
  codec::Encoder(out).encode(why);
  return Answer::refused;
}

std::string current_text() { return describe(std::current_exception()); }

Answer refuse_phase(RemoteCall::Phase phase, std::string& out) {
  if (phase == RemoteCall::Phase::reading) {
    return refuse(out, "its arguments cannot be read in the worker: " + current_text());
  }
  return refuse(out, "its result cannot be sent: " + current_text());
}

Answer call(const RemoteFunction& function, ProgramPlace target, codec::Decoder& in,
            std::string& out) {
  const std::size_t head = out.size();
  codec::Encoder answer(out);
  RemoteCall job{.arguments = in, .answer = answer, .target = target};
  try {
    function.call(job);
    return Answer::value;
  } catch (...) {
    out.resize(head);
    if (job.phase != RemoteCall::Phase::running) return refuse_phase(job.phase, out);
    append_error(out);
    return Answer::error;
  }
}

// Returns: false if that has failed; why is in `out`.
bool initialize(ProgramPlace initializer, std::string& out) {
  if (initializer.module == 0) return true;
  const void* function = code_at(initializer);
  try {
    if (function == nullptr) throw_runtime_error("the worker has no such initializer");
    reinterpret_cast<void (*)()>(const_cast<void*>(function))();  // NOLINT: a function's address
    return true;
  } catch (...) {
    codec::Encoder(out).encode(current_text());
    return false;
  }
}

void work(int socket, ProgramPlace initializer) {
  std::string out(answer_head, '\0');
  const bool usable = initialize(initializer, out);
  send_answer(socket, out, 0, usable ? Answer::ready : Answer::unusable);
  if (!usable) return;
  Inbound in(socket);
  while (in.next()) {
    out.assign(answer_head, '\0');
    const JobHead head = in.head();
    const Answer answer = do_job(head, in.arguments(), out);
    send_answer(socket, out, head.job, answer);
    constexpr std::size_t keep = std::size_t{1} << 20;
    if (out.size() > keep) out = std::string();
  }
}

}  // namespace

Answer do_job(const JobHead& head, std::string_view arguments, std::string& out) {
  const RemoteFunction* function = remote_function_at(head.function);
  if (function == nullptr) {
    return refuse(out,
                  "the worker has no such function; it is of a library that was loaded after "
                  "the pool was made, or the program was replaced: make a new pool");
  }
  if (function->signature != head.signature) {
    return refuse(out,
                  "the worker knows it with other parameters; the program was replaced: make a "
                  "new pool");
  }
  codec::Decoder in(arguments);
  return call(*function, head.target, in, out);
}

void run_worker(int socket, ProgramPlace initializer) noexcept {
  constexpr int failed = 70;
  try {
    work(socket, initializer);
  } catch (...) {
    sys::flush_output();
    sys::exit_at_once(failed);  // out of memory
  }
  sys::flush_output();
  sys::exit_at_once(0);
}

}  // namespace asyncio::detail
