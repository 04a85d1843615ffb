// Boost.Beast's parser, which is in this file alone, and what it lets pass and we do not.

#include "http/request_head.hpp"
#include "http/text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <charconv>

namespace asyncio::http::detail {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using Field = beast::http::field;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

bool is_digits(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A name or address with a port, of what is allowed there (RFC 3986, 3.2.2), without a user.
bool is_authority(std::string_view text) noexcept {
  constexpr std::string_view others = "-._~!$&'()*+,;=:[]%";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           others.find(c) != std::string_view::npos;
  });
}

/// Notes the parts of one head. What it is given points into that, since no line is folded.
class Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(RequestHead& head) noexcept : head_(head) {
    header_limit(static_cast<std::uint32_t>(-1));  // the scanner has seen to that
    body_limit(boost::none);
  }

  RequestError parse() {
    error_code failed;
    const std::size_t used =
        put(boost::asio::const_buffer(head_.text.data(), head_.text.size()), failed);
    if (error_) return error_;
    if (failed == beast::http::error::bad_version && has_other_version()) {
      return {505, "this server knows HTTP/1.1 and HTTP/1.0"};
    }
    if (failed) return {400, "this is no HTTP request"};
    // Beast's own end must be ours.
    if (used != head_.text.size() || !is_header_done()) return {400, "this is no HTTP request"};
    return check();
  }

 private:
  void refuse(const char* why, error_code& failed, int status = 400) noexcept {
    if (!error_) error_ = {status, why};
    failed = beast::http::error::bad_field;
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    head_.method = view(method);
    head_.target = view(target);
    head_.http10 = version == 10;
  }

  void on_field_impl(Field known, beast::string_view name, beast::string_view text,
                     error_code& failed) override {
    const std::string_view value = view(text);
    head_.fields.push_back({view(name), value});
    switch (known) {
      case Field::host: return on_host(value, failed);
      case Field::content_length: return on_content_length(value, failed);
      case Field::transfer_encoding: return on_transfer_encoding(value, failed);
      case Field::connection: return on_connection(value);
      case Field::expect: return on_expect(value, failed);
      default: return;
    }
  }

  void on_host(std::string_view value, error_code& failed) {
    if (++hosts_ > 1) return refuse("there is more than one Host", failed);
    if (!is_authority(value)) refuse("Host is no name", failed);
  }

  // Beast takes a list of equal numbers.
  void on_content_length(std::string_view value, error_code& failed) {
    if (head_.content_length) return refuse("there is more than one Content-Length", failed);
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (!is_digits(value) || error != std::errc()) {
      return refuse("Content-Length is no number", failed);
    }
    head_.content_length = length;
  }

  // Beast takes others than "chunked" for a request without a body.
  void on_transfer_encoding(std::string_view value, error_code& failed) {
    if (head_.chunked) return refuse("there is more than one Transfer-Encoding", failed);
    if (head_.http10) return refuse("HTTP/1.0 has no Transfer-Encoding", failed);
    if (!equal_ignoring_case(value, "chunked")) {
      return refuse("this server knows no Transfer-Encoding but chunked", failed, 501);
    }
    head_.chunked = true;
  }

  void on_connection(std::string_view value) {
    closes_ = closes_ || list_has(value, "close");
    stays_ = stays_ || list_has(value, "keep-alive");
  }

  void on_expect(std::string_view value, error_code& failed) {
    if (!equal_ignoring_case(value, "100-continue")) {
      return refuse("this server knows no Expect but 100-continue", failed, 417);
    }
    head_.expects_continue = !head_.http10;
  }

  [[nodiscard]] bool has_other_version() const noexcept {
    const std::string_view line = std::string_view(head_.text).substr(0, head_.text.find('\r'));
    const std::size_t at = line.rfind(' ');
    if (at == std::string_view::npos) return false;
    const std::string_view version = line.substr(at + 1);
    return version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
           is_digits(version.substr(5, 1)) && is_digits(version.substr(7)) &&
           version != "HTTP/1.1" && version != "HTTP/1.0";
  }

  RequestError check() {
    if (head_.chunked && head_.content_length) {
      return {400, "there are both Content-Length and Transfer-Encoding"};
    }
    if (hosts_ == 0 && !head_.http10) return {400, "there is no Host"};
    head_.keep_alive = head_.http10 ? stays_ && !closes_ : !closes_;
    return split_target();
  }

  RequestError split_target() {
    if (head_.method == "CONNECT") return {501, "this server is no proxy"};
    std::string_view rest = head_.target;
    if (rest == "*" && head_.method == "OPTIONS") {
      head_.path = rest;
      return {};
    }
    if (!rest.starts_with('/') && !skip_authority(rest)) return {400, "the target is no path"};
    if (rest.find('#') != std::string_view::npos) return {400, "the target has a fragment"};
    const std::size_t question = std::min(rest.find('?'), rest.size());
    head_.path = rest.substr(0, question);
    head_.query = rest.substr(std::min(question + 1, rest.size()));
    if (head_.path.empty()) head_.path = "/";
    // A name in a file system would end there.
    if (head_.path.find("%00") != std::string_view::npos) return {400, "the path has a NUL"};
    return {};
  }

  // Of "http://host:port/path", as proxies are sent.
  static bool skip_authority(std::string_view& target) noexcept {
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
      target.remove_prefix(scheme.size());
      const std::size_t end = std::min(target.find_first_of("/?"), target.size());
      const std::string_view authority = target.substr(0, end);
      target.remove_prefix(end);
      return !authority.empty() && is_authority(authority);
    }
    return false;
  }

  // Of a response, and of bodies, which it is never given.
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  RequestHead& head_;
  RequestError error_;
  int hosts_ = 0;
  bool closes_ = false;
  bool stays_ = false;
};

}  // namespace

RequestError parse(RequestHead& head) { return Parser(head).parse(); }

}  // namespace asyncio::http::detail
