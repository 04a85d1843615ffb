#include <asyncio/error.hpp>
#include <asyncio/http_request.hpp>

#include "http/server_connection.hpp"
#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asyncio::http {

using asyncio::detail::throw_invalid_argument;

std::string_view Request::method() const noexcept { return connection_->head().method; }
std::string_view Request::target() const noexcept { return connection_->head().target; }
std::string_view Request::path() const noexcept { return connection_->path(); }
std::string_view Request::query() const noexcept { return connection_->head().query; }

std::optional<std::string> Request::query_value(std::string_view name) const {
  return params().get(name);
}

std::string_view Request::path_param(std::string_view name) const {
  const detail::Match& match = connection_->match();
  if (match.route != nullptr) {
    const auto& names = match.route->names;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return match.values[static_cast<std::size_t>(found - names.begin())];
  }
  throw_invalid_argument(
      fmt::format("path_param(): there is no {{{}}} in the pattern {} of the handler", name,
                  match.route == nullptr ? "" : match.route->pattern));
}

const Headers& Request::headers() const { return connection_->headers(); }
std::string_view Request::header(std::string_view name) const noexcept {
  return connection_->head().value(name);
}
bool Request::is_http10() const noexcept { return connection_->head().http10; }
Address Request::peer() const { return connection_->writer().peername(); }

void Request::set_body_limit(std::optional<std::size_t> bytes) noexcept {
  connection_->set_body_limit(bytes);
}
Coro<std::string> Request::read() { return connection_->read_body(); }
Coro<std::optional<std::string>> Request::next() { return connection_->next_of_body(); }

namespace {

Coro<ReplyStream> started_reply(detail::ServerConnection& connection, int status,
                                HeadersRef headers) {
  connection.start_reply(status, headers.get(), {});
  co_await connection.send_head();
  co_return ReplyStream(connection);
}

Coro<EventStream> started_events(detail::ServerConnection& connection, HeadersRef headers) {
  Headers all;
  // A proxy that collects them would keep them from coming.
  all.add("Cache-Control", "no-cache");
  all.add("X-Accel-Buffering", "no");
  if (headers.get() != nullptr) all.update(*headers.get());
  connection.start_reply(200, &all, "text/event-stream");
  co_await connection.send_head();
  co_return EventStream(connection);
}

}  // namespace

Coro<ReplyStream> Request::start_reply(int status, HeadersRef headers) {
  return started_reply(*connection_, status, headers);
}
Coro<EventStream> Request::start_events(HeadersRef headers) {
  return started_events(*connection_, headers);
}

void Request::hang_up() noexcept { connection_->hang_up(); }

Coro<> ReplyStream::write(std::string_view content) { return connection_->write_content(content); }

// --- events -------------------------------------------------------------------------------------

namespace {

// Each line of `text` behind "NAME: ".
void append_lines(std::string& out, std::string_view name, std::string_view text) {
  for (bool more = true; more;) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    out.append(name).append(": ").append(text.substr(0, end)).append("\n");
    more = end < text.size();
    const bool two = text.substr(end, 2) == "\r\n";
    text.remove_prefix(std::min(end + (two ? 2 : 1), text.size()));
  }
}

void append_word(std::string& out, std::string_view name, std::string_view word) {
  if (word.empty()) return;
  if (word.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    throw_invalid_argument(fmt::format(
        "EventStream::send(): the {} has a line end or NUL, which could begin another event: {}; "
        "remove or encode it",
        name, detail::quoted(word)));
  }
  out.append(name).append(": ").append(word).append("\n");
}

}  // namespace

Coro<> EventStream::send(std::string_view data, EventOptions options) {
  std::string text;
  append_word(text, "event", options.event);
  append_word(text, "id", options.id);
  if (options.retry) text += fmt::format("retry: {}\n", options.retry->nanoseconds() / 1'000'000);
  append_lines(text, "data", data);
  text += "\n";
  return connection_->write_text(std::move(text));
}

Coro<> EventStream::comment(std::string_view comment) {
  std::string text;
  append_lines(text, "", comment);
  text += "\n";
  return connection_->write_text(std::move(text));
}

}  // namespace asyncio::http
