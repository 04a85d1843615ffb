#include "net/server_state.hpp"

#include <asyncio/error.hpp>

#include "io/system.hpp"
#include "net/listener.hpp"
#include "net/net_errors.hpp"
#include "net/net_service.hpp"
#include "net/server_task.hpp"

#include <utility>

namespace asyncio::detail {

ServerState::ServerState(LoopState& loop, const char* who, const ServerOptions& options)
    : loop_(&loop), who_(who), tls_(who, options), backlog_(options.backlog) {
  NetService::of(loop).enter(*this);
}

ServerState::~ServerState() {
  close();
  if (loop_ != nullptr) NetService::of(*loop_).leave(*this);
}

void ServerState::add(std::unique_ptr<Endpoint> endpoint) {
  listeners_.push_back(std::make_unique<Listener>(*this, std::move(endpoint)));
}

void ServerState::start_serving() {
  if (closed_) throw_runtime_error("start_serving(): the server is closed; start a new one");
  if (std::exchange(serving_, true)) return;
  add_ref();  // it serves although nobody may have a handle, until it is closed
  try {
    for (const auto& listener : listeners_) listener->listen(backlog_);
  } catch (...) {
    close();
    throw;
  }
}

void ServerState::close() noexcept {
  if (std::exchange(closed_, true)) return;
  if (!file_.path.empty()) {
    sys::FileStatus now;
    // Not if somebody has put another one in its place.
    if (sys::status_of(file_.path.c_str(), now) == 0 && now.device == file_.device &&
        now.inode == file_.inode) {
      sys::unlink(file_.path.c_str());
    }
  }
  // Who has a turn in the ready queue goes when that comes.
  std::erase_if(listeners_, [](const auto& listener) { return !listener->close(); });
  closings.wake_all();
  if (active_ == 0) ends.wake_all();
  if (std::exchange(serving_, false)) drop_ref();
}

void ServerState::forget(const Listener& gone) noexcept {
  std::erase_if(listeners_, [&](const auto& listener) { return listener.get() == &gone; });
}

void ServerState::abandon() noexcept {
  const Ref<ServerState> self(this);
  close();
  while (ServerTask* task = running_tasks.first()) task->abandon();
  loop_ = nullptr;
}

std::vector<Address> ServerState::addresses() const {
  std::vector<Address> result;
  if (closed_) return result;
  for (const auto& listener : listeners_) {
    result.push_back(local_address(listener->endpoint().fd()));
  }
  return result;
}

void ServerState::detach() noexcept {
  if (--active_ == 0 && closed_) ends.wake_all();
  drop_ref();
}

std::vector<AnyTask> ServerState::tasks() const {
  std::vector<AnyTask> result;
  for (const ServerTask* at = running_tasks.first(); at != nullptr; at = running_tasks.after(*at)) {
    result.push_back(at->task());
  }
  return result;
}

}  // namespace asyncio::detail
