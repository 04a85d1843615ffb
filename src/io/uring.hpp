#pragma once

#include <liburing.h>

#include <cerrno>
#include <cstdint>

namespace asyncio::detail {

class Uring;

/// Something that the kernel is asked to do. It stays in place until it is idle again:
///
///     idle ----queue()----> queued --poll()--> armed --last completion--> idle
///     queued --cancel()--> idle
///     armed --cancel()--> doomed --poll(), cancel_now()--> told --last completion--> idle
///
/// Lifetime: whoever owns it may destroy it when it is idle, also inside completed().
class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }
  /// The kernel has not been asked yet.
  [[nodiscard]] bool queued() const noexcept { return state_ == State::queued; }
  /// The kernel has done nothing, and would do it if it were asked again.
  static bool is_transient(int result) noexcept {
    return result == -ECANCELED || result == -EINTR || result == -EAGAIN;
  }
  /// The kernel may do it at any time, and has not been asked to stop.
  [[nodiscard]] bool armed() const noexcept { return state_ == State::armed; }

 protected:
  ~Request() = default;

 private:
  friend class Uring;
  friend class RequestList;
  enum class State : std::uint8_t { idle, queued, armed, doomed, told };

  /// Says what is to be done. Inside poll().
  virtual void prepare(io_uring_sqe& entry) noexcept = 0;
  /// `result` is what the system call would give, or -errno; `flags` are those of the completion.
  /// It is idle now unless IORING_CQE_F_MORE is set. -ECANCELED also comes unasked, when a thread
  /// has ended that has run the loop.
  virtual void completed(int result, unsigned flags) noexcept = 0;

  void unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
  }

  Request* next_ = nullptr;
  Request* previous_ = nullptr;
  State state_ = State::idle;
  std::int16_t injected_ = 0;  // an error, in tests
};

class RequestList {
 public:
  RequestList() noexcept {
    end_.next_ = &end_;
    end_.previous_ = &end_;
  }
  [[nodiscard]] bool empty() const noexcept { return end_.next_ == &end_; }
  [[nodiscard]] Request& first() const noexcept { return *end_.next_; }
  void add(Request& request) noexcept {
    request.next_ = &end_;
    request.previous_ = end_.previous_;
    end_.previous_->next_ = &request;
    end_.previous_ = &request;
  }
  void take_all(RequestList& from) noexcept {
    while (!from.empty()) {
      Request& request = from.first();
      request.unlink();
      add(request);
    }
  }

 private:
  struct End final : Request {
    void prepare(io_uring_sqe&) noexcept override {}
    void completed(int, unsigned) noexcept override {}
  };
  End end_;
};

/// The kernel's rings. What is queued between two polls is submitted by the second one, so that a
/// turn of the loop is one system call.
///
/// Threads: one at a time. When another one goes on with the loop, poll() makes a new ring and
/// queues there what was under way. A forked child never touches the ring.
class Uring {
 public:
  /// Throws: std::system_error if the kernel refuses.
  Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;
  /// What is under way is cancelled and completes, or is completed with -ECANCELED.
  ~Uring() { end(); }
  void end() noexcept;

  void queue(Request& request) noexcept;
  /// As queue(), for what others wait for: at once if the loop does not run.
  void queue_urgent(Request& request) noexcept;
  /// It completes once more, unless it is idle afterwards.
  void cancel(Request& request) noexcept;

  /// What was cancelled lets go of its descriptor now, and not in the next poll().
  void cancel_now() noexcept;

  /// Submits, waits up to `wait` nanoseconds for something (INT64_MAX: for ever), completes.
  /// Throws: std::system_error.
  void poll(std::int64_t wait);
  /// What is queued from here on waits for the next poll().
  void hold() noexcept { resting_ = false; }
  /// The loop has stopped running, for now.
  void rest() noexcept;
  /// Readable when poll() would complete something: from now on, and made at the first call.
  int event() noexcept;
  /// Makes event() readable, if anybody has asked for it. Any thread, and signal handlers.
  void signal_event() noexcept;

  /// Something waits to be submitted.
  [[nodiscard]] bool has_work() const noexcept { return !doomed_.empty() || !queue_.empty(); }
  /// How much has completed in the last poll().
  [[nodiscard]] unsigned completed_by_poll() const noexcept { return completed_; }
  /// False for what had completed before poll() was called, and may be true no more.
  [[nodiscard]] bool fresh() const noexcept { return fresh_; }
  /// In a child of the process that it was made in.
  [[nodiscard]] bool foreign() const noexcept;
  /// How often it was made anew. What is registered with it is registered with this one.
  [[nodiscard]] unsigned generation() const noexcept { return generation_; }
  [[nodiscard]] io_uring& raw() noexcept { return ring_; }
  /// Multishot requests are known to the kernel.
  [[nodiscard]] bool modern() const noexcept { return setup_ != 0; }
  /// What was given to the kernel may still be written to: the ring has gone without an answer.
  [[nodiscard]] bool haunted() const noexcept { return haunted_; }

 private:
  int enter(unsigned completions, std::int64_t wait) noexcept;
  void check(int result);
  bool submit_queue() noexcept;
  bool submit(RequestList& list) noexcept;
  unsigned publish() noexcept;
  unsigned reap() noexcept;
  void reap_overflow() noexcept;
  void renew();
  void set_up(io_uring& ring);
  void cancel_all() noexcept;
  void complete_unanswered(Request& request) noexcept;
  void abandon() noexcept;
  [[nodiscard]] unsigned pending_flags() const noexcept;

  io_uring ring_;
  unsigned setup_ = 0;
  unsigned generation_ = 0;
  unsigned completed_ = 0;
  unsigned forks_;
  int event_ = -1;  // accessed atomically
  bool enabled_ = false;
  bool resting_ = true;
  bool fresh_ = true;
  bool ending_ = false;
  bool haunted_ = false;
  bool abandoning_ = false;
  RequestList doomed_;
  RequestList queue_;
  RequestList armed_;  // and told
};

}  // namespace asyncio::detail
