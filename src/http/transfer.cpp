#include "http/transfer.hpp"

#include "http/client_state.hpp"
#include "http/easy_options.hpp"
#include "http/transfer_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asyncio::http::detail {
namespace {

// Of a body that is streamed: more than this is not received before some of it is taken.
constexpr std::size_t most_kept = std::size_t{256} * 1024;

}  // namespace

Transfer::Transfer(asyncio::detail::Ref<ClientState> client,
                   std::shared_ptr<const Outgoing> request, Deadline deadline, bool streamed)
    : client_(std::move(client)),
      request_(std::move(request)),
      easy_(client_->take_easy()),
      proxy_(client_->proxies().choose(request_->url)),
      response_(request_->method, request_->url),
      head_(response_, client_->config().max_header_bytes),
      deadline_(deadline),
      is_streamed_(streamed) {}

Transfer::~Transfer() {
  stop();
  // A Host of the program's own stays in the handle, whatever is set anew, and would be whose
  // cookies the next request sends.
  if (!request_->headers.contains("Host")) client_->give_back(std::move(easy_), is_prepared_);
}

// --- from the program ---

void Transfer::start(const std::string& addresses) {
  EasyOptions options(easy_.get());
  const ClientConfig& config = client_->config();
  if (request_->url.scheme() == "https") options.tls(config);
  if (proxy_ != nullptr) options.proxy(*proxy_, config);
  // A stream of HTTP/2 that is paused goes on receiving: curl 7.88 gives the server a new window
  // for whatever comes, keeps 64 MiB and then fails. The window of TCP does what is asked of it.
  if (config.http2 && is_streamed_) options.avoid_http2();
  options.request(*request_, config, headers_);
  set_callbacks(options);
  if (!addresses.empty()) {
    addresses_.add(addresses);
    options.set(CURLOPT_RESOLVE, addresses_.get());
  }
  leaves_traces_ = options.leave_traces();
  Multi& multi = client_->multi();
  began_ = progressed_ = multi.loop().time();
  watch_time();
  multi.add(*this);
  is_added_ = true;
}

Coro<> Transfer::head() {
  const auto is_there = [this] { return head_.is_complete() && is_sent(); };
  while (!is_over_ && !is_there()) {
    changed_.clear();
    co_await changed_.wait();
  }
  // What fails behind the head is told where the body is taken, even if it has come with the head.
  if (failure_ && !is_there()) std::rethrow_exception(failure_);
}

Coro<> Transfer::end() {
  while (!is_over_) {
    changed_.clear();
    co_await changed_.wait();
  }
  if (failure_) std::rethrow_exception(failure_);
  response_.content = std::move(body_);
}

Coro<std::optional<std::string>> Transfer::next() {
  while (body_.empty() && !is_over_) {
    changed_.clear();
    co_await changed_.wait();
  }
  if (body_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    co_return std::nullopt;
  }
  std::optional<std::string> taken(std::move(body_));
  body_.clear();
  if (std::exchange(is_paused_, false)) resume();
  co_return taken;
}

void Transfer::stop() noexcept {
  if (std::exchange(is_added_, false)) client_->open_multi()->remove(*this);
  over();
}

Coro<> Transfer::feed(std::string piece) {
  if (is_over_ || piece.empty()) co_return;
  fed_ += piece.size();
  if (request_->chunks_length && fed_ > *request_->chunks_length) {
    refuse<RequestError>(fmt::format("its body has more bytes than its Content-Length, {}",
                                     *request_->chunks_length));
    co_return;
  }
  piece_ = std::move(piece);
  sent_ = 0;
  if (std::exchange(is_hungry_, false)) resume();
  while (!is_over_ && sent_ < piece_.size()) {
    changed_.clear();
    co_await changed_.wait();
  }
}

void Transfer::end_of_body() noexcept {
  if (request_->chunks_length && fed_ < *request_->chunks_length) {
    refuse<RequestError>("its body ended before its Content-Length");
    return;
  }
  body_ended_ = true;
  changed_.set();
  if (std::exchange(is_hungry_, false)) resume();
}

void Transfer::resume() noexcept {
  progress();
  if (!is_added_) return;
  const int still = (is_paused_ ? CURLPAUSE_RECV : 0) | (is_hungry_ ? CURLPAUSE_SEND : 0);
  const CURLcode code = curl_easy_pause(easy_.get(), still);
  if (code != CURLE_OK) {
    finish(code);
    stop();
  }
}

std::size_t Transfer::most_bytes() const noexcept { return client_->config().max_response_bytes; }

// --- from curl ---

void Transfer::finish(CURLcode code) noexcept {
  is_added_ = false;
  is_prepared_ = code == CURLE_OK && !leaves_traces_;
  try {
    if (code != CURLE_OK && !is_over_) failure_ = error_of(code);
  } catch (...) {
    failure_ = std::current_exception();
  }
  over();
}

void Transfer::fail(std::exception_ptr error) noexcept {
  if (is_over_) return;
  failure_ = std::move(error);
  over();
}

void Transfer::over() noexcept {
  if (std::exchange(is_over_, true)) return;
  if (Multi* multi = client_->open_multi()) response_.elapsed = multi->loop().time() - began_;
  if (timer_) timer_->cancel();
  timer_.reset();
  changed_.set();
}

template <class E>
void Transfer::refuse(std::string_view what) noexcept {
  try {
    fail(std::make_exception_ptr(E(request_->method, request_->url.str(), what)));
  } catch (...) {
    fail(std::current_exception());
  }
}

void Transfer::set_callbacks(EasyOptions& options) {
  options.set(CURLOPT_PRIVATE, this);
  options.set(CURLOPT_ERRORBUFFER, error_text_);
  options.set(CURLOPT_HEADERFUNCTION, &on_header);
  options.set(CURLOPT_HEADERDATA, this);
  options.set(CURLOPT_WRITEFUNCTION, &on_body);
  options.set(CURLOPT_WRITEDATA, this);
  options.set(CURLOPT_READFUNCTION, &on_wanted);
  options.set(CURLOPT_READDATA, this);
  options.set(CURLOPT_SEEKFUNCTION, &on_rewind);
  options.set(CURLOPT_SEEKDATA, this);
  options.set(CURLOPT_SOCKOPTFUNCTION, &on_socket_made);
  options.set(CURLOPT_SOCKOPTDATA, this);
  options.set(CURLOPT_PREREQFUNCTION, &on_connected);
  options.set(CURLOPT_PREREQDATA, this);
}

int Transfer::on_socket_made(void* self, curl_socket_t, curlsocktype) noexcept {
  static_cast<Transfer*>(self)->enter(Phase::connecting);
  return CURL_SOCKOPT_OK;
}

// curl sends a request again by itself if a connection that was kept turns out to be closed. The
// server may have read the first one.
int Transfer::on_connected(void* self, char*, char*, int, int) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const bool again = std::exchange(transfer.was_connected_, true);
  transfer.leaves_traces_ |= again;  // curl counts them
  if (again && !transfer.request_->is_idempotent()) {
    transfer.refuse<ReadError>(
        "the server has closed a connection that was kept, and may or may not have got the "
        "request; it is not sent again, since it is not idempotent");
    return CURL_PREREQFUNC_ABORT;
  }
  const Outgoing& request = *transfer.request_;
  const bool sent_piecewise =
      request.chunks != nullptr || (request.body && request.body->size() > sent_at_once);
  transfer.enter(sent_piecewise ? Phase::sending : Phase::receiving);
  return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_wanted(char* into, std::size_t size, std::size_t n, void* self) noexcept {
  return static_cast<Transfer*>(self)->give_body(into, size * n);
}

std::size_t Transfer::give_body(char* into, std::size_t room) {
  if (is_over_) return CURL_READFUNC_ABORT;
  progress();
  const std::string& source = request_->body ? *request_->body : piece_;
  const std::size_t size = std::min(room, source.size() - sent_);
  if (size == 0 && !request_->body && !body_ended_) {
    is_hungry_ = true;
    return CURL_READFUNC_PAUSE;
  }
  source.copy(into, size, sent_);
  sent_ += size;
  if (sent_ == source.size()) {
    if (size == 0 || request_->body) enter(Phase::receiving);
    if (!request_->body) changed_.set();
  }
  return size;
}

int Transfer::on_rewind(void* self, curl_off_t offset, int origin) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  if (!transfer.request_->body || origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  transfer.sent_ = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

std::size_t Transfer::on_header(char* text, std::size_t size, std::size_t n, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * n;
  if (transfer.is_over_) return 0;
  try {
    transfer.enter(Phase::receiving);
    const ResponseHead::Line outcome = transfer.head_.take({text, bytes});
    if (outcome == ResponseHead::Line::refused) {
      const std::string& why = transfer.head_.refusal();
      if (transfer.head_.too_large()) {
        transfer.refuse<ResponseTooLarge>(why);
      } else {
        transfer.refuse<RemoteProtocolError>("the answer cannot be trusted: " + why);
      }
      return 0;
    }
    if (outcome == ResponseHead::Line::complete) {
      if (transfer.response_.status_code == 417 && transfer.request_->headers.contains("Expect")) {
        // curl would repeat the request without it, and take this body for a part of that answer's.
        transfer.over();
        return 0;
      }
      if (transfer.head_.is_doubtful()) {
        curl_easy_setopt(transfer.easy(), CURLOPT_FORBID_REUSE, 1L);
        transfer.leaves_traces_ = true;
      }
      transfer.changed_.set();
    }
    return bytes;
  } catch (...) {
    transfer.fail(std::current_exception());
    return 0;
  }
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t n, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    return transfer.take_body({bytes, size * n});
  } catch (...) {
    transfer.fail(std::current_exception());
    return 0;
  }
}

std::size_t Transfer::take_body(std::string_view bytes) {
  if (is_over_) return 0;
  // Not while it is sent: who reads only then what is sent would wait for us for ever.
  if (is_streamed_ && is_sent()) {
    if (body_.size() >= most_kept) {
      is_paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
  } else if (const std::size_t most = most_bytes(); bytes.size() > most - body_.size()) {
    refuse<ResponseTooLarge>(
        fmt::format("its body has more than {} bytes, decompressed "
                    "(ClientOptions::max_response_bytes); take it piece by piece, by "
                    "Client::stream()",
                    most));
    return 0;
  }
  progress();
  body_ += bytes;
  if (is_streamed_) changed_.set();
  return bytes.size();
}

// --- time ---

void Transfer::enter(Phase phase) noexcept {
  phase_ = phase;
  progress();
}

void Transfer::progress() noexcept {
  if (Multi* multi = client_->open_multi()) progressed_ = multi->loop().time();
}

bool Transfer::waits_for_the_program() const noexcept {
  return phase_ == Phase::sending ? is_hungry_ : phase_ == Phase::receiving && is_paused_;
}

std::optional<TimePoint> Transfer::next_limit() const noexcept {
  const Timeout& timeout = request_->timeout;
  const std::optional<Duration> limit = phase_ == Phase::waiting      ? timeout.pool
                                        : phase_ == Phase::connecting ? timeout.connect
                                        : phase_ == Phase::sending    ? timeout.write
                                                                      : timeout.read;
  if (!limit || waits_for_the_program()) return deadline_;
  const TimePoint at = progressed_ + *limit;
  return deadline_ && *deadline_ < at ? deadline_ : at;
}

// Armed for the shortest limit of all phases, so that a change of phase need not look at it.
void Transfer::watch_time() {
  const Timeout& timeout = request_->timeout;
  EventLoop& loop = client_->multi().loop();
  std::optional<TimePoint> at = next_limit();
  for (const std::optional<Duration>& limit :
       {timeout.pool, timeout.connect, timeout.write, timeout.read}) {
    if (limit && (!at || progressed_ + *limit < *at)) at = progressed_ + *limit;
  }
  if (!at) return;
  const TimePoint soon = loop.time() + Duration::nanoseconds(1'000'000);
  timer_ = loop.call_at(std::max(*at, soon), [this] { check_time(); });
}

void Transfer::check_time() noexcept {
  timer_.reset();
  if (is_over_) return;
  try {
    const std::optional<TimePoint> at = next_limit();
    if (!at || *at > client_->multi().loop().time()) {
      watch_time();
      return;
    }
    fail(timed_out());
  } catch (...) {
    fail(std::current_exception());
  }
  stop();
}

std::exception_ptr Transfer::timed_out() const {
  const bool in_all = deadline_ && *deadline_ <= client_->open_multi()->loop().time();
  return timeout_error(*request_, in_all                        ? TimedOut::total
                                  : phase_ == Phase::waiting    ? TimedOut::pool
                                  : phase_ == Phase::connecting ? TimedOut::connect
                                  : phase_ == Phase::sending    ? TimedOut::write
                                                                : TimedOut::read);
}

std::exception_ptr Transfer::error_of(CURLcode code) const {
  if (code == CURLE_OPERATION_TIMEDOUT && client_->open_multi() != nullptr) return timed_out();
  // What a piece makes that is behind a pause, curl keeps; up to this much.
  if (code == CURLE_OUT_OF_MEMORY && is_paused_) {
    return std::make_exception_ptr(
        ResponseTooLarge(request_->method, request_->url.str(),
                         "a piece of its body has more than 64 MiB, decompressed"));
  }
  return transfer_error(*request_, easy_.get(), code, error_text_, proxy_ != nullptr);
}

}  // namespace asyncio::http::detail
