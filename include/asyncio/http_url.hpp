#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace asyncio::http {

class Params;

/// A text that is no URL, or none of http and https.
///
/// Python: httpx.InvalidURL
class InvalidURL : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// An absolute http or https URL, in parts. It is parsed by the rules, and the code, by which it is
/// connected to, so that no two readers can see two hosts in it; but for those that are so plain
/// that there is nothing to see twice.
///
/// Python: httpx.URL
class URL {
 public:
  /// Spaces and bytes beyond ASCII in path and query are percent-encoded.
  ///
  /// Throws: InvalidURL, also for CR, LF, NUL and other control characters, and for another scheme.
  URL(std::string_view text);  // NOLINT(google-explicit-constructor): wherever httpx takes a str
  URL(const char* text) : URL(std::string_view(text)) {}         // NOLINT
  URL(const std::string& text) : URL(std::string_view(text)) {}  // NOLINT

  /// Without user and password, and without a port that is the scheme's.
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// "http" or "https"
  [[nodiscard]] std::string_view scheme() const noexcept { return is_https_ ? "https" : "http"; }
  /// In lower case; an IPv6 address without its brackets.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// The scheme's if the URL names none.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// As in the URL, at least "/".
  [[nodiscard]] std::string_view path() const noexcept;
  /// Without its "?"; "" if there is none.
  [[nodiscard]] std::string_view query() const noexcept;
  [[nodiscard]] const std::string& fragment() const noexcept { return fragment_; }
  /// Decoded.
  [[nodiscard]] const std::string& username() const noexcept { return username_; }
  [[nodiscard]] const std::string& password() const noexcept { return password_; }

  /// Of a link in the page of this URL: "../b?x=1", "//other.example/", "https://other.example".
  ///
  /// Throws: InvalidURL.
  [[nodiscard]] URL join(std::string_view reference) const;
  /// With these behind the parameters that it has.
  [[nodiscard]] URL with_params(const Params& params) const;
  /// Of the same scheme, host and port.
  [[nodiscard]] bool same_origin(const URL& other) const noexcept {
    return is_https_ == other.is_https_ && port_ == other.port_ && host_ == other.host_;
  }

  friend bool operator==(const URL& a, const URL& b) noexcept {
    return a.text_ == b.text_ && a.fragment_ == b.fragment_;
  }

 private:
  URL() noexcept = default;
  void parse(std::string_view text, const char* base);
  bool parse_plain(std::string_view text);

  std::string text_;
  std::string host_;
  std::string fragment_;
  std::string username_;
  std::string password_;
  std::size_t path_ = 0;   // where it begins
  std::size_t query_ = 0;  // its "?", or the end
  std::uint16_t port_ = 0;
  bool is_https_ = false;
};

}  // namespace asyncio::http
