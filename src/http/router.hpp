#pragma once

#include <asyncio/detail/http_handler.hpp>

#include <forward_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::http::detail {

/// A handler, and the names of what its pattern leaves open.
struct Route {
  std::string pattern;
  std::vector<std::string> names;
  Handler handler;
};

/// What a path was found to be. Its memory is used again.
struct Match {
  const Route* route = nullptr;
  bool path_known = false;               ///< with this method or another
  std::vector<std::string_view> values;  ///< of the route's names
  std::forward_list<std::string> decoded;

  void clear() noexcept {
    route = nullptr;
    path_known = false;
    values.clear();
    decoded.clear();
  }
};

/// The routes, as a tree of the segments of their patterns.
class Router {
 public:
  Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  ~Router();

  /// Throws: std::invalid_argument "Server: ...".
  void add(std::string_view method, std::string_view pattern, Handler handler);
  /// `path` as it was sent.
  void find(std::string_view method, std::string_view path, Match& match) const;
  /// "GET, HEAD, OPTIONS" of a path; of "*" those of all paths. "": nobody knows it
  [[nodiscard]] std::string methods_of(std::string_view path) const;

 private:
  struct Node;
  struct Walk;
  std::unique_ptr<Node> root_;
};

}  // namespace asyncio::http::detail
