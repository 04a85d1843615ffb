#pragma once

#include <asyncio/asyncio.hpp>

#include <exception>
#include <string>
#include <type_traits>
#include <vector>

namespace parity {

/// A numbered error, raised by programs.
class Err : public std::exception {
 public:
  explicit Err(int n) noexcept : number(n) {}
  [[nodiscard]] const char* what() const noexcept override { return "a numbered error"; }
  int number;
};

/// A statement had nothing to do.
struct Nothing {
  const char* why;
};

/// As in tests/parity/outcome.py.
[[nodiscard]] std::string describe(const std::exception_ptr& error);
/// True for what Python's `except Exception` takes.
[[nodiscard]] bool is_exception(const std::exception_ptr& error);

[[nodiscard]] inline std::string show(asyncio::None) { return "None"; }
[[nodiscard]] inline std::string show(bool value) { return value ? "True" : "False"; }
template <class N>
  requires(std::is_integral_v<N> && !std::is_same_v<N, bool>)
std::string show(N value) {
  return std::to_string(value);
}
[[nodiscard]] inline std::string show(std::string text) { return text; }

[[nodiscard]] std::string listed(const std::vector<std::string>& items);
[[nodiscard]] std::string show(const std::vector<int>& values);

/// The part of a repr() in square brackets.
[[nodiscard]] std::string bracket(const std::string& repr);

}  // namespace parity
