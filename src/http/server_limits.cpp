// What a client of a server may cost: time.

#include <asyncio/detail/task_state.hpp>

#include "http/server_connection.hpp"

#include <algorithm>
#include <utility>

namespace asyncio::http::detail {

void ServerConnection::server_closes() noexcept {
  stays_ = false;
  if (idle_) dismiss();
}

// HeadWait finds the end. An answer to TLS's goodbye is not waited for: a client that keeps an idle
// connection looks at it before its next request only.
void ServerConnection::dismiss() noexcept {
  writer_.close();
  if (writer_.get_write_buffer_size() == 0) writer_.abort();
}

void ServerConnection::watch(Limit what, std::optional<Duration> time) {
  limit_ = Limit::none;
  if (!time) return;
  const TimePoint now(Duration::nanoseconds(alarm_.now()));
  limit_at_ = (now + *time).since_epoch().nanoseconds();
  limit_ = what;
  if (limit_at_ != ConnectionAlarm::never) alarm_.ring_by(limit_at_);
}

void ServerConnection::time_is_over() noexcept {
  const std::int64_t now = alarm_.now();
  try {
    if (handler_until_ <= now) {
      handler_until_ = ConnectionAlarm::never;
      cancel_handler(503);
    }
    if (limit_ != Limit::none && limit_at_ <= now) {
      limit_is_over(std::exchange(limit_, Limit::none));
    }
    const std::int64_t limit_at = limit_ == Limit::none ? ConnectionAlarm::never : limit_at_;
    const std::int64_t next = std::min(handler_until_, limit_at);
    if (next != ConnectionAlarm::never) alarm_.ring_by(next);
  } catch (...) {
    abort();  // there is no memory to wait for it any longer
  }
}

void ServerConnection::limit_is_over(Limit what) {
  switch (what) {
    case Limit::none: return;
    case Limit::idle: dismiss(); return;
    case Limit::head:
      forget_request();
      stays_ = false;
      send_after_error(408, "the request took too long to come\n");
      flush();
      if (writer_.can_write_eof()) writer_.write_eof();
      dropped_ = 0;
      leaving_ = true;  // HeadWait drops what comes, so that the client can read this
      watch(Limit::leave, time_to_leave);
      return;
    case Limit::body: cancel_handler(408); return;
    case Limit::write:
      if (writer_.get_write_buffer_size() >= unsent_before_) return writer_.abort();
      unsent_before_ = writer_.get_write_buffer_size();
      watch(Limit::write, core_.limits.write_time);
      return;
    case Limit::leave: writer_.abort(); return;
  }
}

void ServerConnection::cancel_handler(int status) noexcept {
  if (late_status_ != 0) return;
  late_status_ = status;
  (void)task_->cancel({});
}

}  // namespace asyncio::http::detail
