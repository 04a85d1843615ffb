#include <asyncio/address.hpp>
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

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw InvalidURL(fmt::format("{} is no URL to request: {}", detail::quoted_url(text), why));
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

bool is_small(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// A name in lower case, or an IPv4 address in its usual form: curl takes "127.1", "0x7f.1" and
// others for addresses, too.
bool is_plain_host(std::string_view host) noexcept {
  if (host.empty() || host.find("..") != std::string_view::npos) return false;
  const bool usual = std::all_of(host.begin(), host.end(), [](char c) {
    return is_small(c) || is_digit(c) || c == '.' || c == '-';
  });
  return usual && (is_small(host.front()) || Address::is_numeric(host));
}

// From 1 to 65535, and nothing else; 0 otherwise.
std::uint16_t plain_port(std::string_view digits) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && digits.front() != '0' ? port : 0;
}

// What stays as it is in a path and in a query.
bool is_plain(std::string_view text) noexcept {
  constexpr std::string_view others = "/-_.~!$&'()*+,;=:@?";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_small(c) || is_digit(c) || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

}  // namespace

// http://HOST[:PORT][/PATH[?QUERY]] with nothing to decode, to encode, to put in order or to
// doubt: what curl would say of it is clear, and asking it takes thirty times as long.
bool URL::parse_plain(std::string_view text) {
  constexpr std::size_t most = 8192;  // curl has a limit, too
  if (text.size() > most) return false;
  const bool https = text.starts_with("https://");
  if (!https && !text.starts_with("http://")) return false;
  const std::size_t begin = https ? 8 : 7;
  const std::size_t slash = std::min(text.find('/', begin), text.size());
  const std::size_t colon = std::min(text.find(':', begin), slash);
  const std::string_view host = text.substr(begin, colon - begin);
  const std::string_view behind = text.substr(slash);
  const std::string_view path = behind.substr(0, behind.find('?'));
  const std::uint16_t usual_port = https ? 443 : 80;
  const std::uint16_t port =
      colon == slash ? usual_port : plain_port(text.substr(colon + 1, slash - colon - 1));
  if (port == 0 || !is_plain_host(host) || !is_plain(behind) || behind.ends_with('?') ||
      path.find("/.") != std::string_view::npos) {
    return false;
  }
  is_https_ = https;
  host_ = host;
  port_ = port;
  text_ = text.substr(0, port == usual_port ? colon : slash);
  path_ = text_.size();
  query_ = path_ + std::max(path.size(), std::size_t{1});
  text_ += path.empty() ? std::string_view("/") : behind;
  return true;
}

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

URL::URL(std::string_view text) {
  if (!parse_plain(text)) parse(text, nullptr);
}

URL URL::join(std::string_view reference) const {
  URL joined;
  const bool is_path = reference.starts_with('/') && !reference.starts_with("//");
  if (is_path && joined.parse_plain(text_.substr(0, path_).append(reference))) return joined;
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
