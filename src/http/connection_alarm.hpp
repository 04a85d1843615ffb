#pragma once

#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/detail/scheduler.hpp>

#include <cstdint>
#include <limits>

namespace asyncio::http::detail {

class ServerConnection;

/// The timer of a connection: one for all its limits and all its requests. A deadline that moves
/// away leaves it where it is; it then rings too early, and looks.
class ConnectionAlarm {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  ConnectionAlarm(asyncio::detail::Scheduler& loop, ServerConnection& connection) noexcept
      : loop_(loop), connection_(connection) {}
  ConnectionAlarm(const ConnectionAlarm&) = delete;
  ConnectionAlarm& operator=(const ConnectionAlarm&) = delete;
  ~ConnectionAlarm() { turn_off(); }

  [[nodiscard]] std::int64_t now() const { return loop_.now(); }
  /// Calls ServerConnection::time_is_over() then, or before. Throws: std::bad_alloc.
  void ring_by(std::int64_t deadline) {
    if (deadline < rings_at_) set(deadline);
  }

 private:
  // Apart, since its turn may come when the connection is gone.
  struct Bell : asyncio::detail::Pooled, asyncio::detail::Timer {
    explicit Bell(ConnectionAlarm& alarm) noexcept
        : Timer(&Bell::ring), owner(&alarm), loop(&alarm.loop_) {}
    static void ring(asyncio::detail::ReadyCall& self, asyncio::detail::ReadyAction action);
    ConnectionAlarm* owner;  // null: turned off while it was in the queue
    asyncio::detail::Scheduler* loop;
  };

  void set(std::int64_t deadline);
  void turn_off() noexcept;

  asyncio::detail::Scheduler& loop_;
  ServerConnection& connection_;
  Bell* bell_ = nullptr;
  std::int64_t rings_at_ = never;
};

}  // namespace asyncio::http::detail
