#include "io/endpoint_epoll.hpp"

#include <asyncio/error.hpp>

#include "io/system.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace asyncio::detail {

// --- one ----------------------------------------------------------------------------------------

EpollEndpoint::EpollEndpoint(EpollEndpoints& all, int fd, Descriptor kind) noexcept
    : Endpoint(fd), kind_(kind), all_(&all), next_(all.first_) {
  if (next_ != nullptr) next_->previous_ = this;
  all.first_ = this;
  ++*all.watched;
}

EpollEndpoint::~EpollEndpoint() {
  const int fd = release();
  if (fd >= 0) sys::close(fd);
}

int EpollEndpoint::release() noexcept {
  const int fd = std::exchange(fd_, -1);
  if (all_ == nullptr || fd < 0) return fd;
  // Also if it is closed next: a forked child may keep the registration alive. Not in that child,
  // which shares its parent's.
  if (all_->forks == sys::forks()) sys::epoll_control(all_->epoll, EPOLL_CTL_DEL, fd, 0, 0);
  for (const Way way : {Way::read, Way::write}) {
    if (awaited(way)) --all_->waits;
  }
  leave();
  tell(Way::read);  // who still waits is to find it gone
  tell(Way::write);
  return fd;
}

// What may be registered under its number is not this one.
void EpollEndpoint::give_back() noexcept {
  fd_ = -1;
  leave();
}

void EpollEndpoint::leave() noexcept {
  (previous_ == nullptr ? all_->first_ : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  --*all_->watched;
  all_ = nullptr;
}

IoResult EpollEndpoint::receive(std::span<std::byte> into) noexcept {
  if (!may(Way::read)) return would_block;
  const IoResult got = kind_ == Descriptor::socket ? sys::receive(fd_, into.data(), into.size())
                                                   : sys::read(fd_, into.data(), into.size());
  const bool less = got > 0 && got < static_cast<IoResult>(into.size());
  if (got == would_block || (less && gives_all())) exhausted(Way::read);
  return got;
}

// Less than there was room for: nothing is left, and an edge will tell of more. Not so at the end,
// for which no edge comes again, nor before urgent data. And only of TCP: others give a datagram, a
// line or what came with a descriptor at a time.
bool EpollEndpoint::gives_all() noexcept {
  if (hung_up() || urgent_ || kind_ != Descriptor::socket) return false;
  if (protocol_ < 0 && sys::get_option(fd_, SOL_SOCKET, SO_PROTOCOL, protocol_) < 0) return false;
  return protocol_ == IPPROTO_TCP;
}

// Edges tell of what comes after this call.
bool EpollEndpoint::drained() const noexcept { return known_empty() || !sys::is_readable(fd_); }

IoResult EpollEndpoint::send(const iovec* parts, int count) noexcept {
  if (!may(Way::write)) return would_block;
  const IoResult sent = kind_ == Descriptor::socket ? sys::send(fd_, parts, count)
                                                    : sys::write_pipe(fd_, parts, count);
  if (sent == would_block) exhausted(Way::write);
  return sent;
}

IoResult EpollEndpoint::send_file(int file, std::int64_t position, std::size_t size) noexcept {
  if (!may(Way::write)) return would_block;
  const IoResult sent = sys::send_file(fd_, file, position, size);
  if (sent == would_block) exhausted(Way::write);
  return sent;
}

IoResult EpollEndpoint::finish_sending() noexcept { return sys::shutdown_sending(fd_); }

IoResult EpollEndpoint::accept(sockaddr* address, unsigned* size) noexcept {
  if (!may(Way::read)) return would_block;
  const IoResult accepted = sys::accept(fd_, address, size);
  if (accepted == would_block) exhausted(Way::read);
  return accepted;
}

void EpollEndpoint::wait(Way way, IoObserver& observer) noexcept {
  observers_[index(way)] = &observer;
  if (all_ != nullptr) ++all_->waits;
}

void EpollEndpoint::stop_waiting(Way way) noexcept {
  if (std::exchange(observers_[index(way)], nullptr) != nullptr && all_ != nullptr) --all_->waits;
}

void EpollEndpoint::happened(std::uint32_t events) noexcept {
  constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;
  constexpr std::uint32_t over = broken | EPOLLRDHUP;
  if ((events & over) != 0) hung_up_ = true;
  if ((events & EPOLLPRI) != 0) urgent_ = true;
  if ((events & (EPOLLIN | EPOLLPRI | over)) != 0 && may_again(Way::read)) --all_->waits;
  if ((events & (EPOLLOUT | broken)) != 0 && may_again(Way::write)) --all_->waits;
}

// --- all ----------------------------------------------------------------------------------------

std::unique_ptr<Endpoint> EpollEndpoints::open(int fd, Descriptor kind) {
  auto endpoint = std::make_unique<EpollEndpoint>(*this, fd, kind);
  constexpr std::uint32_t events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  const auto origin = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(endpoint.get()));
  if (sys::epoll_control(epoll, EPOLL_CTL_ADD, fd, events, origin) == 0) return endpoint;
  const int error = errno;
  endpoint->give_back();
  if (error == EEXIST) {
    throw_runtime_error(fmt::format(
        "descriptor {} is watched by this loop already; call remove_reader() and remove_writer()",
        fd));
  }
  sys::throw_errno(error, fmt::format("watching descriptor {}", fd));
}

bool EpollEndpoints::has(int fd) const noexcept {
  for (const EpollEndpoint* at = first_; at != nullptr; at = at->next_) {
    if (at->fd() == fd) return true;
  }
  return false;
}

void EpollEndpoints::forget_all() noexcept {
  while (first_ != nullptr) first_->leave();
}

}  // namespace asyncio::detail
