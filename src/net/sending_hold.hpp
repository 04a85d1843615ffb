#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/wait_line.hpp>

#include "net/transport_state.hpp"

namespace asyncio::detail {

/// The sending side of a transport, held: while it lives nobody else writes.
class SendingHold {
 public:
  /// `who`: the call, for errors.
  /// Throws: RuntimeError if somebody else holds it, or after write_eof().
  SendingHold(Ref<TransportState> transport, const char* who);
  SendingHold(const SendingHold&) = delete;
  SendingHold& operator=(const SendingHold&) = delete;
  ~SendingHold();

  [[nodiscard]] const char* who() const noexcept { return who_; }
  /// Everything is sent and more can be, or the connection is lost.
  void wake() noexcept { line_.wake_all(); }

  /// Throws: what the connection has ended with, if it has.
  void check_open() const;

  /// Until wake().
  class Woken : public LineWait {
   public:
    explicit Woken(SendingHold& hold) noexcept : LineWait(ops), hold_(&hold) {}
    [[nodiscard]] static bool await_ready() noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P>) {
      hold_->line_.join(*this);
    }
    void await_resume() {
      leave();
      running_task()->throw_delivery_if_any();
      hold_->check_open();
    }

   private:
    static constexpr Ops ops = ops_of("the sending side of a connection");
    SendingHold* hold_;
  };
  [[nodiscard]] Woken woken() noexcept { return Woken(*this); }
  /// Until all that was written is sent.
  [[nodiscard]] Coro<> until_sent();

 private:
  WaitLine line_;
  Ref<TransportState> transport_;
  const char* who_;
};

}  // namespace asyncio::detail
