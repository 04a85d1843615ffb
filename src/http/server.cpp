#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/http_server.hpp>

#include "http/server_connection.hpp"
#include "http/server_core.hpp"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

namespace asyncio::http {

using asyncio::detail::Ref;
using asyncio::detail::throw_runtime_error;

namespace detail {

std::string_view ServerCore::date() {
  const std::time_t now = std::time(nullptr);
  if (now != dated_) {
    date_ = date_line(now);
    dated_ = now;
  }
  return date_;
}

void ServerCore::close_connections() noexcept {
  closing_ = true;
  for (auto* c = connections.first(); c != nullptr; c = connections.after(*c)) c->server_closes();
}

/// What handles of a server share. Not what its connections do: these keep the core alone, so that
/// nothing keeps itself alive.
class ServerState {
 public:
  explicit ServerState(const ServerLimits& limits)
      : core(Ref<ServerCore>::adopt(new ServerCore(limits))) {}

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  Ref<ServerCore> core;
  std::vector<asyncio::Server> listening;

 private:
  unsigned users_ = 1;
};

namespace {

/// Handles a client of asyncio::Server.
class Serve {
 public:
  explicit Serve(Ref<ServerCore> core) noexcept : core_(std::move(core)) {}
  Coro<> operator()(const StreamReader& reader, const StreamWriter& writer) const {
    return serve(core_, reader, writer);
  }

 private:
  Ref<ServerCore> core_;
};

void check_open(const ServerState& state, const char* who) {
  if (!state.core->closing()) return;
  throw_runtime_error(std::string(who) + ": the server is closed; make a new one");
}

Coro<> add_listening(Ref<ServerState> state, Coro<asyncio::Server> starting) {
  asyncio::Server server = co_await std::move(starting);
  // It may have been closed meanwhile.
  if (state->core->closing()) server.close();
  state->listening.push_back(server);
}

Coro<> until_all_closed(std::vector<asyncio::Server> servers) {
  for (const asyncio::Server& server : servers) co_await server.wait_closed();
}

Coro<> serve_until_closed(Ref<ServerState> state) {
  check_open(*state, "serve_forever()");
  const std::vector<asyncio::Server> servers = state->listening;
  if (servers.empty()) {
    throw_runtime_error("serve_forever(): the server listens nowhere; await start() before");
  }
  for (const asyncio::Server& server : servers) server.start_serving();
  auto end = co_await as_result(servers.front().serve_forever());
  if (end) co_return;
  state->core->close_connections();
  for (const asyncio::Server& server : servers) {
    server.close();
    server.close_clients();
  }
  auto ended = co_await as_result(until_all_closed(servers));
  end.value();
}

Coro<> shut_down(Ref<ServerState> state, Duration deadline) {
  const std::vector<asyncio::Server> servers = state->listening;
  const TimePoint until = get_running_loop().time() + deadline;
  for (const asyncio::Server& server : servers) {
    const Duration left = until - get_running_loop().time();
    co_await server.shutdown(std::max(left, Duration()));
  }
}

}  // namespace
}  // namespace detail

using detail::ServerState;

Server::Server(ServerLimits limits) : state_(Ref<ServerState>::adopt(new ServerState(limits))) {}
Server::Server(const Server&) noexcept = default;
Server& Server::operator=(Server other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Server::~Server() = default;

void Server::add(std::string_view method, std::string_view pattern, detail::Handler handler) {
  state_->core->router.add(method, pattern, std::move(handler));
}
void Server::set_fallback(detail::Handler handler) {
  state_->core->fallbacks.push_front(std::move(handler));
}

Coro<> Server::start(std::string_view host, std::uint16_t port, ServerOptions options) {
  detail::check_open(*state_, "start()");
  return detail::add_listening(state_,
                               start_server(detail::Serve(state_->core), host, port, options));
}
Coro<> Server::start_unix(std::string_view path, ServerOptions options) {
  detail::check_open(*state_, "start_unix()");
  return detail::add_listening(state_,
                               start_unix_server(detail::Serve(state_->core), path, options));
}

std::vector<Address> Server::sockets() const {
  std::vector<Address> all;
  for (const asyncio::Server& server : state_->listening) {
    const std::vector<Address> some = server.sockets();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}
std::size_t Server::clients() const noexcept {
  std::size_t all = 0;
  for (const asyncio::Server& server : state_->listening) all += server.clients();
  return all;
}

Coro<> Server::serve_forever() { return detail::serve_until_closed(state_); }
void Server::close() noexcept {
  for (const asyncio::Server& server : state_->listening) server.close();
  state_->core->close_connections();
}
Coro<> Server::wait_closed() { return detail::until_all_closed(state_->listening); }
Coro<> Server::shutdown(Duration deadline) {
  close();
  return detail::shut_down(state_, deadline);
}

}  // namespace asyncio::http
