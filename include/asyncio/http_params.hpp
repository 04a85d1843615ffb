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

/// Names and values of a query or a form, in their order; a name may come several times. What they
/// are made of is free: it is encoded.
///
///     http::Params params = {{"q", "C++ & co"}, {"page", "2"}};
///
/// Python: httpx.QueryParams
class Params {
 public:
  struct Item {
    std::string name;
    std::string value;
    friend bool operator==(const Item&, const Item&) = default;
  };
  using const_iterator = std::vector<Item>::const_iterator;

  Params() noexcept = default;
  Params(std::initializer_list<std::pair<std::string_view, std::string_view>> items);
  /// Of "q=C%2B%2B&page=2"; "+" is a space.
  [[nodiscard]] static Params parse(std::string_view query);

  void add(std::string_view name, std::string_view value);
  /// Takes the place of every item of that name.
  void set(std::string_view name, std::string_view value);

  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  /// The first of that name.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> get_list(std::string_view name) const;

  /// Percent-encoded, for a URL or as application/x-www-form-urlencoded.
  [[nodiscard]] std::string str() const;

  [[nodiscard]] const_iterator begin() const noexcept { return items_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return items_.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  friend bool operator==(const Params&, const Params&) = default;

 private:
  std::vector<Item> items_;
};

/// For options: refers to parameters of the caller's, which live while the call is made.
class ParamsRef {
 public:
  constexpr ParamsRef() noexcept = default;
  constexpr ParamsRef(const Params& params) noexcept  // NOLINT(google-explicit-constructor)
      : params_(&params) {}
  [[nodiscard]] const Params* get() const noexcept { return params_; }

 private:
  const Params* params_ = nullptr;
};
static_assert(std::is_trivially_destructible_v<ParamsRef>);

}  // namespace asyncio::http
