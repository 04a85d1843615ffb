// URLs, parameters, headers, proxies: what needs no connection.

#include <asyncio/http.hpp>

#include "http/proxies.hpp"
#include "http/text.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

using asyncio::http::Headers;
using asyncio::http::InvalidURL;
using asyncio::http::Params;
using asyncio::http::URL;
using asyncio::http::detail::matches_no_proxy;
using asyncio::http::detail::Proxies;
using support::thrown_by;

TEST(HttpUrl, HasItsParts) {
  const URL url("HTTPS://me:p%40ss@Example.COM:8443/a/b?x=1&y#part");
  EXPECT_EQ(url.str(), "https://example.com:8443/a/b?x=1&y");
  EXPECT_EQ(url.scheme(), "https");
  EXPECT_EQ(url.host(), "example.com");
  EXPECT_EQ(url.port(), 8443);
  EXPECT_EQ(url.path(), "/a/b");
  EXPECT_EQ(url.query(), "x=1&y");
  EXPECT_EQ(url.fragment(), "part");
  EXPECT_EQ(url.username(), "me");
  EXPECT_EQ(url.password(), "p@ss");
  EXPECT_EQ(URL("http://h").str(), "http://h/");
  EXPECT_EQ(URL("http://h:80/").str(), "http://h/");
  EXPECT_EQ(URL("https://h:443/").port(), 443);
  EXPECT_EQ(URL("http://[::1]:81/x").host(), "::1");
  EXPECT_EQ(URL("http://[::1]:81/x").str(), "http://[::1]:81/x");
  EXPECT_EQ(URL("http://h/a b?c d").str(), "http://h/a%20b?c+d");
  EXPECT_EQ(URL("http://h/\xc3\xa9").str(), "http://h/%c3%a9");
}

TEST(HttpUrl, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "h", "/x", "http://", "http:///x", "http:/x", "ftp://h/", "mailto:me", "http://h:0/",
        "http://h:99999/", "http://h:x/", "http://h h/", "http://h/\n", "http://[::1"}) {
    EXPECT_THROW((void)URL(bad), InvalidURL) << bad;
  }
  EXPECT_EQ(thrown_by([] { (void)URL("http://me:secret@h:x/"); }).find("secret"),
            std::string::npos);
}

// What a URL is, in one text.
std::string parts_of(const std::string& text) {
  try {
    const URL url(text);
    return url.str() + " " + url.host() + " " + std::to_string(url.port()) + " " +
           std::string(url.path()) + " " + std::string(url.query());
  } catch (const InvalidURL&) {
    return "none";
  }
}

// With a fragment it is curl that reads them.
TEST(HttpUrl, PlainOnesAreReadAsCurlReadsThem) {
  std::size_t urls = 0;
  for (const std::string scheme : {"http://", "https://", "HTTP://"}) {
    for (const std::string host :
         {"h", "a.b-c", "127.0.0.1", "127.1", "0x7f.1", "1.2.3.4.", "01.2.3.4", "256.1.1.1", "a..b",
          "-a", "a-", "A.b", "h.", "1a", "", "me:x@h", "a_b", "[::1]"}) {
      for (const std::string port : {"", ":80", ":443", ":8080", ":0", ":080", ":65536", ":"}) {
        for (const std::string path : {"", "/", "/a/B", "//a", "/.", "/.a", "/a./b", "/a/../b",
                                       "/%41", "/~x;y=1@:z", "/ "}) {
          for (const std::string query : {"", "?", "?x=1&y", "?a?/./", "? "}) {
            const std::string text = scheme + host + port + path + query;
            ASSERT_EQ(parts_of(text), parts_of(text + "#")) << text;
            ++urls;
          }
        }
      }
    }
  }
  EXPECT_GT(urls, 20'000U);
}

TEST(HttpUrl, JoinsReferences) {
  const URL base("http://h/a/b?x");
  EXPECT_EQ(base.join("c").str(), "http://h/a/c");
  EXPECT_EQ(base.join("../c").str(), "http://h/c");
  EXPECT_EQ(base.join("/c?y").str(), "http://h/c?y");
  EXPECT_EQ(base.join("/d/../c").str(), "http://h/c");
  EXPECT_EQ(URL("http://me:x@h/a#b").join("/c"), URL("http://h/c"));
  EXPECT_EQ(URL("http://me:x@h/a#b").join("/c").username(), "");
  EXPECT_EQ(base.join("?y").str(), "http://h/a/b?y");
  EXPECT_EQ(base.join("//o/p").str(), "http://o/p");
  EXPECT_EQ(base.join("https://o").str(), "https://o/");
  const Params more = {{"y", "2"}};
  EXPECT_EQ(base.with_params(more).str(), "http://h/a/b?x&y=2");
  EXPECT_EQ(URL("http://h/?").with_params(more).str(), "http://h/?y=2");
  EXPECT_TRUE(base.same_origin("http://h:80/z"));
  EXPECT_FALSE(base.same_origin("https://h/z"));
}

TEST(HttpParams, AreEncodedAndParsed) {
  const Params params = {{"a b", "1&2"}, {"c", "\xc3\xa9"}, {"c", ""}};
  EXPECT_EQ(params.str(), "a%20b=1%262&c=%C3%A9&c=");
  EXPECT_EQ(Params::parse(params.str()), params);
  const Params parsed = Params::parse("x=1+2&&y&=z&x=%zz");
  EXPECT_EQ(parsed.get("x"), "1 2");
  EXPECT_EQ(parsed.get_list("x"), (std::vector<std::string>{"1 2", "%zz"}));
  EXPECT_EQ(parsed.get("y"), "");
  EXPECT_EQ(parsed.get(""), "z");
  EXPECT_EQ(parsed.get("none"), std::nullopt);
}

TEST(HttpHeaders, KeepOrderAndIgnoreCase) {
  Headers headers = {{"A", " 1 "}, {"B", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.get("a"), "1, 3");
  EXPECT_EQ(headers.value("A"), "1");
  headers.set("a", "4");
  EXPECT_EQ(headers.get("A"), "4");
  EXPECT_EQ(headers.begin()->name, "a");
  EXPECT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers.remove("b"), 1U);
  EXPECT_FALSE(headers.contains("B"));
  EXPECT_EQ(
      thrown_by([&] { headers.add("a b", "x"); }),
      "invalid_argument: Headers: \"a b\" is no name of a header; it has letters, digits and -, "
      "no spaces and no colon");
}

// Failure 88
TEST(HttpProxies, NoProxyNamesHostsPortsAndNetworks) {
  EXPECT_TRUE(matches_no_proxy("*", "any", 80));
  EXPECT_TRUE(matches_no_proxy("example.com", "example.com", 80));
  EXPECT_TRUE(matches_no_proxy("example.com", "www.example.com", 80));
  EXPECT_TRUE(matches_no_proxy(".example.com", "www.example.com", 80));
  EXPECT_FALSE(matches_no_proxy("example.com", "notexample.com", 80));
  EXPECT_TRUE(matches_no_proxy("h:8080", "h", 8080));
  EXPECT_FALSE(matches_no_proxy("h:8080", "h", 80));
  EXPECT_TRUE(matches_no_proxy("::1", "::1", 80));
  EXPECT_TRUE(matches_no_proxy("[::1]:80", "::1", 80));
  EXPECT_FALSE(matches_no_proxy("[::1]:80", "::1", 81));
  EXPECT_TRUE(matches_no_proxy("127.0.0.1", "127.0.0.1", 80));
  EXPECT_FALSE(matches_no_proxy("0.1", "127.0.0.1", 80));
  EXPECT_FALSE(matches_no_proxy(".1", "127.0.0.1", 80));
  EXPECT_TRUE(matches_no_proxy("10.0.0.0/8", "10.1.2.3", 80));
  EXPECT_FALSE(matches_no_proxy("10.0.0.0/8", "11.1.2.3", 80));
  EXPECT_TRUE(matches_no_proxy("fe80::/10", "fe80::1", 80));
  EXPECT_FALSE(matches_no_proxy("10.0.0.0/99", "10.0.0.1", 80));
  EXPECT_FALSE(matches_no_proxy("[", "h", 80));
  EXPECT_FALSE(matches_no_proxy("", "h", 80));
}

namespace {

class Environment {
 public:
  Environment(std::initializer_list<std::pair<const char*, const char*>> variables) {
    for (const auto& [name, value] : variables) {
      ::setenv(name, value, 1);  // NOLINT(concurrency-mt-unsafe)
      names_.push_back(name);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const std::string& name : names_)
      ::unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  }

 private:
  std::vector<std::string> names_;
};

std::string chosen(const Proxies& proxies, const char* url) {
  const auto* proxy = proxies.choose(url);
  return proxy == nullptr ? "none" : proxy->url;
}

}  // namespace

TEST(HttpProxies, TheEnvironmentChooses) {
  const Environment set({{"HTTP_PROXY", "http://u:p@plain:3128"},
                         {"https_proxy", "socks5h://secure"},
                         {"NO_PROXY", "Inner.test, 10.0.0.0/8,"}});
  const Proxies proxies("", true);
  EXPECT_EQ(chosen(proxies, "http://x/"), "http://plain:3128");
  EXPECT_EQ(proxies.choose("http://x/")->username, "u");
  EXPECT_EQ(proxies.choose("http://x/")->password, "p");
  EXPECT_EQ(chosen(proxies, "https://x/"), "socks5h://secure:1080");
  EXPECT_EQ(chosen(proxies, "https://a.INNER.test/"), "none");
  EXPECT_EQ(chosen(proxies, "http://10.9.8.7/"), "none");
  EXPECT_EQ(chosen(Proxies("", false), "http://x/"), "none");
  EXPECT_EQ(chosen(Proxies("other:8080", true), "http://inner.test/"), "http://other:8080");
}

TEST(HttpProxies, ACgiProgramDoesNotBelieveItsClient) {
  const Environment set({{"HTTP_PROXY", "http://evil:1"}, {"REQUEST_METHOD", "GET"}});
  EXPECT_EQ(chosen(Proxies("", true), "http://x/"), "none");
}

TEST(HttpProxies, WhatIsNoneIsRefusedWithoutItsPassword) {
  const std::string error = thrown_by([] { (void)Proxies("ftp://u:secret@h", true); });
  EXPECT_EQ(error.find("secret"), std::string::npos) << error;
  EXPECT_NE(error.find("ClientOptions::proxy"), std::string::npos) << error;
}
