#include "http/router.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

using asyncio::http::detail::Handler;
using asyncio::http::detail::Match;
using asyncio::http::detail::Router;

namespace {

/// "PATTERN a=1 b=2", "-" for a path of other methods, "" for none.
std::string found(const Router& router, std::string_view method, std::string_view path) {
  Match match;
  router.find(method, path, match);
  if (match.route == nullptr) return match.path_known ? "-" : "";
  std::string text = match.route->pattern;
  EXPECT_EQ(match.route->names.size(), match.values.size()) << path;
  for (std::size_t i = 0; i < match.values.size(); ++i) {
    text += " " + match.route->names[i] + "=" + std::string(match.values[i]);
  }
  return text;
}

}  // namespace

TEST(Router, FindsTheMostParticularPattern) {
  Router router;
  for (const char* pattern : {"/", "/users", "/users/", "/users/me", "/users/{id}",
                              "/users/{id}/posts", "/users/{name...}", "/{a}/{b}/{c}", "/café"}) {
    router.add("GET", pattern, Handler());
  }
  EXPECT_EQ(found(router, "GET", "/"), "/");
  EXPECT_EQ(found(router, "GET", "/users"), "/users");
  EXPECT_EQ(found(router, "GET", "/users/"), "/users/");
  EXPECT_EQ(found(router, "GET", "/users/me"), "/users/me");
  EXPECT_EQ(found(router, "GET", "/users/m%65"), "/users/me");
  EXPECT_EQ(found(router, "GET", "/users/7"), "/users/{id} id=7");
  EXPECT_EQ(found(router, "GET", "/users/me/posts"), "/users/{id}/posts id=me");
  EXPECT_EQ(found(router, "GET", "/users/7/other"), "/users/{name...} name=7/other");
  EXPECT_EQ(found(router, "GET", "/x/y/z"), "/{a}/{b}/{c} a=x b=y c=z");
  EXPECT_EQ(found(router, "GET", "/x/y/"), "");
  EXPECT_EQ(found(router, "GET", "/x//z"), "");
  EXPECT_EQ(found(router, "GET", "/caf%C3%A9"), "/café");
  EXPECT_EQ(found(router, "GET", "/none"), "");
  EXPECT_EQ(found(router, "GET", "*"), "");
  EXPECT_EQ(found(router, "POST", "/users"), "-");
}

TEST(Router, DecodesSegmentsByThemselves) {
  Router router;
  router.add("GET", "/files/{name}", Handler());
  router.add("GET", "/all/{rest...}", Handler());
  EXPECT_EQ(found(router, "GET", "/files/a%2Fb"), "/files/{name} name=a/b");
  EXPECT_EQ(found(router, "GET", "/files/a/b"), "");
  EXPECT_EQ(found(router, "GET", "/files%2Fa"), "");
  EXPECT_EQ(found(router, "GET", "/files/%zz%"), "/files/{name} name=%zz%");
  EXPECT_EQ(found(router, "GET", "/all/a/%62//c/"), "/all/{rest...} rest=a/b//c/");
  EXPECT_EQ(found(router, "GET", "/all/"), "/all/{rest...} rest=");
  EXPECT_EQ(found(router, "GET", "/all"), "");
}

TEST(Router, LooksForTheMethodInEveryPatternThatMatches) {
  Router router;
  router.add("GET", "/users/me", Handler());
  router.add("POST", "/users/{id}", Handler());
  router.add("DELETE", "/{all...}", Handler());
  EXPECT_EQ(found(router, "POST", "/users/me"), "/users/{id} id=me");
  EXPECT_EQ(found(router, "DELETE", "/users/me"), "/{all...} all=users/me");
  EXPECT_EQ(found(router, "HEAD", "/users/me"), "/users/me");
  EXPECT_EQ(found(router, "PUT", "/users/me"), "-");
  EXPECT_EQ(router.methods_of("/users/me"), "DELETE, GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(router.methods_of("/x"), "DELETE, OPTIONS");
  EXPECT_EQ(router.methods_of("*"), "DELETE, GET, HEAD, OPTIONS, POST");
}
