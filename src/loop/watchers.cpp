#include "loop/watchers.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

struct Watchers::Watch : Operation, ReadyCall {
  Watch() noexcept : ReadyCall{&Watch::run} {}

  Scheduler* scheduler;
  Ref<HandleState> handle;
  bool queued = false;
  bool removed = false;

  // One call per poll: a reader that is queued already is not queued twice.
  static void on_ready(Operation& operation, int) {
    auto& self = static_cast<Watch&>(operation);
    if (std::exchange(self.queued, true)) return;
    self.scheduler->ready.push(self);
  }

  static void run(ReadyCall& call, ReadyAction action) {
    auto* self = static_cast<Watch*>(&call);
    self->queued = false;
    if (self->removed) {
      self->scheduler->ready.unreserve();
      delete self;
      return;
    }
    const Ref<HandleState> handle = self->handle;  // the callback may remove the watcher
    if (action == ReadyAction::run && !handle->cancelled()) handle->invoke();
  }
};

HandleState* Watchers::handle_of(const ReadyEntry& entry) noexcept {
  return entry.calls(&Watch::run) ? static_cast<Watch&>(entry.call()).handle.get() : nullptr;
}

void Watchers::add(Backend& backend, int fd, bool writing, HandleState* handle) {
  auto owned = Ref<HandleState>::adopt(handle);
  if (fd < 0)
    throw_invalid_argument(fmt::format("{}: invalid file descriptor {}; open it first",
                                       writing ? "add_writer()" : "add_reader()", fd));
  auto watch = std::make_unique<Watch>();
  watch->kind = writing ? Operation::Kind::watch_writable : Operation::Kind::watch_readable;
  watch->fd = fd;
  watch->complete = &Watch::on_ready;
  watch->scheduler = &scheduler_;
  watch->handle = std::move(owned);
  scheduler_.ready.reserve();
  Watch* old = nullptr;
  try {
    old = install(backend, {fd, writing}, std::move(watch));
  } catch (...) {
    scheduler_.ready.unreserve();
    throw;
  }
  // Last: what the old callback holds may call add() and remove() as it goes.
  if (old != nullptr) drop(backend, old);
}

Watchers::Watch* Watchers::install(Backend& backend, Key key, std::unique_ptr<Watch> watch) {
  Watch*& place = watches_[key];
  try {
    backend.submit(*watch);
  } catch (...) {
    if (place == nullptr) watches_.erase(key);
    throw;
  }
  return std::exchange(place, watch.release());
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
  watch->removed = true;
  watch->handle->cancel();
  if (watch->queued) return;  // run() deletes it when its turn comes
  scheduler_.ready.unreserve();
  delete watch;
}

}  // namespace asyncio::detail
