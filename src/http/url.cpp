#include <asyncio/http_params.hpp>
#include <asyncio/http_url.hpp>

#include "http/curl_owned.hpp"
#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace asyncio::http {
namespace {

using detail::CurlText;
using detail::quoted;
using detail::UrlHandle;

// What stands before the "@" of the host may be a password.
std::string without_password(std::string_view text) {
  const std::size_t at = text.substr(0, text.find_first_of("?#")).rfind('@');
  if (at == std::string_view::npos) return quoted(text);
  return quoted(fmt::format("[...]{}", text.substr(at)));
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw InvalidURL(fmt::format("{} is no URL to request: {}", without_password(text), why));
}

void check_characters(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) refuse(text, "it has a control character");
  }
}

CurlText part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  const CURLUcode code = curl_url_get(url, which, &text, flags);
  if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
  return CurlText(code == CURLUE_OK ? text : nullptr);
}

std::string text_of(const CurlText& text) { return text ? text.get() : ""; }

// curl takes one slash, or three, for two.
bool has_odd_slashes(std::string_view text) {
  const std::size_t colon = text.find_first_of(":/?#");
  if (colon == std::string_view::npos || text[colon] != ':') return text.starts_with("///");
  const std::string_view rest = text.substr(colon + 1);
  return rest.starts_with('/') && (!rest.starts_with("//") || rest.starts_with("///"));
}

std::string scheme_refused(CURLU* url) {
  return fmt::format("only http and https can be requested, not {}",
                     quoted(text_of(part(url, CURLUPART_SCHEME))));
}

}  // namespace

void URL::parse(std::string_view text, const char* base) {
  check_characters(text);
  const UrlHandle url(curl_url());
  if (url == nullptr) throw std::bad_alloc();
  if (base != nullptr) curl_url_set(url.get(), CURLUPART_URL, base, 0);
  const std::string terminated(text);
  constexpr unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE | CURLU_ALLOW_SPACE;
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, terminated.c_str(), flags);
  if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code == CURLUE_BAD_SCHEME && text.find("://") == std::string_view::npos) {
    refuse(text,
           "it does not begin with http:// or https://; give an absolute URL, or the client "
           "a base_url");
  }
  if (code != CURLUE_OK) refuse(text, curl_url_strerror(code));
  if (has_odd_slashes(text)) refuse(text, "its host stands between two slashes and a third");

  const std::string scheme = text_of(part(url.get(), CURLUPART_SCHEME));
  is_https_ = scheme == "https";
  if (!is_https_ && scheme != "http") refuse(text, scheme_refused(url.get()));
  username_ = text_of(part(url.get(), CURLUPART_USER, CURLU_URLDECODE));
  password_ = text_of(part(url.get(), CURLUPART_PASSWORD, CURLU_URLDECODE));
  fragment_ = text_of(part(url.get(), CURLUPART_FRAGMENT));
  const std::string host = detail::lower(text_of(part(url.get(), CURLUPART_HOST)));
  if (host.empty()) refuse(text, "it has no host");
  const std::string port = text_of(part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  if (std::from_chars(port.data(), port.data() + port.size(), port_).ec != std::errc() ||
      port_ == 0) {
    refuse(text, "its port is no number from 1 to 65535");
  }
  host_ = host.front() == '[' ? host.substr(1, host.size() - 2) : host;

  text_ = scheme + "://" + host;
  if (port_ != (is_https_ ? 443 : 80)) text_ += ":" + port;
  path_ = text_.size();
  text_ += text_of(part(url.get(), CURLUPART_PATH));
  query_ = text_.size();
  if (const CurlText query = part(url.get(), CURLUPART_QUERY)) {
    text_ += "?";
    text_ += query.get();
  }
}

URL::URL(std::string_view text) { parse(text, nullptr); }

URL URL::join(std::string_view reference) const {
  URL joined;
  joined.parse(reference, text_.c_str());
  return joined;
}

URL URL::with_params(const Params& params) const {
  if (params.empty()) return *this;
  URL longer = *this;
  longer.text_ += query_ == text_.size() ? "?" : query().empty() ? "" : "&";
  longer.text_ += params.str();
  return longer;
}

std::string_view URL::path() const noexcept {
  return std::string_view(text_).substr(path_, query_ - path_);
}

std::string_view URL::query() const noexcept {
  return query_ == text_.size() ? std::string_view() : std::string_view(text_).substr(query_ + 1);
}

}  // namespace asyncio::http
