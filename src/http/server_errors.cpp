// What becomes of the errors of a server's handlers.

#include <asyncio/error.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/task.hpp>

#include "http/server_connection.hpp"
#include "loop/loop_state.hpp"

#include <fmt/format.h>

namespace asyncio::http::detail {

// Returns: false if others have cancelled the task as well.
bool ServerConnection::take_back_cancellation() noexcept {
  return late_status_ == 0 || task_->uncancel() <= cancelling_;
}

void ServerConnection::fail(const Failure& failure) {
  // What the handler has awaited may have been cancelled, and not the handler: that is its error.
  if (asyncio::detail::is_cancelled_error(failure.error) && task_->cancelling() > 0) {
    return end_cancelled(failure);
  }
  (void)take_back_cancellation();
  if (asyncio::detail::is_keyboard_interrupt(failure.error)) asyncio::detail::raise(failure);
  if (lost_ && failure.error == lost_with_) return;
  try {
    std::rethrow_exception(failure.error);
  } catch (const Abort& asked_for) {
    send_after_error(asked_for.status(), asked_for.what());
  } catch (...) {
    report(failure);
    send_after_error(500, "the server has failed\n");
  }
}

void ServerConnection::end_cancelled(const Failure& failure) {
  const bool ours = late_status_ != 0 && take_back_cancellation();
  if (answer_ == Answer::begun) abort();
  if (!ours) asyncio::detail::raise(failure);
  stays_ = false;
  linger_ = true;
  send_after_error(late_status_, "it took too long\n");
}

void ServerConnection::report(const Failure& failure) {
  ExceptionContext context;
  context.message = fmt::format("Unhandled exception in the handler of {} {}, connection with {}",
                                head().method, head().path, writer_.peername().str());
  asyncio::detail::remember(failure);
  context.exception = failure.error;
  context.task = current_task();
  loop_.report(context);
}

void ServerConnection::send_after_error(int status, const std::string& text) noexcept {
  if (answer_ != Answer::none) return abort();
  try {
    send(Reply(status, text));
  } catch (...) {
    abort();
  }
}

void ServerConnection::hang_up() noexcept {
  answer_ = Answer::hung_up;
  abort();
}

void ServerConnection::abort() noexcept {
  writer_.abort();
  lost_ = over_ = true;
}

}  // namespace asyncio::http::detail
