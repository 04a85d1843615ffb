#pragma once

#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/stream_ops.hpp>
#include <asyncio/http_request.hpp>
#include <asyncio/streams.hpp>

#include "base/chain.hpp"
#include "http/connection_alarm.hpp"
#include "http/reply_head.hpp"
#include "http/request_reader.hpp"
#include "http/router.hpp"
#include "http/server_core.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::detail {
class LoopState;
class ReaderState;
class StreamState;
class TaskState;
}  // namespace asyncio::detail

namespace asyncio::http::detail {

using asyncio::detail::Failure;
using asyncio::detail::Ref;

/// One connection of a server: its requests, one after the other, and their answers.
///
/// Its life: serve() waits for a head, lets a handler answer it, and so on; answers to requests
/// that have come together are sent together. It lives in the frame of that coroutine.
class ServerConnection : public asyncio::detail::ChainLink<ServerConnection> {
 public:
  ServerConnection(ServerCore& core, const StreamReader& reader, const StreamWriter& writer);
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  ~ServerConnection();

  // --- for serve() ---

  class HeadWait;
  class BodyWait;

  /// More requests may come.
  [[nodiscard]] bool goes_on() const noexcept { return !over_; }
  /// After a HeadWait. Returns: who answers it; null if that is done, or there was none.
  [[nodiscard]] const Handler* begin_request();
  /// Calls a handler that does not wait, and sends what it gives.
  void answer(const Handler& handler, Request& request);
  void begin_handler();
  /// What came of one that may have waited: an answer, or an error, or neither if it streams.
  /// Throws: CancelledError, if that was not of our making.
  void end_handler(const Reply* reply, const Failure& failure);
  [[nodiscard]] bool must_settle() const noexcept;
  /// What the client has to take, or to send, before the next request can be looked at.
  [[nodiscard]] Coro<> settle();
  [[nodiscard]] bool takes_leave() const noexcept { return over_ && !lost_; }
  /// Sends what is left and closes, so that the client can read it.
  [[nodiscard]] Coro<> take_leave();

  // --- for Request ---

  [[nodiscard]] const RequestHead& head() const noexcept { return requests_.head(); }
  [[nodiscard]] const Match& match() const noexcept { return match_; }
  [[nodiscard]] const StreamWriter& writer() const noexcept { return writer_; }
  [[nodiscard]] std::string_view path() const noexcept { return path_; }
  [[nodiscard]] const Headers& headers();
  void set_body_limit(std::optional<std::size_t> bytes) noexcept { body_limit_ = bytes; }
  [[nodiscard]] Coro<std::string> read_body();
  [[nodiscard]] Coro<std::optional<std::string>> next_of_body();

  void hang_up() noexcept;

  // --- for streamed answers ---

  void start_reply(int status, const Headers* headers, std::string_view type);
  /// Sends the head.
  [[nodiscard]] Coro<> send_head();
  [[nodiscard]] Coro<> write_content(std::string_view content);
  [[nodiscard]] Coro<> write_text(std::string text);

  // --- for the core and the alarm ---

  /// The server closes.
  void server_closes() noexcept;
  void time_is_over() noexcept;

 private:
  // What the time runs for, if it does.
  enum class Limit : std::uint8_t { none, idle, head, body, write, leave };
  // none → begun, by start_reply() → done; none → done, by send(). hung_up: there will be none.
  enum class Answer : std::uint8_t { none, begun, done, hung_up };
  class Watch;

  // So much of a body that no handler has read is received and dropped, so that the connection can
  // go on; and of what a client sends that is not listened to any more, so that it can read why.
  static constexpr std::size_t dropped_at_most = std::size_t{256} * 1024;
  static constexpr Duration time_to_leave = Duration::nanoseconds(2'000'000'000);

  void watch(Limit what, std::optional<Duration> time);
  void unwatch() noexcept { limit_ = Limit::none; }
  void limit_is_over(Limit what);
  void dismiss() noexcept;
  void cancel_handler(int status) noexcept;
  [[nodiscard]] bool take_back_cancellation() noexcept;

  bool look_for_head(asyncio::detail::ReaderState& reader);
  bool look_for_body(asyncio::detail::ReaderState& reader, std::string* into);
  bool takes_body(std::string_view fresh, std::string* into);
  bool receive(asyncio::detail::ReaderState& reader, std::size_t most, std::string_view& fresh);
  void wait_for_head();
  void forget_request() noexcept;
  void refuse(const RequestError& error);
  [[nodiscard]] const Handler* find_handler();
  void answer_without_handler();
  bool begin_wait_for_body();
  void end_wait_for_body(std::size_t received);
  void check_body_limit(std::uint64_t more);
  [[noreturn]] void throw_bad_body();

  void send(const Reply& reply);
  void send_after_error(int status, const std::string& text) noexcept;
  void fail(const Failure& failure);
  void end_cancelled(const Failure& failure);
  void report(const Failure& failure);
  void end_request();
  void end_streamed();
  void add(const ReplyHead& head, std::string_view content);
  void decide_to_stay(const Headers* headers);
  [[nodiscard]] std::string_view connection_line() const noexcept;
  [[nodiscard]] Coro<> drain();
  [[nodiscard]] Coro<> linger();
  void put(std::string_view content);
  void check_length(std::size_t more);
  void flush();
  void note_loss(std::exception_ptr error) noexcept;
  void abort() noexcept;
  [[nodiscard]] asyncio::detail::StreamState& stream() const noexcept;

  ServerCore& core_;
  StreamReader reader_;
  StreamWriter writer_;
  asyncio::detail::LoopState& loop_;
  asyncio::detail::TaskState* task_ = nullptr;

  // the request
  RequestReader requests_;
  Match match_;
  std::string_view path_;
  std::string decoded_path_;
  Headers headers_;  // made when it is asked for
  std::size_t served_ = 0;
  std::optional<std::size_t> body_limit_;
  std::uint64_t body_received_ = 0;
  std::size_t dropped_ = 0;     // of what nobody reads
  bool asks_for_body_ = false;  // it waits for "100 Continue"
  bool too_much_ = false;       // the body is above its limit
  bool head_only_ = false;      // the answer has no content

  // the answer
  std::string out_;  // not sent yet
  std::optional<std::uint64_t> declared_;
  std::uint64_t written_ = 0;
  int status_ = 0;
  Answer answer_ = Answer::none;
  bool chunks_ = false;  // it is sent in chunks

  // the end
  bool stays_ = true;             // for another request
  bool over_ = false;             // no more requests
  bool lost_ = false;             // nobody can be told anything
  bool linger_ = false;           // the client may still be sending
  bool leaving_ = false;          // HeadWait looks for nothing but the end
  bool idle_ = false;             // waits for a request of which nothing has come
  bool at_end_ = false;           // the client has sent all it will
  std::exception_ptr lost_with_;  // what a handler was told

  // limits
  Limit limit_ = Limit::none;
  std::int64_t limit_at_ = 0;
  std::int64_t handler_until_ = ConnectionAlarm::never;
  std::size_t unsent_before_ = 0;
  std::uint32_t cancelling_ = 0;  // the task's count when the handler began
  int late_status_ = 0;           // the handler was cancelled by a limit
  ConnectionAlarm alarm_;
};

/// While a limit counts.
class ServerConnection::Watch {
 public:
  Watch(ServerConnection& connection, Limit what, std::optional<Duration> time)
      : connection_(connection) {
    connection_.watch(what, time);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { connection_.unwatch(); }

 private:
  ServerConnection& connection_;
};

/// Waits for the head of a request. What was received is looked at where it is, in the turn of the
/// task, before its frame goes on.
class [[nodiscard]] ServerConnection::HeadWait : public asyncio::detail::StreamReadBase {
 public:
  explicit HeadWait(ServerConnection& connection) noexcept;
  void await_resume() { end(); }

 private:
  bool advance(asyncio::detail::ReaderState& reader) override {
    return connection_.look_for_head(reader);
  }
  ServerConnection& connection_;
};

/// Waits for some of the body; without `into` it is dropped.
class [[nodiscard]] ServerConnection::BodyWait : public asyncio::detail::StreamReadBase {
 public:
  BodyWait(ServerConnection& connection, std::string* into) noexcept;
  void await_resume() { end(); }

 private:
  bool advance(asyncio::detail::ReaderState& reader) override {
    return connection_.look_for_body(reader, into_);
  }
  ServerConnection& connection_;
  std::string* into_;
};

/// Handles a connection of a server.
[[nodiscard]] Coro<> serve(Ref<ServerCore> core, StreamReader reader, StreamWriter writer);

}  // namespace asyncio::http::detail
