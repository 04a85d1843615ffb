#pragma once

#include <asyncio/http_params.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio::http {

/// Names and values of cookies: what a request sends, or what an answer has set.
///
/// Python: httpx.Cookies, without domains and paths: those the client's jar looks after
/// Throws: (where values are set) std::invalid_argument for a name that is no token, and for a
/// value with a control character, a space, a comma or a semicolon.
class Cookies : private Params {
 public:
  using Params::const_iterator;
  using Params::Item;

  Cookies() noexcept = default;
  Cookies(std::initializer_list<std::pair<std::string_view, std::string_view>> items);

  void set(std::string_view name, std::string_view value);
  using Params::contains;
  using Params::get;
  /// "a=1; b=2"
  [[nodiscard]] std::string str() const;

  using Params::begin;
  using Params::empty;
  using Params::end;
  using Params::size;
  friend bool operator==(const Cookies&, const Cookies&) = default;
};

/// For options: refers to cookies of the caller's, which live while the call is made.
class CookiesRef {
 public:
  constexpr CookiesRef() noexcept = default;
  constexpr CookiesRef(const Cookies& cookies) noexcept  // NOLINT(google-explicit-constructor)
      : cookies_(&cookies) {}
  [[nodiscard]] const Cookies* get() const noexcept { return cookies_; }

 private:
  const Cookies* cookies_ = nullptr;
};
static_assert(std::is_trivially_destructible_v<CookiesRef>);

/// A cookie that a client keeps, and for whom.
struct StoredCookie {
  std::string name;
  std::string value;
  std::string domain;
  std::string path;
  bool secure = false;           ///< for https only
  std::int64_t expires = 0;      ///< seconds since 1970; 0: when the client ends
  bool with_subdomains = false;  ///< for the hosts below `domain`, too
};

}  // namespace asyncio::http
