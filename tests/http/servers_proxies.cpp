// Through a proxy; what it has seen is checked by servers.py.

#include "servers_probe.hpp"

#include "support/errors.hpp"

#include <cstdlib>
#include <string>

using asyncio::http::Client;
using asyncio::http::Headers;
using asyncio::http::Response;
using probe::connection;
using probe::has;
using probe::numbered;
using probe::type_of;
using probe::where;
using support::thrown_by_await;

namespace {

const asyncio::http::Auth token = asyncio::http::bearer_auth("t");

}  // namespace

SERVERS_TEST(ProxyHttp) {
  const std::string proxy = "http://pro:xy@" + std::string(where("PROXY"));
  const Client client({.base_url = where("ORIGIN"), .auth = token, .proxy = proxy});
  const Response answer = co_await client.get("/echo?a=b");
  EXPECT_TRUE(answer.content.starts_with("GET /echo?a=b\n0 bytes\nVia: 1.1 proxy\n"))
      << answer.content;
  const std::string body = numbered(70'000);
  EXPECT_EQ((co_await client.post("/mirror", {.content = body})).content, body);
  const std::string wrong_proxy = "http://pro:wrong@" + std::string(where("PROXY"));
  const Client wrong({.base_url = where("ORIGIN"), .proxy = wrong_proxy});
  const Response who = co_await wrong.get("/echo");
  EXPECT_EQ(who.status_code, 407);
  EXPECT_EQ(who.content, "who are you?");
}

SERVERS_TEST(ProxyConnect) {
  const std::string proxy = "http://pro:xy@" + std::string(where("PROXY"));
  const std::string ca = probe::file("ca.pem");
  const Headers secret = {{"X-Secret", "s"}, {"Cookie", "c=1"}};
  const asyncio::http::Limits kept = {.keepalive_expiry = probe::long_enough};
  const Client client({.base_url = where("HTTPS"),
                       .headers = secret,
                       .auth = token,
                       .limits = kept,
                       .proxy = proxy,
                       .ca_file = ca});
  const Response answer = co_await client.get("/origin/echo");
  EXPECT_TRUE(has(answer.content, "\nAuthorization: Bearer t\n")) << answer.content;
  EXPECT_TRUE(has(answer.content, "\nX-Secret: s\n")) << answer.content;
  EXPECT_FALSE(has(answer.content, "Proxy-")) << answer.content;
  EXPECT_FALSE(answer.headers.contains("X-Proxy"));
  const Response large = co_await client.get("/30M");
  EXPECT_TRUE(large.content == numbered(31457280)) << large.content.size();
  const Response again = co_await client.get("/origin/echo");
  EXPECT_EQ(connection(again), connection(answer));

  const Client http2(
      {.base_url = where("HTTP2"), .auth = token, .proxy = proxy, .ca_file = ca, .http2 = true});
  const Response tunnelled = co_await http2.get("/origin/echo");
  EXPECT_EQ(tunnelled.http_version, "HTTP/2");
  EXPECT_EQ(tunnelled.status_code, 200);

  const std::string wrong_proxy = "http://pro:wrong@" + std::string(where("PROXY"));
  const Client wrong({.base_url = where("HTTPS"), .proxy = wrong_proxy, .ca_file = ca});
  const std::string error = co_await thrown_by_await(wrong.get("/1"));
  EXPECT_EQ(type_of(error), "http::ProxyError") << error;
  EXPECT_TRUE(has(error, "407")) << error;
  EXPECT_FALSE(has(error, "wrong")) << error;
}

SERVERS_TEST(ProxyRefuses) {
  const std::string proxy(where("PROXY"));
  const std::string ca = probe::file("ca.pem");
  const Client client({.base_url = where("HTTPS"), .proxy = proxy, .ca_file = ca});
  const std::string error = co_await thrown_by_await(client.get("/1"));
  EXPECT_EQ(type_of(error), "http::ProxyError") << error;
  EXPECT_TRUE(has(error, "403")) << error;
  const std::string port(where("HTTPS").substr(where("HTTPS").rfind(':')));
  const Response other = co_await client.get("https://127.0.0.1" + port + "/1");
  EXPECT_EQ(other.content, "0");
  // Through the tunnel the certificate is the origin's, as ever.
  const Client distrustful({.proxy = proxy});
  EXPECT_EQ(type_of(co_await thrown_by_await(distrustful.get("https://127.0.0.1" + port + "/1"))),
            "http::ConnectError");
  const Client nobody({.base_url = where("HTTP"), .proxy = "http://127.0.0.1:1"});
  EXPECT_EQ(type_of(co_await thrown_by_await(nobody.get("/1"))), "http::ProxyError");
}

// The proxy is asked twice: servers.py counts.
SERVERS_TEST(NoProxy) {
  const std::string proxy(where("PROXY"));
  const std::string here = std::string(where("ORIGIN")) + "/echo";
  ::setenv("http_proxy", proxy.c_str(), 1);
  const Client all;
  EXPECT_TRUE(has((co_await all.get(here)).content, "\nVia: 1.1 proxy\n"));
  const Client alone({.trust_env = false});
  EXPECT_FALSE(has((co_await alone.get(here)).content, "Via"));
  for (const char* excluded : {"example.org, 127.0.0.0/8", "127.0.0.1", "*"}) {
    ::setenv("NO_PROXY", excluded, 1);
    const Client but_for_us;
    EXPECT_FALSE(has((co_await but_for_us.get(here)).content, "Via")) << excluded;
  }
  ::setenv("NO_PROXY", "127.0.0.2, .1, 127.0.0.1:1", 1);
  const Client others_only;
  EXPECT_TRUE(has((co_await others_only.get(here)).content, "\nVia: 1.1 proxy\n"));
  ::unsetenv("http_proxy");
  ::unsetenv("NO_PROXY");
}
