// How a connection of a server receives bodies, when a handler asks for them.

#include <asyncio/error.hpp>

#include "http/server_connection.hpp"

#include <algorithm>
#include <utility>

namespace asyncio::http::detail {

// Returns: false if there is nothing to wait for.
bool ServerConnection::begin_wait_for_body() {
  if (requests_.body_over()) return false;
  if (lost_with_ != nullptr) std::rethrow_exception(lost_with_);
  if (requests_.error()) throw_bad_body();
  check_body_limit(requests_.body_left());
  if (std::exchange(asks_for_body_, false) && answer_ == Answer::none) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  flush();
  return true;
}

void ServerConnection::end_wait_for_body(std::size_t received) {
  body_received_ += received;
  check_body_limit(0);
  if (requests_.error()) throw_bad_body();
  if (!at_end_) return;
  note_loss(std::make_exception_ptr(IncompleteReadError({}, std::nullopt)));
  std::rethrow_exception(lost_with_);
}

void ServerConnection::throw_bad_body() {
  stays_ = false;
  linger_ = true;
  throw Abort(requests_.error().status, std::string(requests_.error().why) + "\n");
}

void ServerConnection::check_body_limit(std::uint64_t more) {
  if (!body_limit_ || (more <= *body_limit_ && body_received_ <= *body_limit_ - more)) return;
  too_much_ = true;
  throw Abort(413, "the body is too long\n");
}

Coro<std::string> ServerConnection::read_body() {
  // What a client announces costs it nothing: only so much is believed.
  constexpr std::uint64_t believed = std::uint64_t{64} * 1024;
  std::string body;
  body.reserve(std::min(requests_.body_left(), believed));
  const Watch limit(*this, Limit::body, core_.limits.idle_time);
  while (begin_wait_for_body()) {
    const std::size_t before = body.size();
    co_await BodyWait(*this, &body);
    end_wait_for_body(body.size() - before);
    watch(Limit::body, core_.limits.idle_time);
  }
  co_return body;
}

Coro<std::optional<std::string>> ServerConnection::next_of_body() {
  std::string piece;
  if (!begin_wait_for_body()) co_return std::nullopt;
  const Watch limit(*this, Limit::body, core_.limits.idle_time);
  co_await BodyWait(*this, &piece);
  end_wait_for_body(piece.size());
  if (piece.empty()) co_return std::nullopt;
  co_return std::optional<std::string>(std::move(piece));
}

}  // namespace asyncio::http::detail
