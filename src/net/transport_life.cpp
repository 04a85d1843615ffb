#include "net/transport_life.hpp"

#include <asyncio/exception_context.hpp>

#include "net/net_service.hpp"
#include "net/server_state.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::detail {

TransportLife::TransportLife(LoopState& loop) : loop_(&loop) {
  NetService& service = NetService::of(loop);
  loop.ready.reserve(2);  // turn_ and end_
  service.enter(*this);
}

TransportLife::~TransportLife() {
  if (loop_ != nullptr) leave_loop();
}

void TransportLife::serve(ServerState& server) noexcept {
  server_ = &server;
  server.attach();
}

void TransportLife::begin_handler() noexcept {
  if (server_ == nullptr || std::exchange(has_handler_, true)) return;
  ++server_->pairs;
}

void TransportLife::end_handler() noexcept {
  if (std::exchange(has_handler_, false)) --server_->pairs;
}

void TransportLife::leave_server() noexcept {
  end_handler();
  if (ServerState* server = std::exchange(server_, nullptr)) server->detach();
}

void TransportLife::leave_loop() noexcept {
  leave_server();
  NetService::of(*loop_).leave(*this);
  loop_->ready.unreserve(2);
  loop_ = nullptr;
}

// --- turns --------------------------------------------------------------------------------------

bool TransportLife::add(std::uint8_t due) noexcept {
  if (loop_ == nullptr) return false;
  if (std::exchange(due_, due_ | due) != 0) return false;
  add_ref();
  return true;
}

void TransportLife::schedule(std::uint8_t due) noexcept {
  if (add(due)) loop_->ready.push(turn_);
}

void TransportLife::schedule_at_poll(std::uint8_t due) noexcept {
  if (add(due)) loop_->push_at_poll(turn_);
}

void TransportLife::Turn::run(ReadyCall& self, ReadyAction action) {
  const auto life = Ref<TransportLife>::adopt(&static_cast<Turn&>(self).life);
  const std::uint8_t due = std::exchange(life->due_, std::uint8_t{0});
  if (action == ReadyAction::run) {
    life->take_turn(due);
  } else {
    life->abandon();
  }
}

void TransportLife::End::run(ReadyCall& self, ReadyAction action) {
  const auto life = Ref<TransportLife>::adopt(&static_cast<End&>(self).life);
  life->end_queued_ = false;
  if (action != ReadyAction::run) {
    life->abandon();
  } else if (life->state_ == State::losing) {
    life->lost();
  }
}

// --- the end ------------------------------------------------------------------------------------

void TransportLife::close() noexcept {
  if (is_closing()) return;
  state_ = State::closing;
  live_on();
  stop_reading();
  if (all_sent()) end();
}

void TransportLife::lose(Failure failure) noexcept {
  if (is_lost()) return;
  failure_ = std::move(failure);
  if (!is_closing()) {
    state_ = State::closing;
    stop_reading();
  }
  end();
}

void TransportLife::end() noexcept {
  state_ = State::losing;
  stop_writing();
  if (loop_ == nullptr) return;
  end_queued_ = true;
  add_ref();
  loop_->ready.push(end_);
}

void TransportLife::lost() {
  struct AtLast {
    TransportLife& life;
    ~AtLast() { life.release_all(); }
  };
  const AtLast also_after_an_interrupt{*this};
  state_ = State::lost;
  stop_writing();
  connection_lost();
}

void TransportLife::abandon() noexcept {
  if (loop_ == nullptr) return;
  const auto self = Ref<TransportLife>(this);
  if (state_ != State::lost) {
    if (!is_closing()) stop_reading();
    state_ = State::lost;
    stop_writing();
    release_all();
  }
  // What is queued is discarded next, and comes here.
  if (due_ == 0 && !end_queued_) leave_loop();
}

void TransportLife::live_on() noexcept {
  if (!std::exchange(lives_on_, true)) add_ref();
}

void TransportLife::release_all() noexcept {
  leave_server();
  release();
  if (std::exchange(lives_on_, false)) drop_ref();  // not the last one: it has a turn
}

// --- saying so ----------------------------------------------------------------------------------

void TransportLife::report(std::string_view before, std::string_view what,
                           std::string_view after) noexcept {
  try {
    ExceptionContext context;
    context.message = fmt::format("{}{}{}", before, what, after);
    context.exception = std::current_exception();
    loop_->report(context);
  } catch (...) {
    // Out of memory while reporting.
  }
}

bool TransportLife::tell_of_drop() noexcept {
  constexpr std::uint8_t silent = 4;  // as CPython
  if (drops_ == silent) return true;
  ++drops_;
  return false;
}

}  // namespace asyncio::detail
