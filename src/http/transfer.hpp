#pragma once

#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/http.hpp>

#include "base/chain.hpp"
#include "http/curl_owned.hpp"
#include "http/outgoing.hpp"
#include "http/proxies.hpp"
#include "http/response_head.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

class ClientState;
class EasyOptions;

/// One request on its way and its answer: what happens between one add to curl and its end. Several
/// of them make a request that is redirected.
///
/// Lifetime: its end ends it for curl, too.
class Transfer : public asyncio::detail::ChainLink<Transfer> {
 public:
  /// Until when a request may take, with its redirects. nullopt: for ever.
  using Deadline = std::optional<TimePoint>;

  Transfer(asyncio::detail::Ref<ClientState> client, std::shared_ptr<const Outgoing> request,
           Deadline deadline, bool streamed);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  // --- for who asks ---

  /// `addresses`: "example.com:80:192.0.2.1", if somebody has looked them up.
  void start(const std::string& addresses);
  /// The header lines are there, or it is over. Throws: what it has failed with before.
  [[nodiscard]] Coro<> head();
  /// Throws: what it has failed with.
  [[nodiscard]] Coro<> end();
  /// What has come of the body; nothing at its end.
  [[nodiscard]] Coro<std::optional<std::string>> next();
  /// Frees the connection. Idempotent.
  void stop() noexcept;
  [[nodiscard]] Response& response() noexcept { return response_; }
  [[nodiscard]] std::size_t most_bytes() const noexcept;

  // --- for who makes the body ---

  /// The next piece, when the one before has been taken.
  [[nodiscard]] Coro<> feed(std::string piece);
  /// Of a body whose length was said: nothing may come behind it.
  [[nodiscard]] bool would_be_the_last(const std::string& piece) const noexcept {
    return request_->chunks_length && fed_ + piece.size() == *request_->chunks_length;
  }
  void end_of_body() noexcept;

  // --- for Multi ---

  [[nodiscard]] CURL* easy() const noexcept { return easy_.get(); }
  void finish(CURLcode code) noexcept;
  /// Ends it with an error, soon: curl is told by its callbacks or by stop().
  void fail(std::exception_ptr error) noexcept;

 private:
  // waiting: for a place among the connections; → connecting, by curl → sending, when the
  // connection is there → receiving, when the body is sent. Each has a limit of time.
  enum class Phase : std::uint8_t { waiting, connecting, sending, receiving };

  ~Transfer();

  static std::size_t on_header(char* text, std::size_t size, std::size_t n, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t n, void* self) noexcept;
  static std::size_t on_wanted(char* into, std::size_t size, std::size_t n, void* self) noexcept;
  static int on_rewind(void* self, curl_off_t offset, int origin) noexcept;
  static int on_socket_made(void* self, curl_socket_t, curlsocktype) noexcept;
  static int on_connected(void* self, char*, char*, int, int) noexcept;
  std::size_t take_body(std::string_view bytes);
  std::size_t give_body(char* into, std::size_t room);

  void enter(Phase phase) noexcept;
  void progress() noexcept;
  void watch_time();
  void check_time() noexcept;
  [[nodiscard]] std::optional<TimePoint> next_limit() const noexcept;
  [[nodiscard]] std::exception_ptr timed_out() const;
  [[nodiscard]] std::exception_ptr error_of(CURLcode code) const;
  void over() noexcept;
  /// fail() by an E with this text.
  template <class E>
  void refuse(std::string_view what) noexcept;
  void set_callbacks(EasyOptions& options);
  void resume() noexcept;
  [[nodiscard]] bool is_sent() const noexcept { return request_->chunks == nullptr || body_ended_; }
  [[nodiscard]] bool waits_for_the_program() const noexcept;

  asyncio::detail::Ref<ClientState> client_;
  const std::shared_ptr<const Outgoing> request_;
  EasyHandle easy_;
  CurlList headers_;
  CurlList addresses_;
  const Proxy* proxy_;  // of the client's
  Response response_;
  ResponseHead head_;
  Event changed_;

  std::string body_;       // received, and not taken
  std::string piece_;      // to be sent
  std::size_t sent_ = 0;   // of the body, or of the piece
  std::uint64_t fed_ = 0;  // by feed(), all together
  std::exception_ptr failure_;
  Deadline deadline_;
  TimePoint began_;
  TimePoint progressed_;  // when something last happened
  std::optional<TimerHandle> timer_;
  char error_text_[CURL_ERROR_SIZE] = {};

  asyncio::detail::SharedCount users_;
  Phase phase_ = Phase::waiting;
  bool is_added_ = false;
  bool is_over_ = false;
  bool is_streamed_;         // by next(), so that no more is received than is taken
  bool is_paused_ = false;   // nobody takes what has come
  bool is_hungry_ = false;   // nobody gives what is to be sent
  bool body_ended_ = false;  // nothing more is to be sent
  bool was_connected_ = false;
  bool leaves_traces_ = false;  // in the handle, which is not prepared any more
  bool is_prepared_ = false;    // the handle, for another request
};

}  // namespace asyncio::http::detail
