#include "io/backend_epoll.hpp"

#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/error.hpp>

#include "io/endpoint_epoll.hpp"
#include "io/system.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>
#include <utility>
#include <vector>

namespace asyncio::detail {
namespace {

// What an event says of its origin: the wake-up descriptor; or a number and its generation, with
// the highest bit set; or else it is the address of an endpoint.
constexpr std::uint64_t wake_tag = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t watch_tag = std::uint64_t{1} << 63;
constexpr std::uint32_t generations = 0x7fffffff;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t longest_wait = 24LL * 3600 * 1'000'000'000;  // as CPython

class EpollBackend final : public Backend {
 public:
  EpollBackend() {
    endpoints_.watched = &watched;
    endpoints_.epoll = sys::epoll_create();
    endpoints_.forks = sys::forks();
    try {
      wake_ = sys::event_fd();
      // By edges: nobody has to read its counter.
      if (sys::epoll_control(endpoints_.epoll, EPOLL_CTL_ADD, wake_, EPOLLIN | EPOLLET, wake_tag) !=
          0) {
        sys::throw_errno(errno, "epoll_ctl(ADD) of the wake-up descriptor");
      }
    } catch (...) {
      close_all();
      throw;
    }
  }
  ~EpollBackend() override { close_all(); }

  void submit(Operation& operation) override;
  void cancel(Operation& operation) noexcept override;
  std::unique_ptr<Endpoint> open(int fd, Descriptor kind) override;
  bool poll(std::int64_t deadline, bool outside_work) override;
  [[nodiscard]] bool busy() const noexcept override { return pending_ + endpoints_.waits > 0; }
  void wake() noexcept override { sys::write_event(wake_); }
  [[nodiscard]] std::int64_t now() const override { return sys::monotonic_now(); }
  [[nodiscard]] bool has_come(std::int64_t deadline) const override;
  [[nodiscard]] int fd() const noexcept override { return endpoints_.epoll; }

 private:
  // What a descriptor is watched for. The generation tells an event of this registration from a
  // late one of a descriptor that had the same number.
  struct Entry {
    Operation* reader = nullptr;
    Operation* writer = nullptr;
    std::uint32_t armed = 0;
    std::uint32_t generation = 0;
  };

  static Operation*& place(Entry& entry, const Operation& operation) noexcept {
    return operation.kind == Operation::Kind::watch_readable ? entry.reader : entry.writer;
  }
  // Makes the kernel's registration what the entry asks for; `anew`: even if it should be that
  // already. Returns errno or 0.
  int update(int fd, Entry& entry, bool anew) noexcept;
  // In nanoseconds.
  [[nodiscard]] std::int64_t wait_until(std::int64_t deadline) const;
  void dispatch(const epoll_event& event);
  void close_all() noexcept {
    if (wake_ >= 0) sys::close(wake_);
    sys::close(endpoints_.epoll);
    endpoints_.forget_all();
  }

  EpollEndpoints endpoints_;
  int wake_ = -1;
  std::vector<Entry> entries_;
  std::size_t pending_ = 0;
};

int EpollBackend::update(int fd, Entry& entry, bool anew) noexcept {
  const std::uint32_t wanted = (entry.reader != nullptr ? std::uint32_t{EPOLLIN} : 0) |
                               (entry.writer != nullptr ? std::uint32_t{EPOLLOUT} : 0);
  if (wanted == entry.armed && !anew) return 0;
  if (endpoints_.forks != sys::forks())
    return 0;  // a forked child shares the registrations of its parent
  if (entry.armed == 0) entry.generation = (entry.generation + 1) & generations;
  const std::uint64_t data =
      watch_tag | (std::uint64_t{entry.generation} << 32) | static_cast<unsigned>(fd);
  int operation = wanted == 0 ? EPOLL_CTL_DEL : entry.armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  int result = sys::epoll_control(endpoints_.epoll, operation, fd, wanted, data);
  // The descriptor was closed, and perhaps opened anew, without telling us.
  if (result != 0 && operation == EPOLL_CTL_MOD && errno == ENOENT) {
    result = sys::epoll_control(endpoints_.epoll, EPOLL_CTL_ADD, fd, wanted, data);
  } else if (result != 0 && operation == EPOLL_CTL_ADD && errno == EEXIST && !endpoints_.has(fd)) {
    result = sys::epoll_control(endpoints_.epoll, EPOLL_CTL_MOD, fd, wanted, data);
  }
  if (result != 0 && operation != EPOLL_CTL_DEL) return errno;
  entry.armed = wanted;
  return 0;
}

void EpollBackend::submit(Operation& operation) {
  const auto index = static_cast<std::size_t>(operation.fd);
  // First, or a number that is no descriptor would make a table of its size.
  if (!sys::is_open(operation.fd)) {
    sys::throw_errno(EBADF, fmt::format("watching descriptor {}", operation.fd));
  }
  if (index >= entries_.size()) entries_.resize(index + 1);
  Entry& entry = entries_[index];
  Operation* const before = std::exchange(place(entry, operation), &operation);
  // One that replaces another may be for a descriptor that was closed and opened anew meanwhile.
  if (const int error = update(operation.fd, entry, before != nullptr)) {
    place(entry, operation) = before;
    if (error == EEXIST) {
      throw_runtime_error(fmt::format(
          "descriptor {} is used by a transport or a socket of this loop; use that instead",
          operation.fd));
    }
    sys::throw_errno(
        error,
        fmt::format("watching descriptor {} for {}", operation.fd,
                    operation.kind == Operation::Kind::watch_readable ? "reading" : "writing"));
  }
  ++pending_;
  ++watched;
}

void EpollBackend::cancel(Operation& operation) noexcept {
  Entry& entry = entries_[static_cast<std::size_t>(operation.fd)];
  --pending_;
  --watched;
  if (place(entry, operation) != &operation) return;  // another one has taken its place
  place(entry, operation) = nullptr;
  (void)update(operation.fd, entry, false);
}

std::unique_ptr<Endpoint> EpollBackend::open(int fd, Descriptor kind) {
  const auto index = static_cast<std::size_t>(fd);
  auto endpoint = endpoints_.open(fd, kind);
  // One that was watched, and closed without telling us, had this number.
  if (index < entries_.size()) entries_[index].armed = 0;
  return endpoint;
}

void EpollBackend::dispatch(const epoll_event& event) {
  const auto index = static_cast<std::size_t>(event.data.u64 & 0xffffffffU);
  Entry& entry = entries_[index];
  if (entry.generation != (event.data.u64 >> 32 & generations)) return;
  // An error or a hang-up makes the descriptor readable and writable: the callback's own call
  // will see it.
  const bool broken = (event.events & ~std::uint32_t{EPOLLIN | EPOLLOUT}) != 0;
  if (entry.reader != nullptr && (broken || (event.events & EPOLLIN) != 0)) {
    entry.reader->complete(*entry.reader, 0);
  }
  if (entry.writer != nullptr && (broken || (event.events & EPOLLOUT) != 0)) {
    entry.writer->complete(*entry.writer, 0);
  }
}

bool EpollBackend::has_come(std::int64_t deadline) const {
  // The coarse clock is behind by a tick, at most by ten milliseconds, and is cheaper.
  constexpr std::int64_t far = 100'000'000;
  return deadline <= sys::coarse_now() + far && deadline <= now();
}

std::int64_t EpollBackend::wait_until(std::int64_t deadline) const {
  std::int64_t wait = 0;
  if (deadline == never) {
    wait = never;
  } else if (deadline > 0) {
    wait = std::min(deadline - now(), longest_wait);
  }
  return wait <= 0 ? 0 : std::min(wait, return_idle_memory());
}

bool EpollBackend::poll(std::int64_t deadline, bool /*outside_work*/) {
  const std::int64_t wait = wait_until(deadline);
  const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
  epoll_event events[256];
  const int n = sys::epoll_wait(endpoints_.epoll, events, 256, wait == never ? nullptr : &timeout);
  if (n < 0 && errno != EINTR) sys::throw_errno(errno, "epoll_wait");
  for (int i = 0; i < n; ++i) {
    const std::uint64_t origin = events[i].data.u64;
    if ((origin & watch_tag) == 0) {
      EpollEndpoints::at(origin)->happened(events[i].events);
    } else if (origin != wake_tag) {
      dispatch(events[i]);
    }
  }
  return true;
}

}  // namespace

std::unique_ptr<Backend> make_epoll_backend() { return std::make_unique<EpollBackend>(); }

}  // namespace asyncio::detail
