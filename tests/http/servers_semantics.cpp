// What the header lines say: redirects, parts, conditions, who asks, cookies.

#include "servers_probe.hpp"

#include "support/errors.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Client;
using asyncio::http::Headers;
using asyncio::http::Params;
using asyncio::http::Response;
using probe::connection;
using probe::has;
using probe::numbered;
using probe::type_of;
using probe::where;
using support::thrown_by_await;

SERVERS_TEST(Redirects) {
  const std::string base(where("HTTP"));
  const std::string elsewhere = "http://localhost" + base.substr(base.rfind(':'));
  const Client client({.base_url = base, .follow_redirects = true});

  // Relative, absolute, to another origin and with a fragment.
  const asyncio::http::Auth auth = asyncio::http::basic_auth("ada", "pw");
  const Headers headers = {{"X-Kept", "1"}};
  const Response end = co_await client.get("/301", {.headers = headers, .auth = auth});
  std::vector<std::string> way;
  for (const Response& answer : end.history) {
    way.push_back(std::to_string(answer.status_code) + " " + answer.url.str());
  }
  EXPECT_EQ(way, (std::vector<std::string>{"301 " + base + "/301", "302 " + base + "/302?x=1",
                                           "303 " + base + "/303", "307 " + elsewhere + "/307",
                                           "308 " + elsewhere + "/308"}));
  EXPECT_EQ(end.history.at(4).url.fragment(), "part");
  EXPECT_EQ(end.url.str(), elsewhere + "/origin/echo");
  EXPECT_TRUE(has(end.content, "GET /echo\n0 bytes\n")) << end.content;
  EXPECT_TRUE(has(end.content, "\nX-Kept: 1\n")) << end.content;
  EXPECT_FALSE(has(end.content, "Authorization")) << end.content;

  const Response same = co_await client.get("/to-echo/302", {.auth = auth});
  EXPECT_TRUE(has(same.content, "\nAuthorization: Basic YWRhOnB3\n")) << same.content;

  struct Step {
    const char* method;
    const char* path;
    const char* expected;
  };
  for (const Step& step : {Step{"POST", "/to-echo/301", "GET /echo\n0 bytes\n"},
                           Step{"POST", "/to-echo/302", "GET /echo\n0 bytes\n"},
                           Step{"POST", "/to-echo/303", "GET /echo\n0 bytes\n"},
                           Step{"POST", "/to-echo/307", "POST /echo\n100000 bytes\n"},
                           Step{"POST", "/to-echo/308", "POST /echo\n100000 bytes\n"},
                           Step{"PUT", "/to-echo/302", "PUT /echo\n100000 bytes\n"},
                           Step{"PUT", "/to-echo/303", "GET /echo\n0 bytes\n"}}) {
    const std::string body = numbered(100'000);
    const Response answer = co_await client.request(step.method, step.path, {.content = body});
    EXPECT_EQ(answer.content.substr(0, std::string(step.expected).size()), step.expected)
        << step.method << step.path;
  }

  const std::string loop = co_await thrown_by_await(client.get("/loop"));
  EXPECT_EQ(type_of(loop), "http::TooManyRedirects");
  EXPECT_TRUE(has(loop, "more than 20 times")) << loop;
  const Client three({.base_url = base, .follow_redirects = true, .max_redirects = 3});
  EXPECT_EQ(type_of(co_await thrown_by_await(three.get("/301"))), "http::TooManyRedirects");
  const Response stays = co_await client.get("/loop", {.follow_redirects = false});
  EXPECT_EQ(stays.status_code, 302);
}

SERVERS_TEST(RedirectToHttps) {
  const std::string ca = probe::file("ca.pem");
  const Client client({.base_url = where("HTTP"), .follow_redirects = true, .ca_file = ca});
  const Response answer = co_await client.get("/to-https");
  EXPECT_EQ(answer.url.str(), std::string(where("HTTPS")) + "/origin/echo");
  EXPECT_EQ(answer.history.size(), 1U);
  EXPECT_TRUE(has(answer.content, "GET /echo\n")) << answer.content;
  const Client without({.base_url = where("HTTP"), .follow_redirects = true, .trust_env = false});
  const std::string refused = co_await thrown_by_await(without.get("/to-https"));
  EXPECT_EQ(type_of(refused), "http::ConnectError");
  EXPECT_TRUE(has(refused, "GET https://localhost")) << refused;
}

SERVERS_TEST(Ranges) {
  const Client client({.base_url = where("HTTP")});
  struct Part {
    const char* range;
    const char* content_range;
    std::string content;
  };
  const std::vector<Part> parts = {
      {"bytes=5-36", "bytes 5-36/102400", numbered(32, 5)},
      {"bytes=102390-", "bytes 102390-102399/102400", numbered(10, 102390)},
      {"bytes=-3", "bytes 102397-102399/102400", numbered(3, 102397)}};
  for (const Part& part : parts) {
    const Headers headers = {{"Range", part.range}};
    const Response answer = co_await client.get("/100K", {.headers = headers});
    EXPECT_EQ(answer.status_code, 206);
    EXPECT_EQ(answer.reason_phrase, "Partial Content");
    EXPECT_EQ(answer.headers.get("Content-Range"), part.content_range);
    EXPECT_EQ(answer.content, part.content);
  }
  const Headers behind = {{"Range", "bytes=102400-"}};
  const Response none = co_await client.get("/100K", {.headers = behind});
  EXPECT_EQ(none.status_code, 416);
  EXPECT_EQ(none.headers.get("Content-Range"), "bytes */102400");
  const Headers two = {{"Range", "bytes=0-1,16-17"}};
  const Response several = co_await client.get("/100K", {.headers = two});
  EXPECT_TRUE(has(several.headers.value("Content-Type"), "multipart/byteranges; boundary="));
  EXPECT_TRUE(has(several.content, "Content-Range: bytes 16-17/102400\r\n\r\n00\r\n"));
  EXPECT_EQ(several.headers.get("X-Requests"), "5");
}

SERVERS_TEST(Conditional) {
  const Client client({.base_url = where("HTTP")});
  const Response first = co_await client.get("/100K");
  const Headers same = {{"If-None-Match", first.headers.value("ETag")}};
  const Response unchanged = co_await client.get("/100K", {.headers = same});
  EXPECT_EQ(unchanged.status_code, 304);
  EXPECT_EQ(unchanged.reason_phrase, "Not Modified");
  EXPECT_EQ(unchanged.content, "");
  EXPECT_EQ(unchanged.headers.get("ETag"), first.headers.get("ETag"));
  EXPECT_FALSE(unchanged.has_redirect_location());
  const Headers since = {{"If-Modified-Since", first.headers.value("Last-Modified")}};
  EXPECT_EQ((co_await client.get("/100K", {.headers = since})).status_code, 304);
  const Headers other = {{"If-None-Match", "\"other\""}};
  const Response changed = co_await client.get("/100K", {.headers = other});
  EXPECT_EQ(changed.content, first.content);
  const Headers only_if = {{"If-Match", "\"other\""}};
  const Response failed = co_await client.get("/100K", {.headers = only_if});
  EXPECT_EQ(failed.status_code, 412);
  EXPECT_EQ(failed.headers.get("X-Requests"), "5");
}

SERVERS_TEST(BasicAuth) {
  const Client client({.base_url = where("HTTP")});
  const Response nobody = co_await client.get("/hidden/1");
  EXPECT_EQ(nobody.status_code, 401);
  EXPECT_EQ(nobody.headers.get("WWW-Authenticate"), "Basic realm=\"hidden\"");
  const asyncio::http::Auth right = asyncio::http::basic_auth("ada", "pass word");
  const Response ada = co_await client.get("/hidden/100K", {.auth = right});
  EXPECT_EQ(ada.content, numbered(102400));
  const asyncio::http::Auth wrong = asyncio::http::basic_auth("ada", "password");
  EXPECT_EQ((co_await client.get("/hidden/1", {.auth = wrong})).status_code, 401);

  const std::string in_url = "http://ada:pass%20word@" + std::string(where("HTTP").substr(7));
  EXPECT_EQ((co_await client.get(in_url + "/hidden/1")).status_code, 200);
  const Client always({.base_url = where("HTTP"), .auth = right});
  EXPECT_EQ((co_await always.get("/hidden/1")).status_code, 200);
  EXPECT_EQ((co_await always.get("/hidden/1", {.auth = wrong})).status_code, 401);
  const std::string error =
      co_await thrown_by_await(client.get(in_url + "/hidden/100K", {.timeout = {{.total = 1us}}}));
  EXPECT_FALSE(has(error, "word")) << error;
}

namespace {

Coro<std::set<std::string>> sent_cookies(const Client& client, std::string path) {
  const Response answer = co_await client.get(path);
  std::set<std::string> cookies;
  std::string_view left = answer.content;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find("; "), left.size());
    cookies.emplace(left.substr(0, end));
    left.remove_prefix(std::min(end + 2, left.size()));
  }
  co_return cookies;
}

using Set = std::set<std::string>;

}  // namespace

SERVERS_TEST(Cookies) {
  const Client client({.base_url = where("ORIGIN")});
  const Params sets = {{"set", "root=1; Path=/"},
                       {"set", "here=2"},
                       {"set", "deep=3; Path=/cookies/deep"},
                       {"set", "elsewhere=4; Path=/cook"},
                       {"set", "past=5; Expires=Wed, 21 Oct 2015 07:28:00 GMT"},
                       {"set", "none=6; Max-Age=0"},
                       {"set", "brief=7; Max-Age=2; Expires=Wed, 21 Oct 2015 07:28:00 GMT"},
                       {"set", "later=8; Expires=Wed, 21 Oct 2099 07:28:00 GMT; HttpOnly"},
                       {"set", "secure=9; Secure"},
                       {"set", "foreign=10; Domain=example.org"}};
  const Response first = co_await client.get("/cookies/page", {.params = sets});
  EXPECT_EQ(first.content, "");
  EXPECT_EQ(first.cookies.size(), 10U);
  // This host counts as safe, as browsers have it.
  Set sent = co_await sent_cookies(client, "/cookies/other");
  EXPECT_EQ(sent, (Set{"root=1", "here=2", "brief=7", "later=8", "secure=9"}));
  sent = co_await sent_cookies(client, "/cookies/deep/x");
  EXPECT_EQ(sent, (Set{"root=1", "here=2", "deep=3", "brief=7", "later=8", "secure=9"}));
  sent = co_await sent_cookies(client, "/cook/x");
  EXPECT_EQ(sent, (Set{"root=1", "elsewhere=4"}));

  for (const asyncio::http::StoredCookie& cookie : client.cookies()) {
    EXPECT_EQ(cookie.domain, "127.0.0.1");
    if (cookie.name == "here") {
      EXPECT_EQ(cookie.path, "/cookies/");
      EXPECT_EQ(cookie.expires, 0);
    }
    if (cookie.name == "later") {
      EXPECT_EQ(cookie.expires, 4096250880);
    }
  }

  const Params changes = {{"set", "root=new; Path=/"},
                          {"set", "here=; Max-Age=-1"},
                          {"set", "secure=; Expires=Wed, 21 Oct 2015 07:28:00 GMT"}};
  co_await client.get("/cookies/page", {.params = changes});
  co_await asyncio::sleep(3100ms);
  sent = co_await sent_cookies(client, "/cookies/other");
  EXPECT_EQ(sent, (Set{"root=new", "later=8"}));

  const asyncio::http::Cookies own = {{"own", "a"}};
  const Response with_own = co_await client.get("/cookies/other", {.cookies = own});
  EXPECT_TRUE(has(with_own.content, "own=a") && has(with_own.content, "root=new"))
      << with_own.content;
  client.clear_cookies();
  sent = co_await sent_cookies(client, "/cookies/other");
  EXPECT_EQ(sent, Set());

  // Hosts have their own, and what is for https is neither taken nor sent without it.
  const std::string port(where("HTTP").substr(where("HTTP").rfind(':')));
  const std::string unsafe = "http://127.0.0.2" + port + "/origin/cookies/";
  const Params secure = {{"set", "plain=1"}, {"set", "secure=2; Secure"}};
  co_await client.get(unsafe, {.params = secure});
  sent = co_await sent_cookies(client, unsafe);
  EXPECT_EQ(sent, (Set{"plain=1"}));
  const std::string safe(where("HTTPS"));
  const std::string ca = probe::file("ca.pem");
  const Client with_tls({.ca_file = ca});
  co_await with_tls.get(safe + "/origin/cookies/", {.params = secure});
  sent = co_await sent_cookies(with_tls, safe + "/origin/cookies/");
  EXPECT_EQ(sent, (Set{"plain=1", "secure=2"}));
  sent = co_await sent_cookies(with_tls, unsafe);
  EXPECT_EQ(sent, Set());
}
