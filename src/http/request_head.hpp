#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::http::detail {

/// The head of a request: its text, and views of the parts. Its memory is used again for the next
/// one.
struct RequestHead {
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  std::string text;  ///< with the empty line at its end
  std::string_view method;
  std::string_view target;
  std::string_view path;  ///< as it was sent; "*" for OPTIONS *
  std::string_view query;
  std::vector<Field> fields;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool http10 = false;
  bool keep_alive = false;
  bool expects_continue = false;

  /// Forgets everything but what is cheap to keep.
  void clear() noexcept;
  /// The first of that name; "" if there is none.
  [[nodiscard]] std::string_view value(std::string_view name) const noexcept;
};

/// What is wrong with a request: the status that says so. 0: nothing.
struct RequestError {
  int status = 0;
  const char* why = "";
  explicit operator bool() const noexcept { return status != 0; }
};

/// Fills in what `head.text` says. Refused is whatever one server may read in one way and the next
/// in another, since requests could be smuggled past a proxy in it.
[[nodiscard]] RequestError parse(RequestHead& head);

/// Finds the end of a head in bytes that come in pieces.
class HeadScanner {
 public:
  enum class Found : std::uint8_t { nothing_yet, end, bad_line, too_long };

  /// `bytes` are those of the calls before and more. At most `limit` of them are looked at. Once
  /// it has found something it must be made anew.
  [[nodiscard]] Found scan(std::string_view bytes, std::size_t limit) noexcept;
  /// Where the request line begins: an empty line before it is ignored.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  /// Behind the empty line that ends the head.
  [[nodiscard]] std::size_t end() const noexcept { return line_; }

 private:
  std::size_t begin_ = 0;
  std::size_t line_ = 0;      // where the line begins whose end is not known
  std::size_t searched_ = 0;  // no end of a line from there up to here
};

}  // namespace asyncio::http::detail
