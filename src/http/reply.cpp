#include <asyncio/error.hpp>
#include <asyncio/http_reply.hpp>

#include "http/reply_head.hpp"

#include <fmt/format.h>

#include <utility>

namespace asyncio::http {

Reply::Reply(int reply_status, std::string text) : status(reply_status), content(std::move(text)) {
  detail::check_status("Reply", status);
}

Reply Reply::json(std::string text) {
  Reply reply(std::move(text));
  reply.type_ = "application/json";
  return reply;
}

Reply Reply::html(std::string text) {
  Reply reply(std::move(text));
  reply.type_ = "text/html; charset=utf-8";
  return reply;
}

Reply Reply::redirect(std::string_view url, int status) {
  if (status < 300 || status > 399) {
    asyncio::detail::throw_invalid_argument(fmt::format(
        "Reply::redirect(): {} is no redirection; there are 301, 302, 303, 307 and 308", status));
  }
  Reply reply(status);
  reply.headers.set("Location", url);
  return reply;
}

Abort::Abort(int status, const std::string& text) : std::runtime_error(text), status_(status) {
  detail::check_status("Abort", status);
}

}  // namespace asyncio::http
