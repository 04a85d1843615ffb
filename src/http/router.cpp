#include "http/router.hpp"

#include <asyncio/error.hpp>

#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace asyncio::http::detail {
namespace {

using asyncio::detail::throw_invalid_argument;

struct ByMethod {
  std::string method;
  std::unique_ptr<Route> route;  // stays where it is while routes are added
};
using Routes = std::vector<ByMethod>;

const Route* of_method(const Routes& routes, std::string_view method) noexcept {
  const auto found = std::find_if(routes.begin(), routes.end(),
                                  [&](const ByMethod& r) { return r.method == method; });
  return found == routes.end() ? nullptr : found->route.get();
}

/// "/a/b" is "a" and "b", "/" is "".
struct Segments {
  std::string_view rest;  // behind the "/"
  std::string_view next() noexcept {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, slash);
    last = slash == rest.size();
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    return segment;
  }
  bool last = false;  // next() has given the last one
};

[[noreturn]] void refuse(std::string_view pattern, const char* why) {
  throw_invalid_argument(
      fmt::format("Server: {} is no pattern of a path: {}", quoted(pattern), why));
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> texts;
  std::unique_ptr<Node> any;  // {name}
  Routes routes;              // of patterns that end here
  Routes rests;               // of those that end with {name...}

  void add_methods(std::set<std::string_view>& methods) const {
    for (const ByMethod& r : routes) methods.insert(r.method);
    for (const ByMethod& r : rests) methods.insert(r.method);
    for (const auto& [text, node] : texts) node->add_methods(methods);
    if (any != nullptr) any->add_methods(methods);
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

namespace {

// The name in "{name}" or "{name...}"; "" for a text. Throws: std::invalid_argument for neither.
std::string_view name_in(std::string_view segment, std::string_view pattern) {
  if (segment.find_first_of("{}") == std::string_view::npos) return {};
  if (!segment.starts_with('{') || !segment.ends_with('}')) {
    refuse(pattern, "what is in braces is a whole segment, as in /users/{id}");
  }
  std::string_view name = segment.substr(1, segment.size() - 2);
  if (name.ends_with("...")) name.remove_suffix(3);
  if (!is_token(name)) refuse(pattern, "a name stands in braces, of letters, digits and _");
  return name;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  check_method("Server", method);
  if (!pattern.starts_with('/')) refuse(pattern, "it begins with /");
  if (pattern.find_first_of("?#") != std::string_view::npos) {
    refuse(pattern, "it has no query; see Request::query_value()");
  }
  auto route = std::make_unique<Route>();
  route->pattern = pattern;
  Node* node = root_.get();
  bool takes_rest = false;
  Segments segments{pattern.substr(1)};
  while (!segments.last) {
    const std::string_view segment = segments.next();
    const std::string_view name = name_in(segment, pattern);
    if (name.empty()) {
      auto& child = node->texts[std::string(segment)];
      if (child == nullptr) child = std::make_unique<Node>();
      node = child.get();
      continue;
    }
    if (std::find(route->names.begin(), route->names.end(), name) != route->names.end()) {
      refuse(pattern, "a name comes once");
    }
    route->names.emplace_back(name);
    takes_rest = segment.ends_with("...}");
    if (takes_rest && !segments.last) refuse(pattern, "{name...} is the last segment");
    if (takes_rest) continue;
    if (node->any == nullptr) node->any = std::make_unique<Node>();
    node = node->any.get();
  }
  Routes& routes = takes_rest ? node->rests : node->routes;
  if (const Route* other = of_method(routes, method)) {
    throw_invalid_argument(
        fmt::format("Server: {} {} is there already, as {}; a route has one "
                    "handler",
                    method, pattern, other->pattern));
  }
  route->handler = std::move(handler);
  routes.push_back({std::string(method), std::move(route)});
}

/// One look for a path. It goes down the tree, and back where that was a dead end.
struct Router::Walk {
  std::string_view method;
  Match* match;
  std::set<std::string_view>* methods;  // all that are met, if that is asked for

  // Returns: true if it is over.
  bool take(const Routes& routes) const {
    if (routes.empty()) return false;
    match->path_known = true;
    if (methods != nullptr) {
      for (const ByMethod& r : routes) methods->insert(r.method);
      return false;
    }
    match->route = of_method(routes, method);
    if (match->route == nullptr && method == "HEAD") match->route = of_method(routes, "GET");
    return match->route != nullptr;
  }

  [[nodiscard]] std::string_view decoded(std::string_view raw) const {
    if (raw.find('%') == std::string_view::npos) return raw;
    return match->decoded.emplace_front(percent_decode(raw));
  }

  bool descend(const Node& node, Segments segments) const {
    if (segments.last) return take(node.routes);
    const std::string_view whole = segments.rest;
    const std::string_view segment = decoded(segments.next());
    if (const auto text = node.texts.find(segment); text != node.texts.end()) {
      if (descend(*text->second, segments)) return true;
    }
    if (node.any != nullptr && !segment.empty()) {
      match->values.push_back(segment);
      if (descend(*node.any, segments)) return true;
      match->values.pop_back();
    }
    if (node.rests.empty()) return false;
    match->values.push_back(decoded(whole));
    if (take(node.rests)) return true;
    match->values.pop_back();
    return false;
  }
};

void Router::find(std::string_view method, std::string_view path, Match& match) const {
  match.clear();
  if (!path.starts_with('/')) return;
  (void)Walk{method, &match, nullptr}.descend(*root_, Segments{path.substr(1)});
}

std::string Router::methods_of(std::string_view path) const {
  std::set<std::string_view> methods;
  if (path == "*") {
    root_->add_methods(methods);
  } else if (path.starts_with('/')) {
    Match match;
    (void)Walk{{}, &match, &methods}.descend(*root_, Segments{path.substr(1)});
  }
  if (methods.empty()) return {};
  if (methods.contains("GET")) methods.insert("HEAD");
  methods.insert("OPTIONS");
  return fmt::format("{}", fmt::join(methods, ", "));
}

}  // namespace asyncio::http::detail
