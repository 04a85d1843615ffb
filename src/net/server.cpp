#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/server.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/wait_for.hpp>

#include "base/log.hpp"
#include "net/net_service.hpp"
#include "net/server_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace asyncio {

using detail::NetService;
using detail::Ref;
using detail::ServerState;

Server::Server(Ref<ServerState> state) noexcept : state_(std::move(state)) {}
Server::Server(const Server&) noexcept = default;
Server& Server::operator=(Server other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Server::~Server() = default;

std::vector<Address> Server::sockets() const { return state_->addresses(); }
bool Server::is_serving() const noexcept { return state_->serving(); }
EventLoop& Server::get_loop() const {
  if (!state_->has_loop()) {
    detail::throw_runtime_error("get_loop(): the event loop of this server was closed");
  }
  return *state_->loop().loop;
}
std::size_t Server::clients() const noexcept { return state_->active() - state_->pairs; }
void Server::start_serving() const { state_->start_serving(); }
void Server::close() const noexcept { state_->close(); }

void Server::close_clients() const noexcept {
  if (state_->active() > 0) NetService::of(state_->loop()).end_clients(*state_, false);
}
void Server::abort_clients() const noexcept {
  if (state_->active() > 0) NetService::of(state_->loop()).end_clients(*state_, true);
}

std::string Server::repr() const {
  std::string text = "<Server";
  for (const Address& address : sockets()) text += " " + address.str();
  return text + (state_->closed() ? " closed>" : ">");
}

// --- waiting ------------------------------------------------------------------------------------

namespace {

/// A place in a line of a server that is kept alive by whoever waits.
class LineEnd : public detail::LineWait {
 public:
  explicit LineEnd(detail::WaitLine& line) noexcept : LineWait(ops), line_(&line) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    line_->join(*this);
  }
  void await_resume() {
    leave();
    detail::running_task()->throw_delivery_if_any();
  }

 private:
  static constexpr Ops ops = ops_of("a Server");
  detail::WaitLine* line_;
};

Coro<> until_ended(Ref<ServerState> server) {
  while (!server->closed() || server->active() > 0) co_await LineEnd(server->ends);
}

Coro<> until_closed(Ref<ServerState> server) {
  while (!server->closed()) co_await LineEnd(server->closings);
}

Coro<> end_serving(Ref<ServerState> server) {
  server->serving_forever = false;
  server->close();
  co_await until_ended(server);
}

Coro<> serve_until_closed(Ref<ServerState> server) {
  if (server->serving_forever) {
    detail::throw_runtime_error(
        "serve_forever(): the server is already being awaited on serve_forever() by another task; "
        "use wait_closed() there");
  }
  if (server->closed()) {
    detail::throw_runtime_error("serve_forever(): the server is closed; start a new one");
  }
  server->start_serving();
  server->serving_forever = true;
  auto closed = co_await as_result(until_closed(server));
  server->serving_forever = false;
  if (closed) co_return;
  server->close();
  // Or an idle client would keep the program alive: CPython before 3.13.1.
  NetService::of(server->loop()).end_clients(*server, false);
  auto ended = co_await as_result(until_ended(server));
  const detail::Failure failure = detail::failure_of(closed);
  if (!ended) detail::raise_after(detail::failure_of(ended), failure);
  detail::raise(failure);
}

}  // namespace

Coro<> Server::serve_forever() const { return serve_until_closed(state_); }
Coro<> Server::wait_closed() const { return until_ended(state_); }
Coro<> Server::aexit(std::exception_ptr) const { return end_serving(state_); }

// --- the whole way down -------------------------------------------------------------------------

namespace {

// The coroutines of users' that a handler is in, the innermost last.
std::string place_of(const AnyTask& handler) {
  std::string place;
  for (const StackFrame& f : handler.get_stack()) {
    if (f.function.starts_with("asyncio::")) continue;
    place += fmt::format("\n  File \"{}\", line {}, in {}", f.file, f.line, f.function);
  }
  return place;
}

// Those that have not ended, each with a report of where it waits.
std::vector<AnyTask> report_stragglers(const ServerState& server, const char* what) {
  std::vector<AnyTask> tasks = server.tasks();
  for (const AnyTask& task : tasks) {
    detail::log(LogLevel::warning,
                fmt::format("Server.shutdown(): {}: {}{}", what, task.repr(), place_of(task)));
  }
  return tasks;
}

// Returns: false if it took too long.
Coro<bool> ends_within(Ref<ServerState> server, Duration limit) {
  auto ended = co_await as_result(wait_for(until_ended(server), limit));
  if (ended) co_return true;
  if (ended.cancelled()) detail::raise(detail::failure_of(ended));
  co_return false;
}

// Nobody can do with less, whatever the deadline.
constexpr Duration to_unwind = std::chrono::seconds(1);

Coro<> shut_down(Ref<ServerState> server, Duration deadline) {
  server->close();
  if (co_await ends_within(server, deadline)) co_return;
  const std::vector<AnyTask> stragglers = report_stragglers(*server, "cancelled at the deadline");
  for (const AnyTask& task : stragglers) task.cancel();
  // A handler's connection is closed when that ends, with a last word if it has one.
  if (stragglers.empty() && server->active() > 0) {
    NetService::of(server->loop()).end_clients(*server, false);
  }
  if (co_await ends_within(server, std::max(deadline, to_unwind))) co_return;
  (void)report_stragglers(*server, "ignores its cancellation and is left");
  if (server->active() == 0) co_return;
  NetService::of(server->loop()).end_clients(*server, true);
  co_await sleep(Duration());  // they end in a turn of their own
}

}  // namespace

Coro<> Server::shutdown(Duration deadline) const { return shut_down(state_, deadline); }

}  // namespace asyncio
