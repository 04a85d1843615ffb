#include "net/listener.hpp"

#include <asyncio/error.hpp>
#include <asyncio/exception_context.hpp>

#include "base/log.hpp"
#include "io/system.hpp"
#include "net/net_errors.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace asyncio::detail {
namespace {

// The one connection is broken, or refused by the system's rules; the next one may be good.
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
  }
}

// Closes it if it cannot be watched.
std::unique_ptr<Endpoint> endpoint_of(LoopState& loop, int accepted) {
  try {
    return loop.backend().open(accepted, Descriptor::socket);
  } catch (...) {
    sys::close(accepted);
    throw;
  }
}

}  // namespace

// The pause's own slot is the heap's affair; this one is for the turn.
Listener::Listener(ServerState& server, std::unique_ptr<Endpoint> endpoint)
    : server_(server), endpoint_(std::move(endpoint)) {
  server.loop().ready.reserve();
}

Listener::~Listener() {
  server_.loop().disarm(pause_);
  server_.loop().ready.unreserve();
}

void Listener::listen(int backlog) {
  if (const int error = -sys::listen(endpoint_->fd(), backlog)) {
    sys::throw_errno(error, "listen at " + local_address(endpoint_->fd()).str());
  }
  push();
}

bool Listener::close() noexcept {
  server_.loop().disarm(pause_);
  endpoint_->stop_waiting(Way::read);
  endpoint_.reset();
  return queued_ || accepting_;
}

void Listener::Readable::is(IoObserver& self) noexcept {
  static_cast<Readable&>(self).listener.push();
}

// The server stays while the turn is queued; so does the listener, see ServerState::close().
void Listener::push() noexcept {
  if (std::exchange(queued_, true)) return;
  server_.add_ref();
  server_.loop().ready.push(turn_);
}

void Listener::Turn::run(ReadyCall& self, ReadyAction action) {
  Listener& listener = static_cast<Turn&>(self).listener;
  const auto server = Ref<ServerState>::adopt(&listener.server_);
  struct End {
    Listener& listener;
    ~End() {
      listener.accepting_ = false;
      if (listener.server_.closed() && !listener.queued_) listener.server_.forget(listener);
    }
  };
  const End end{listener};
  listener.queued_ = false;
  if (action != ReadyAction::run || server->closed()) return;
  listener.accepting_ = true;
  listener.accept_waiting();
}

void Listener::Pause::ended(ReadyCall& self, ReadyAction action) {
  Listener& listener = static_cast<Pause&>(static_cast<Timer&>(self)).listener;
  listener.server_.loop().ready.unreserve();
  if (action == ReadyAction::run) listener.push();
}

// As many as the backlog holds, then others have their turn.
void Listener::accept_waiting() {
  for (int i = 0; i < std::max(server_.backlog_, 1); ++i) {
    if (!accept_one() || server_.closed()) return;
  }
  push();
}

bool Listener::accept_one() {
  sockaddr_storage raw{};
  unsigned size = sizeof raw;
  auto* generic = reinterpret_cast<sockaddr*>(&raw);
  const IoResult fd = endpoint_->accept(generic, &size);
  if (fd == would_block) {
    endpoint_->wait(Way::read, readable_);
    return false;
  }
  if (fd < 0) {
    if (concerns_one_connection(static_cast<int>(-fd))) return true;
    failed(static_cast<int>(-fd));
    return false;
  }
  try {
    server_.accepted(endpoint_of(server_.loop(), static_cast<int>(fd)), Address(generic, size));
  } catch (const KeyboardInterrupt&) {
    if (!server_.closed()) push();
    throw;
  } catch (...) {
    report("a connection that was accepted could not be set up; it is closed",
           std::current_exception());
  }
  return true;
}

// Others may give back what is lacking; meanwhile the system keeps who wants to connect.
void Listener::failed(int error) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  std::exception_ptr reason;
  try {
    reason = system_error(error, "accept at " + local_address(endpoint_->fd()).str());
  } catch (...) {
    reason = std::current_exception();
  }
  try {
    server_.loop().arm(pause_, server_.loop().now() + second);
  } catch (...) {
    push();  // there is no memory even for a timer
  }
  // Last: who is told may close the server.
  report("socket.accept() out of system resource; accepting again in a second", reason);
}

void Listener::report(const char* message, const std::exception_ptr& error) noexcept {
  try {
    ExceptionContext context;
    context.message = message;
    context.exception = error;
    server_.loop().report(context);
  } catch (...) {
    log(LogLevel::error, message);
  }
}

}  // namespace asyncio::detail
