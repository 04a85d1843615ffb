#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio::http {

/// One line of a header, in the spelling in which it was written.
struct Header {
  std::string name;
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};

/// The header lines of a request or an answer, in their order. Names are compared without regard to
/// case and may come several times.
///
///     http::Headers headers = {{"Accept", "text/html"}};
///     headers.set("X-Trace", id);
///
/// What a program sets is checked where it is set, so that no value can smuggle in another line.
///
/// Python: httpx.Headers
/// Throws: (where values are set) std::invalid_argument for a name that is no token, and for a
/// value with CR, LF, NUL or another control character.
class Headers {
 public:
  using const_iterator = std::vector<Header>::const_iterator;

  Headers() noexcept = default;
  Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  /// Puts a line behind the others, whether or not there is one of that name.
  void add(std::string_view name, std::string_view value);
  /// Takes the place of every line of that name.
  void set(std::string_view name, std::string_view value);
  void set_default(std::string_view name, std::string_view value) {
    if (!contains(name)) add(name, value);
  }
  /// Returns: how many lines there were.
  std::size_t remove(std::string_view name) noexcept;
  /// Each name of `others` takes the place of ours.
  void update(const Headers& others);

  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  /// The values of that name, joined by ", "; nothing if there are none.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  /// The first value of that name; "" if there is none.
  [[nodiscard]] std::string_view value(std::string_view name) const noexcept;
  /// Python: get_list()
  [[nodiscard]] std::vector<std::string> get_list(std::string_view name) const;

  [[nodiscard]] const_iterator begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return fields_.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  void clear() noexcept { fields_.clear(); }

  friend bool operator==(const Headers&, const Headers&) = default;

 private:
  std::vector<Header> fields_;
};

/// For options: refers to headers of the caller's, which live while the call is made.
class HeadersRef {
 public:
  constexpr HeadersRef() noexcept = default;
  constexpr HeadersRef(const Headers& headers) noexcept  // NOLINT(google-explicit-constructor)
      : headers_(&headers) {}
  [[nodiscard]] const Headers* get() const noexcept { return headers_; }

 private:
  const Headers* headers_ = nullptr;
};
static_assert(std::is_trivially_destructible_v<HeadersRef>);

}  // namespace asyncio::http
