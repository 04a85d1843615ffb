#include "loop/watchers.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

struct Watchers::Watch final : Operation, RepeatedCall {
  using RepeatedCall::RepeatedCall;

  // One call per poll: a reader that is queued already is not queued twice.
  static void on_ready(Operation& operation, int) { static_cast<Watch&>(operation).push(); }
};

void Watchers::add(Backend& backend, int fd, bool writing, HandleState* handle) {
  auto owned = Ref<HandleState>::adopt(handle);
  if (fd < 0)
    throw_invalid_argument(fmt::format("{}: invalid file descriptor {}; open it first",
                                       writing ? "add_writer()" : "add_reader()", fd));
  auto* watch = new Watch(scheduler_, std::move(owned));
  watch->kind = writing ? Operation::Kind::watch_writable : Operation::Kind::watch_readable;
  watch->fd = fd;
  watch->complete = &Watch::on_ready;
  Watch* old = nullptr;
  try {
    old = install(backend, {fd, writing}, *watch);
  } catch (...) {
    watch->end();
    throw;
  }
  // Last: what the old callback holds may call add() and remove() as it goes.
  if (old != nullptr) drop(backend, old);
}

Watchers::Watch* Watchers::install(Backend& backend, Key key, Watch& watch) {
  Watch*& place = watches_[key];
  try {
    backend.submit(watch);
  } catch (...) {
    if (place == nullptr) watches_.erase(key);
    throw;
  }
  return std::exchange(place, &watch);
}

bool Watchers::remove(Backend& backend, int fd, bool writing) noexcept {
  const auto at = watches_.find({fd, writing});
  if (at == watches_.end()) return false;
  Watch* watch = at->second;
  watches_.erase(at);
  drop(backend, watch);
  return true;
}

void Watchers::clear(Backend& backend) noexcept {
  while (!watches_.empty()) {
    remove(backend, watches_.begin()->first.first, watches_.begin()->first.second);
  }
}

void Watchers::drop(Backend& backend, Watch* watch) noexcept {
  backend.cancel(*watch);
  watch->end();
}

}  // namespace asyncio::detail
