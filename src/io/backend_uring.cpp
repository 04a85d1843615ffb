#include "io/backend_uring.hpp"

#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/error.hpp>

#include "io/endpoint_uring.hpp"
#include "io/system.hpp"
#include "io/uring.hpp"

#include <fmt/format.h>
#include <liburing.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

namespace asyncio::detail {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t longest_wait = 24LL * 3600 * 1'000'000'000;  // as CPython

/// The wake-up descriptor, watched by edges: nobody has to read its counter.
class WakeUp final : public Request {
 public:
  explicit WakeUp(Uring& ring) : fd(sys::event_fd()), ring_(ring) { ring_.queue(*this); }
  ~WakeUp() { sys::close(fd); }

  const int fd;

 private:
  void prepare(io_uring_sqe& entry) noexcept override {
    io_uring_prep_poll_multishot(&entry, fd, POLLIN);
  }
  void completed(int, unsigned) noexcept override {
    if (idle()) ring_.queue(*this);
  }

  Uring& ring_;
};

/// What a descriptor is watched for, by a poll that is armed again after each completion, so that
/// the next poll() looks anew. The kernel keeps it with the file and not with the number, so
/// another one takes its place when the number may be another file's.
class Watch final : public Request, public Pooled {
 public:
  Watch(Uring& ring, int fd) noexcept : ring_(ring), fd_(fd) {}

  [[nodiscard]] Operation*& place(Operation::Kind kind) noexcept {
    return kind == Operation::Kind::watch_readable ? reader_ : writer_;
  }
  [[nodiscard]] bool wanted() const noexcept { return reader_ != nullptr || writer_ != nullptr; }
  void begin() noexcept { ring_.queue(*this); }
  void end() noexcept {
    reader_ = nullptr;
    writer_ = nullptr;
    if (completing_) return;
    ring_.cancel(*this);
    if (idle()) delete this;
  }
  /// Gives what is watched to its successor.
  void hand_on(Watch& other) noexcept {
    other.reader_ = reader_;
    other.writer_ = writer_;
    end();
  }

 private:
  ~Watch() = default;
  void prepare(io_uring_sqe& entry) noexcept override {
    io_uring_prep_poll_add(
        &entry, fd_,
        (reader_ != nullptr ? unsigned{POLLIN} : 0) | (writer_ != nullptr ? unsigned{POLLOUT} : 0));
  }
  void completed(int result, unsigned) noexcept override {
    // An event from before this poll may be over.
    if (result > 0 && ring_.fresh()) tell(result);
    if (!wanted()) {
      delete this;
    } else if (result >= 0 || is_transient(result)) {
      begin();
    }
    // else the descriptor was closed, and nobody has said so
  }
  // An error or a hang-up makes the descriptor readable and writable: the callback's own call will
  // see it.
  void tell(int events) noexcept {
    completing_ = true;
    const bool broken = (events & ~(POLLIN | POLLOUT)) != 0;
    if (reader_ != nullptr && (broken || (events & POLLIN) != 0)) reader_->complete(*reader_, 0);
    if (writer_ != nullptr && (broken || (events & POLLOUT) != 0)) writer_->complete(*writer_, 0);
    completing_ = false;
  }

  Uring& ring_;
  Operation* reader_ = nullptr;
  Operation* writer_ = nullptr;
  int fd_;
  bool completing_ = false;
};

class UringBackend final : public Backend {
 public:
  explicit UringBackend(unsigned few) : endpoints_(ring_, buffers_, few) {
    endpoints_.watched = &watched;
  }
  ~UringBackend() override;

  void submit(Operation& operation) override;
  void cancel(Operation& operation) noexcept override;
  std::unique_ptr<Endpoint> open(int fd, Descriptor kind) override;
  bool poll(std::int64_t deadline, bool outside_work) override;
  void rest() noexcept override { ring_.rest(); }
  [[nodiscard]] bool busy() const noexcept override { return awaits() || ring_.has_work(); }
  void wake() noexcept override {
    sys::write_event(wake_.fd);
    ring_.signal_event();  // the kernel passes one eventfd's news on to another one late
  }
  [[nodiscard]] std::int64_t now() const override { return sys::monotonic_now(); }
  [[nodiscard]] bool has_come(std::int64_t deadline) const override;
  [[nodiscard]] int fd() const noexcept override { return ring_.event(); }

 private:
  [[nodiscard]] bool awaits() const noexcept {
    return pending_ + endpoints_.waits + endpoints_.sending > 0;
  }
  [[nodiscard]] std::int64_t wait_until(std::int64_t deadline) const;

  mutable Uring ring_;
  UringBuffers buffers_{ring_};
  UringEndpoints endpoints_;
  WakeUp wake_{ring_};
  std::vector<Watch*> watches_;  // by descriptor
  std::size_t pending_ = 0;
};

UringBackend::~UringBackend() {
  ring_.hold();
  endpoints_.forget_all();
  for (Watch* watch : watches_) {
    if (watch != nullptr) watch->end();
  }
  ring_.end();
}

void UringBackend::submit(Operation& operation) {
  const auto index = static_cast<std::size_t>(operation.fd);
  if (const int error = sys::cannot_be_watched(operation.fd)) {
    if (error == EBADF)
      sys::throw_errno(error, fmt::format("watching descriptor {}", operation.fd));
    sys::throw_errno(
        error,
        fmt::format("watching descriptor {} for {}", operation.fd,
                    operation.kind == Operation::Kind::watch_readable ? "reading" : "writing"));
  }
  if (endpoints_.has(operation.fd)) {
    throw_runtime_error(fmt::format(
        "descriptor {} is used by a transport or a socket of this loop; use that instead",
        operation.fd));
  }
  if (index >= watches_.size()) watches_.resize(index + 1);
  Watch*& watch = watches_[index];
  // One that replaces another may be for a descriptor that was closed and opened anew meanwhile;
  // and what the kernel polls for cannot be changed.
  if (watch == nullptr || !watch->queued() || watch->place(operation.kind) != nullptr) {
    auto* const fresh = new Watch(ring_, operation.fd);
    if (watch != nullptr) watch->hand_on(*fresh);
    watch = fresh;
    watch->place(operation.kind) = &operation;
    watch->begin();
  } else {
    watch->place(operation.kind) = &operation;
  }
  ++pending_;
  ++watched;
}

void UringBackend::cancel(Operation& operation) noexcept {
  Watch*& watch = watches_[static_cast<std::size_t>(operation.fd)];
  --pending_;
  --watched;
  if (watch == nullptr || watch->place(operation.kind) != &operation) return;  // it was replaced
  watch->place(operation.kind) = nullptr;
  if (watch->wanted()) return;
  std::exchange(watch, nullptr)->end();
  ring_.cancel_now();  // the descriptor may be closed next
}

std::unique_ptr<Endpoint> UringBackend::open(int fd, Descriptor kind) {
  const auto index = static_cast<std::size_t>(fd);
  const bool watched = index < watches_.size() && watches_[index] != nullptr;
  if (watched || endpoints_.has(fd)) {
    throw_runtime_error(fmt::format(
        "descriptor {} is watched by this loop already; call remove_reader() and remove_writer()",
        fd));
  }
  return endpoints_.open(fd, kind);
}

bool UringBackend::has_come(std::int64_t deadline) const {
  // The coarse clock is behind by a tick, at most by ten milliseconds, and is cheaper.
  constexpr std::int64_t far = 100'000'000;
  return deadline <= sys::coarse_now() + far && deadline <= now();
}

std::int64_t UringBackend::wait_until(std::int64_t deadline) const {
  std::int64_t wait = 0;
  if (deadline == never) {
    wait = never;
  } else if (deadline > 0) {
    wait = std::min(deadline - now(), longest_wait);
  }
  if (wait <= 0) return 0;
  // What is submitted for nobody's sake is no reason to wait: the virtual clock jumps then.
  if (ring_.has_work() && !awaits()) return 0;
  return std::min(wait, return_idle_memory());
}

bool UringBackend::poll(std::int64_t deadline, bool /*outside_work*/) {
  const std::int64_t wait = wait_until(deadline);
  if (ring_.foreign()) {
    // A forked child may wind its parent's loop up, without the kernel's help.
    constexpr std::int64_t short_while = 1'000'000;
    sys::nap(std::min(wait, short_while));
  } else {
    ring_.poll(wait);
    endpoints_.sent_directly = 0;
  }
  return true;
}

}  // namespace

std::unique_ptr<Backend> make_uring_backend(unsigned few) {
  return std::make_unique<UringBackend>(few);
}

}  // namespace asyncio::detail
