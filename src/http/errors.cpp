#include <asyncio/http_errors.hpp>

#include "http/kept_response.hpp"

#include <fmt/format.h>

namespace asyncio::http {

using asyncio::detail::Ref;
using asyncio::detail::SharedText;

HTTPError::HTTPError(std::string_view method, std::string_view url, std::string_view what)
    : TextError(fmt::format("{} {}: {}", method, url, what)),
      method_(SharedText::make(method)),
      url_(SharedText::make(url)) {}

std::string_view HTTPError::method() const noexcept {
  return method_ ? method_->view() : std::string_view();
}

std::string_view HTTPError::url() const noexcept {
  return url_ ? url_->view() : std::string_view();
}

HTTPStatusError::HTTPStatusError(std::string_view what, const Response& response)
    : HTTPError(response.method, response.url.str(), what),
      response_(Ref<detail::KeptResponse>::adopt(new detail::KeptResponse(response))) {}

HTTPStatusError::HTTPStatusError(const HTTPStatusError& other) noexcept = default;
HTTPStatusError& HTTPStatusError::operator=(const HTTPStatusError& other) noexcept = default;
HTTPStatusError::~HTTPStatusError() = default;

const Response& HTTPStatusError::response() const noexcept { return response_->response; }

}  // namespace asyncio::http
