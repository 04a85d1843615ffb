#include "base/text.hpp"

#include <cxxabi.h>

#include <cstddef>
#include <cstdlib>

namespace asyncio::detail {
namespace {

bool starts_at(std::string_view text, std::size_t at, std::string_view what) {
  return text.substr(at, what.size()) == what;
}

// Both compilers' spellings of a closure's call operator become ".<lambda>".
std::string with_plain_lambdas(std::string_view pretty) {
  std::string out;
  for (std::size_t i = 0; i < pretty.size();) {
    if (starts_at(pretty, i, "(anonymous class)::operator()")) {  // clang
      if (out.ends_with("::")) out.resize(out.size() - 2);
      out += ".<lambda>";
      i += std::string_view("(anonymous class)::operator()").size();
    } else if (starts_at(pretty, i, "<lambda(")) {  // g++: f()::<lambda(int)>
      if (out.ends_with("::")) out.resize(out.size() - 2);
      int depth = 0;
      do {
        if (pretty[i] == '<' || pretty[i] == '(') ++depth;
        if (pretty[i] == '>' || pretty[i] == ')') --depth;
        ++i;
      } while (i < pretty.size() && depth > 0);
      if (starts_at(pretty, i, "::operator()")) i += std::string_view("::operator()").size();
      out += ".<lambda>";
    } else {
      out += pretty[i++];
    }
  }
  return out;
}

// Brackets that belong to the name ("{anonymous}", "(anonymous namespace)") do not hide it.
std::string without(std::string text, std::string_view what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) {
    text.erase(at, what.size());
  }
  return text;
}

}  // namespace

std::string function_name(std::string_view pretty) {
  std::string text = with_plain_lambdas(pretty);
  for (const char* noise : {"(anonymous namespace)::", "{anonymous}::", "<unnamed>::"}) {
    text = without(text, noise);
  }
  if (auto with = text.find(" [with "); with != std::string::npos) text.resize(with);
  if (auto with = text.rfind(" ["); with != std::string::npos && text.ends_with("]")) {
    text.resize(with);
  }
  // Cut every parameter list and template argument list; what remains before the last parameter
  // list, after the last blank, is the name.
  std::string flat;
  int depth = 0;
  bool ended = false;
  for (std::size_t i = 0; i < text.size() && !ended; ++i) {
    const char c = text[i];
    if (starts_at(text, i, "<lambda>") && depth == 0) {
      flat += "<lambda>";
      i += 7;
      continue;
    }
    if (depth == 0 && starts_at(text, i, "operator()")) {
      flat += "operator()";
      i += 9;
      continue;
    }
    if (c == '(' || c == '<') {
      ++depth;
    } else if (c == ')' || c == '>') {
      --depth;
      // "f(int)::g" and "f(int).<lambda>" go on; "f(int) const" and the end do not.
      if (c == ')' && depth == 0) {
        ended = !(starts_at(text, i + 1, "::") || starts_at(text, i + 1, "."));
      }
    } else if (depth == 0) {
      flat += c;
    }
  }
  if (auto blank = flat.rfind(' '); blank != std::string::npos) flat.erase(0, blank + 1);
  while (!flat.empty() && (flat.front() == '&' || flat.front() == '*')) flat.erase(0, 1);
  return flat.empty() ? std::string(pretty) : flat;
}

std::string function_name(std::source_location where) {
  return function_name(std::string_view(where.function_name()));
}

std::string demangled(const char* symbol) {
  int status = 0;
  char* name = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string text = status == 0 ? name : symbol;
  std::free(name);
  return text;
}

std::string_view file_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string readable_type(std::string_view pretty) {
  const auto begin = pretty.find("T = ");
  if (begin == std::string_view::npos) return std::string(pretty);
  std::string type(pretty.substr(begin + 4));
  if (type.ends_with(']')) type.pop_back();
  // clang: "(lambda at /dir/x.cpp:12:3)"; g++: "f()::<lambda(int)>".
  if (const auto lambda = type.find("(lambda at "); lambda != std::string::npos) {
    auto place = type.substr(lambda + 11);
    if (place.ends_with(')')) place.pop_back();
    return "<lambda> at " + std::string(file_name(place));
  }
  if (type.find("<lambda(") != std::string::npos) return function_name(type);
  for (const char* noise : {"(anonymous namespace)::", "{anonymous}::", "<unnamed>::"}) {
    type = without(std::move(type), noise);
  }
  return type;
}

}  // namespace asyncio::detail
