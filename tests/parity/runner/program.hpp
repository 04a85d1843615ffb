#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parity {

/// A line of a program and what it contains; tests/parity/program.py describes the language.
struct Node {
  std::vector<std::string> words;  // the first one is the operation, without its "~"
  bool quiet = false;              // "~op": its error goes no further
  int line = 0;
  std::vector<Node> nodes;

  [[nodiscard]] const std::string& op() const { return words[0]; }
  /// The part of a `try` with this name; null if it has none.
  [[nodiscard]] const Node* part(std::string_view name) const;
};

/// Throws: std::runtime_error for what is no program.
[[nodiscard]] std::vector<Node> parse(const std::string& text);

/// "t12" is 12.
[[nodiscard]] int number_of(std::string_view name);
[[nodiscard]] long long to_integer(std::string_view word);

}  // namespace parity
