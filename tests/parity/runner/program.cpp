#include "program.hpp"

#include <charconv>
#include <sstream>
#include <stdexcept>

namespace parity {
namespace {

Node parse_line(const std::string& line, int number) {
  Node node;
  node.line = number;
  std::istringstream words(line);
  for (std::string word; words >> word;) node.words.push_back(word);
  node.quiet = node.words[0][0] == '~';
  if (node.quiet) node.words[0].erase(0, 1);
  return node;
}

}  // namespace

std::vector<Node> parse(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || !line.starts_with("program ")) {
    throw std::runtime_error("a program begins with a line `program TITLE`");
  }
  Node top;
  for (int number = 2; std::getline(lines, line); ++number) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    Node* parent = &top;
    for (std::size_t depth = indent / 2; depth > 0; --depth) {
      if (parent->nodes.empty()) throw std::runtime_error("indented too far: " + line);
      parent = &parent->nodes.back();
    }
    parent->nodes.push_back(parse_line(line, number));
  }
  return std::move(top.nodes);
}

const Node* Node::part(std::string_view name) const {
  for (const Node& node : nodes) {
    if (node.op() == name) return &node;
  }
  return nullptr;
}

long long to_integer(std::string_view word) {
  long long value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    throw std::runtime_error("no number: " + std::string(word));
  }
  return value;
}

int number_of(std::string_view name) { return static_cast<int>(to_integer(name.substr(1))); }

}  // namespace parity
