#include <asyncio/http.hpp>
#include <asyncio/http_errors.hpp>

#include "http/client_state.hpp"
#include "http/transfer.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::http {

using asyncio::detail::Ref;
using detail::Transfer;

ResponseStream::ResponseStream(Ref<Transfer> transfer)
    : Response(std::move(transfer->response())), transfer_(std::move(transfer)) {}
ResponseStream::ResponseStream(ResponseStream&& other) noexcept = default;
ResponseStream& ResponseStream::operator=(ResponseStream&& other) noexcept = default;
ResponseStream::~ResponseStream() { close(); }

void ResponseStream::close() noexcept {
  if (!transfer_) return;
  transfer_->stop();
  elapsed = transfer_->response().elapsed;
}

// Returns: nothing at the end, which closes it.
Coro<std::optional<std::string>> ResponseStream::receive() {
  std::optional<std::string> piece = co_await transfer_->next();
  if (!piece) close();
  co_return piece;
}

const ResponseStream& ResponseStream::raise_for_status() const {
  Response::raise_for_status();
  return *this;
}

// What next_line() has taken and not given.
std::string ResponseStream::take_rest() {
  std::string rest = std::exchange(lines_, {}).substr(given_);
  given_ = 0;
  return rest;
}

Coro<std::optional<std::string>> ResponseStream::next() {
  if (given_ < lines_.size()) co_return take_rest();
  std::optional<std::string> piece = co_await receive();
  co_return piece;
}

Coro<std::optional<std::string>> ResponseStream::next_line() {
  constexpr std::size_t most = std::size_t{1024} * 1024;
  std::size_t searched = given_;
  for (;;) {
    const std::size_t end = lines_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = lines_.substr(given_, end - given_);
      given_ = end + 1;
      if (line.ends_with('\r')) line.pop_back();
      co_return line;
    }
    lines_.erase(0, std::exchange(given_, 0));
    searched = lines_.size();
    if (searched > most) {
      throw ResponseTooLarge(method, url.str(),
                             fmt::format("a line of the answer has more than {} bytes", most));
    }
    std::optional<std::string> piece = co_await receive();
    if (!piece) break;
    lines_ += *piece;
  }
  if (lines_.empty()) co_return std::nullopt;
  co_return take_rest();
}

Coro<std::string> ResponseStream::read() {
  content += take_rest();
  const std::size_t most = transfer_->most_bytes();
  for (;;) {
    std::optional<std::string> piece = co_await receive();
    if (!piece) co_return content;
    content += *piece;
    if (content.size() > most) {
      close();
      throw ResponseTooLarge(method, url.str(),
                             fmt::format("its body has more than {} bytes "
                                         "(ClientOptions::max_response_bytes)",
                                         most));
    }
  }
}

}  // namespace asyncio::http
