#include "net/sending_hold.hpp"

#include "io/system.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace asyncio::detail {

SendingHold::SendingHold(Ref<TransportState> transport, const char* who)
    : transport_(std::move(transport)), who_(who) {
  transport_->hold_sending(*this);
}

SendingHold::~SendingHold() { transport_->release_sending(); }

void SendingHold::check_open() const {
  if (!transport_->is_closing()) return;
  if (transport_->failure()) raise(transport_->failure());
  sys::throw_errno(ECONNABORTED, fmt::format("{}: the connection was closed meanwhile", who_));
}

Coro<> SendingHold::until_sent() {
  check_open();
  while (transport_->unsent() > 0) co_await woken();
}

}  // namespace asyncio::detail
