// How a connection of a server sends: whole answers, streamed ones, and the last word.

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>

#include "http/server_connection.hpp"
#include "http/text.hpp"
#include "net/stream_state.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <utility>

namespace asyncio::http::detail {

using asyncio::detail::throw_invalid_argument;
using asyncio::detail::throw_runtime_error;

namespace {

// Content above this is not copied behind its head.
constexpr std::size_t copied_at_most = std::size_t{8} * 1024;

std::optional<std::uint64_t> number_in(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

// --- whole answers ------------------------------------------------------------------------------

void ServerConnection::send(const Reply& reply) {
  check_status("Reply", reply.status);
  decide_to_stay(&reply.headers);
  ReplyHead head{.status = reply.status,
                 .headers = &reply.headers,
                 .date = core_.date(),
                 .type = reply.content.empty() ? std::string_view() : ReplyAccess::type(reply),
                 .connection = connection_line()};
  const bool has_content = may_have_content(reply.status);
  if (has_content) head.length = reply.content.size();
  if (reply.content.empty() && (head_only_ || reply.status == 304)) {
    // What GET would answer is known to the handler alone.
    const auto said = number_in(reply.headers.value("Content-Length"));
    if (said) head.length = said;
  }
  const std::string_view content =
      has_content && !head_only_ ? std::string_view(reply.content) : std::string_view();
  const bool copied = content.size() <= copied_at_most;
  add(head, copied ? content : std::string_view());
  answer_ = Answer::done;
  if (copied) return;
  writer_.writelines({out_, content});
  out_.clear();
}

// All of it or, when there is no memory, nothing.
void ServerConnection::add(const ReplyHead& head, std::string_view content) {
  const std::size_t before = out_.size();
  try {
    append_head(out_, head);
    out_ += content;
  } catch (...) {
    out_.resize(before);
    throw;
  }
}

// Called before the head is made: it says how it goes on.
void ServerConnection::decide_to_stay(const Headers* headers) {
  if (headers != nullptr && !headers->empty() && list_has(headers->value("Connection"), "close")) {
    stays_ = false;
    linger_ = true;
  }
  if (requests_.body_over()) return;
  // A client that waits for "100 Continue" may send its body or not.
  if (!asks_for_body_ && requests_.body_left() <= dropped_at_most && !too_much_) return;
  stays_ = false;
  linger_ = true;
}

std::string_view ServerConnection::connection_line() const noexcept {
  if (!stays_) return "close";
  return head().http10 ? "keep-alive" : "";
}

void ServerConnection::flush() {
  if (out_.empty()) return;
  if (stream().is_lost()) lost_ = true;
  if (!lost_) writer_.write(out_);
  out_.clear();
}

// --- streamed answers ---------------------------------------------------------------------------

void ServerConnection::start_reply(int status, const Headers* headers, std::string_view type) {
  if (answer_ != Answer::none) {
    throw_runtime_error("start_reply(): the answer to this request has begun already");
  }
  check_status("start_reply()", status);
  std::optional<std::uint64_t> length;
  if (headers != nullptr && headers->contains("Content-Length")) {
    length = number_in(headers->value("Content-Length"));
    if (!length) {
      throw_invalid_argument(fmt::format("start_reply(): Content-Length {} is no number",
                                         quoted(headers->value("Content-Length"))));
    }
  }
  const bool ends_with_connection = head().http10 && !length && may_have_content(status);
  if (ends_with_connection) stays_ = false;
  decide_to_stay(headers);
  chunks_ = !head().http10 && !length && may_have_content(status);
  declared_ = length;
  status_ = status;
  add({.status = status,
       .headers = headers,
       .date = core_.date(),
       .type = type,
       .length = length,
       .chunked = chunks_,
       .connection = connection_line()},
      {});
  answer_ = Answer::begun;
}

Coro<> ServerConnection::send_head() {
  flush();
  return drain();
}

Coro<> ServerConnection::write_content(std::string_view content) {
  check_length(content.size());
  if (!content.empty() && !head_only_) put(content);
  co_await drain();
}

Coro<> ServerConnection::write_text(std::string text) { co_await write_content(text); }

Coro<> ServerConnection::drain() {
  std::optional<Watch> watch;
  if (stream().writing_is_paused()) {
    unsent_before_ = writer_.get_write_buffer_size();
    watch.emplace(*this, Limit::write, core_.limits.write_time);
  }
  try {
    co_await writer_.drain();
  } catch (const std::exception&) {
    note_loss(std::current_exception());
    throw;
  }
}

void ServerConnection::check_length(std::size_t more) {
  if (answer_ != Answer::begun) {
    throw_runtime_error("write(): the answer is over; write while the handler runs");
  }
  if (more > 0 && !may_have_content(status_)) {
    throw_runtime_error(fmt::format("write(): an answer with status {} has no content", status_));
  }
  if (declared_ && more > *declared_ - written_) {
    throw_runtime_error(fmt::format("write(): {} bytes are more than the Content-Length of {}",
                                    written_ + more, *declared_));
  }
  written_ += more;
}

void ServerConnection::put(std::string_view content) {
  char size[20];
  std::string_view before;
  std::string_view behind;
  if (chunks_) {
    char* end = std::to_chars(std::begin(size), std::end(size), content.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    before = {size, static_cast<std::size_t>(end - size)};
    behind = "\r\n";
  }
  if (content.size() > copied_at_most) {
    writer_.writelines({out_, before, content, behind});
    out_.clear();
    return;
  }
  out_.append(before).append(content).append(behind);
  flush();
}

void ServerConnection::end_streamed() {
  if (declared_ && written_ < *declared_ && !head_only_) {
    // Or the client would wait for the rest, and take the next answer for it.
    return fail(Failure(std::make_exception_ptr(RuntimeError(fmt::format(
        "the handler has written {} of {} bytes of its Content-Length", written_, *declared_)))));
  }
  if (chunks_ && !head_only_) out_ += "0\r\n\r\n";
}

// --- between two requests, and at the end -------------------------------------------------------

bool ServerConnection::must_settle() const noexcept {
  return !lost_ && !over_ && (stream().writing_is_paused() || !requests_.body_over());
}

Coro<> ServerConnection::settle() {
  flush();
  auto sent = co_await as_result(drain());
  if (sent.cancelled()) asyncio::detail::raise(asyncio::detail::failure_of(sent));
  if (!sent || requests_.body_over()) {
    over_ = over_ || !sent;
    co_return;
  }
  const Watch limit(*this, Limit::leave, time_to_leave);
  dropped_ = 0;
  while (!requests_.body_over() && !over_) {
    BodyWait rest(*this, nullptr);
    auto came = co_await as_result(std::move(rest));
    if (came.cancelled()) asyncio::detail::raise(asyncio::detail::failure_of(came));
    if (!came || at_end_ || requests_.error() || dropped_ > dropped_at_most) over_ = true;
  }
}

Coro<> ServerConnection::take_leave() {
  flush();
  linger_ = linger_ || requests_.has_more();
  if (linger_) co_await linger();
  writer_.close();
  if (writer_.get_write_buffer_size() == 0) co_return;
  unsent_before_ = writer_.get_write_buffer_size();
  const Watch limit(*this, Limit::write, core_.limits.write_time);
  auto ended = co_await as_result(writer_.wait_closed());
  if (ended.cancelled()) asyncio::detail::raise(asyncio::detail::failure_of(ended));
}

// A connection that is closed while the client still sends is reset, and what it was to read is
// lost with it: so it is told the end first, and listened to for a while.
Coro<> ServerConnection::linger() {
  writer_.set_write_buffer_limits(0);
  auto sent = co_await as_result(drain());
  if (sent.cancelled()) asyncio::detail::raise(asyncio::detail::failure_of(sent));
  if (!sent) co_return;
  if (writer_.can_write_eof()) writer_.write_eof();
  const Watch limit(*this, Limit::leave, time_to_leave);
  dropped_ = 0;
  at_end_ = false;
  while (!at_end_ && !lost_ && dropped_ <= dropped_at_most) {
    BodyWait rest(*this, nullptr);
    auto came = co_await as_result(std::move(rest));
    if (came.cancelled()) asyncio::detail::raise(asyncio::detail::failure_of(came));
  }
}

}  // namespace asyncio::http::detail
