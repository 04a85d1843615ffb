#include "http/client_state.hpp"

#include <asyncio/address.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/wait_for.hpp>

#include "http/easy_options.hpp"
#include "http/http_service.hpp"
#include "http/transfer.hpp"
#include "http/transfer_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace asyncio::http::detail {
namespace {

void initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) {
    throw RuntimeError(fmt::format("http::Client: libcurl: {}", curl_easy_strerror(code)));
  }
}

ShareHandle make_share() {
  initialise_curl();
  ShareHandle share(curl_share_init());
  if (share == nullptr) throw std::bad_alloc();
  curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
  curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  return share;
}

[[noreturn]] void throw_other_loop(const EventLoop& own, const EventLoop& other) {
  throw RuntimeError(fmt::format(
      "http::Client: it belongs to {}, where it was used first, and was asked in {}; make a "
      "client for each loop",
      own.repr(), other.repr()));
}

std::exception_ptr closed_while_asking() noexcept {
  try {
    return std::make_exception_ptr(RuntimeError("http::Client: it was closed while a request ran"));
  } catch (const std::bad_alloc&) {
    return std::current_exception();
  }
}

// Gives the pieces to curl while the request runs. One that completes the length that was said
// waits for the end, or what came behind it would be lost without a word.
Coro<> send_chunks(Transfer& transfer, AsyncGenerator<std::string>& chunks) {
  try {
    std::optional<std::string> piece = co_await chunks.next();
    while (piece) {
      std::optional<std::string> behind;
      const bool is_last = transfer.would_be_the_last(*piece);
      if (is_last) behind = co_await chunks.next();
      if (behind) *piece += *behind;
      Coro<> taken = transfer.feed(std::move(*piece));
      co_await std::move(taken);
      if (is_last && !behind) break;
      piece = co_await chunks.next();
    }
    transfer.end_of_body();
  } catch (...) {  // a cancellation, too: nobody else would end the body
    transfer.fail(std::current_exception());
    throw;
  }
}

Coro<> head_while_sending(Transfer& transfer, AsyncGenerator<std::string>& chunks) {
  Task<> sending = create_task(send_chunks(transfer, chunks));
  co_await finally(transfer.head(), [&]() -> Coro<> {
    sending.cancel();
    [[maybe_unused]] const Result<void> ended = co_await as_result(sending);
  });
}

}  // namespace

ClientState::ClientState(const ClientOptions& options)
    : config_(options), proxies_(config_.proxy, config_.trust_env), share_(make_share()) {}

ClientState::~ClientState() { close(); }

Multi& ClientState::multi() {
  if (is_closed_) {
    throw RuntimeError(
        "http::Client: it was closed, by close() or with its loop; make another one");
  }
  EventLoop& loop = get_running_loop();
  if (multi_ != nullptr) {
    if (&multi_->loop() != &loop) throw_other_loop(multi_->loop(), loop);
    return *multi_;
  }
  multi_ = std::make_unique<Multi>(loop, config_.limits);
  loop_ = &asyncio::detail::LoopAccess::state(loop);
  HttpService::of(*loop_).enter(*this);
  return *multi_;
}

void ClientState::close() noexcept {
  is_closed_ = true;
  if (multi_ == nullptr) return;
  multi_->fail_all(closed_while_asking());
  lookups_.clear();
  idle_.clear();
  multi_.reset();
  HttpService::of(*loop_).leave(*this);
}

EasyHandle ClientState::take_easy() {
  if (!idle_.empty()) {
    EasyHandle easy = std::move(idle_.back());
    idle_.pop_back();
    return easy;
  }
  EasyHandle easy(curl_easy_init());
  if (easy == nullptr) throw std::bad_alloc();
  EasyOptions(easy.get()).prepare(config_, share_.get());
  return easy;
}

void ClientState::give_back(EasyHandle easy, bool prepared) noexcept {
  constexpr std::size_t most_kept = 128;
  if (is_closed_ || idle_.size() >= most_kept) return;
  try {
    EasyOptions options(easy.get());
    if (prepared) {
      options.forget_transfer();
    } else {
      // Or the list of files with cookies would be forgotten and not freed.
      options.set(CURLOPT_COOKIEFILE, static_cast<const char*>(nullptr));
      curl_easy_reset(easy.get());
      options.prepare(config_, share_.get());
    }
    idle_.push_back(std::move(easy));
  } catch (const std::exception&) {
    // It is freed.
  }
}

// Names are looked up by the loop, those of the proxy if there is one; curl finds the answer in its
// cache.
Coro<std::string> ClientState::look_up(const Outgoing& outgoing,
                                       std::optional<TimePoint> deadline) {
  EventLoop& loop = multi().loop();
  const Proxy* const proxy = proxies_.choose(outgoing.url);
  std::string host = proxy != nullptr ? proxy->host : outgoing.url.host();
  const std::uint16_t port = proxy != nullptr ? proxy->port : outgoing.url.port();
  if (Address::is_numeric(host) || !config_.unix_socket.empty()) co_return "";
  std::optional<Duration> limit = outgoing.timeout.connect;
  const bool total_is_first = deadline && (!limit || *deadline - loop.time() < *limit);
  if (total_is_first) limit = *deadline - loop.time();
  try {
    Coro<std::string> looked_up = lookups_.look_up(loop, std::move(host), port);
    co_return co_await wait_for(std::move(looked_up), limit);
  } catch (const TimeoutError&) {
    const TimedOut which = total_is_first ? TimedOut::total : TimedOut::connect;
    std::rethrow_exception(timeout_error(outgoing, which));
  } catch (const std::exception& error) {
    if (proxy != nullptr) throw ProxyError(outgoing.method, outgoing.url.str(), error.what());
    throw ConnectError(outgoing.method, outgoing.url.str(), error.what());
  }
}

Coro<ClientState::TransferRef> ClientState::ask(std::shared_ptr<const Outgoing> outgoing,
                                                std::optional<TimePoint> deadline, bool streamed) {
  const std::string addresses = co_await look_up(*outgoing, deadline);
  const TransferRef transfer =
      TransferRef::adopt(new Transfer(Self(this), outgoing, deadline, streamed));
  transfer->start(addresses);
  // What is awaited here may be left by a cancellation: then the transfer ends with this frame.
  if (outgoing->chunks != nullptr) {
    co_await head_while_sending(*transfer, *outgoing->chunks);
  } else {
    co_await transfer->head();
  }
  co_return transfer;
}

Coro<ClientState::TransferRef> ClientState::exchange(std::shared_ptr<const Outgoing> outgoing,
                                                     bool streamed) {
  std::optional<TimePoint> deadline;
  if (outgoing->timeout.total) deadline = multi().loop().time() + *outgoing->timeout.total;
  std::vector<Response> history;
  for (;;) {
    TransferRef transfer = co_await ask(outgoing, deadline, streamed);
    Response& response = transfer->response();
    if (!outgoing->follow_redirects || !response.has_redirect_location()) {
      response.history = std::move(history);
      co_return transfer;
    }
    if (history.size() == config_.max_redirects) {
      throw TooManyRedirects(outgoing->method, outgoing->url.str(),
                             fmt::format("redirected more than {} times "
                                         "(ClientOptions::max_redirects)",
                                         config_.max_redirects));
    }
    if (streamed) {
      transfer->stop();  // its body is dropped
    } else {
      co_await transfer->end();
    }
    Outgoing next = *outgoing;
    follow(next, response, config_);
    history.push_back(std::move(response));
    outgoing = std::make_shared<const Outgoing>(std::move(next));
  }
}

Coro<Response> ClientState::request(Self self, std::shared_ptr<const Outgoing> outgoing) {
  const TransferRef transfer = co_await self->exchange(std::move(outgoing), false);
  co_await transfer->end();
  co_return std::move(transfer->response());
}

Coro<ResponseStream> ClientState::stream(Self self, std::shared_ptr<const Outgoing> outgoing) {
  TransferRef transfer = co_await self->exchange(std::move(outgoing), true);
  co_return ResponseStream(std::move(transfer));
}

namespace {

// A line of curl's, in Netscape's format: domain, subdomains, path, secure, expires, name, value.
StoredCookie cookie_of(std::string_view line) {
  std::string_view fields[7];
  for (std::string_view& field : fields) {
    field = line.substr(0, line.find('\t'));
    line.remove_prefix(std::min(field.size() + 1, line.size()));
  }
  constexpr std::string_view http_only = "#HttpOnly_";
  if (fields[0].starts_with(http_only)) fields[0].remove_prefix(http_only.size());
  if (fields[0].starts_with('.')) fields[0].remove_prefix(1);
  StoredCookie cookie;
  cookie.domain = fields[0];
  cookie.with_subdomains = fields[1] == "TRUE";
  cookie.path = fields[2];
  cookie.secure = fields[3] == "TRUE";
  std::from_chars(fields[4].data(), fields[4].data() + fields[4].size(), cookie.expires);
  cookie.name = fields[5];
  cookie.value = fields[6];
  return cookie;
}

}  // namespace

std::vector<StoredCookie> ClientState::cookies() {
  EasyHandle easy = take_easy();
  curl_slist* list = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_COOKIELIST, &list);
  std::vector<StoredCookie> cookies;
  const CurlList owned(list);
  for (; list != nullptr; list = list->next) cookies.push_back(cookie_of(list->data));
  give_back(std::move(easy), true);
  return cookies;
}

void ClientState::clear_cookies() {
  EasyHandle easy = take_easy();
  curl_easy_setopt(easy.get(), CURLOPT_COOKIELIST, "ALL");
  give_back(std::move(easy), true);
}

}  // namespace asyncio::http::detail
