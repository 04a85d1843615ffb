#include "http/connection_alarm.hpp"

#include "http/server_connection.hpp"

#include <utility>

namespace asyncio::http::detail {

using asyncio::detail::ReadyAction;
using asyncio::detail::ReadyCall;

void ConnectionAlarm::Bell::ring(ReadyCall& self, ReadyAction action) {
  auto* bell = static_cast<Bell*>(static_cast<Timer*>(&self));
  ConnectionAlarm* owner = bell->owner;
  bell->loop->ready.unreserve();
  delete bell;
  if (owner == nullptr) return;
  owner->bell_ = nullptr;
  owner->rings_at_ = never;
  if (action == ReadyAction::run) owner->connection_.time_is_over();
}

void ConnectionAlarm::set(std::int64_t deadline) {
  turn_off();
  auto* bell = new Bell(*this);
  try {
    loop_.arm(*bell, deadline);
  } catch (...) {
    delete bell;
    throw;
  }
  bell_ = bell;
  rings_at_ = deadline;
}

void ConnectionAlarm::turn_off() noexcept {
  Bell* bell = std::exchange(bell_, nullptr);
  rings_at_ = never;
  if (bell == nullptr) return;
  bell->owner = nullptr;
  if (!bell->armed()) return;  // in the queue: ring() frees it
  loop_.disarm(*bell);
  delete bell;
}

}  // namespace asyncio::http::detail
