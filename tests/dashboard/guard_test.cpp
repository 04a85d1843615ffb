// Who may see the dashboard: host, origin, method and token of each request.

#include "dashboard/guard.hpp"
#include "dashboard/token.hpp"

#include "support/dashboard.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

using asyncio::Coro;
using support::Answer;
using support::DashboardSite;

namespace {

constexpr const char* no_token = "the token is missing or wrong";

}  // namespace

TEST(DashboardToken, Has128BitsAndIsAnotherOneEachTime) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    const std::string token = asyncio::dashboard::make_token();
    EXPECT_EQ(token.size(), 32U);
    EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos) << token;
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 100U);
}

TEST(DashboardToken, IsTheSameOnlyIfEveryCharacterIs) {
  using asyncio::dashboard::same_token;
  EXPECT_TRUE(same_token("abcd", "abcd"));
  for (const char* other : {"abce", "Xbcd", "abc", "abcde", "", "ABCD"}) {
    EXPECT_FALSE(same_token(other, "abcd")) << other;
  }
}

// failure 105: random token
ASYNC_TEST(DashboardGuard, RefusesWhoHasNoTokenOrAWrongOne) {
  DashboardSite site;
  co_await site.start();
  for (const char* target : {"/", "/events", "/app.js", "/nothing", "/?token=", "/?token=0"}) {
    const Answer answer = co_await site.ask("GET", target, "");
    EXPECT_EQ(answer.status, 403) << target;
    EXPECT_NE(answer.content.find(no_token), std::string::npos) << answer.content;
  }
  const std::string wrong = "0" + site.token().substr(1) + (site.token()[0] == '0' ? "1" : "");
  const std::string cookie = site.cookie_name() + "=" + wrong;
  EXPECT_EQ((co_await site.ask("GET", "/", "Cookie: " + cookie + "\r\n")).status, 403);
  EXPECT_EQ((co_await site.ask("GET", "/", "Authorization: Bearer " + wrong + "\r\n")).status, 403);
  // It counts in the URL of the first page only.
  EXPECT_EQ((co_await site.ask("GET", "/events?token=" + site.token(), "")).status, 403);
  co_await site.stop();
}

// failure 105: random token
ASYNC_TEST(DashboardGuard, TakesTheTokenOutOfTheAddressIntoACookie) {
  DashboardSite site;
  co_await site.start();
  const Answer first = co_await site.ask("GET", "/?token=" + site.token(), "");
  EXPECT_EQ(first.status, 200);
  EXPECT_NE(first.content.find("content=\"0;url=/\""), std::string::npos) << first.content;
  EXPECT_EQ(first.content.find(site.token()), std::string::npos);
  const std::string cookie = first.header("Set-Cookie");
  EXPECT_EQ(cookie,
            site.cookie_name() + "=" + site.token() + "; Path=/; HttpOnly; SameSite=Strict");
  const std::string lines = "Cookie: other=1; " + cookie.substr(0, cookie.find(';')) + "\r\n";
  const Answer page = co_await site.ask("GET", "/", lines);
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.content.find("<title>asyncio</title>"), std::string::npos);
  co_await site.stop();
}

ASYNC_TEST(DashboardGuard, TakesTheTokenAsABearersToo) {
  DashboardSite site;
  co_await site.start();
  EXPECT_EQ((co_await site.get("/")).status, 200);
  co_await site.stop();
}

// failure 105: foreign Host, DNS rebinding
ASYNC_TEST(DashboardGuard, RefusesAForeignHostEvenWithTheToken) {
  DashboardSite site;
  co_await site.start();
  const std::string port = ":" + std::to_string(site.port());
  for (const std::string& host :
       {std::string("evil.example"), "evil.example" + port, std::string("127.0.0.1"),
        std::string("127.0.0.1:1"), "127.0.0.1.evil.example" + port, "127.0.0.2" + port,
        "localhost.evil.example" + port, "[::1]" + port, std::string("localhost:")}) {
    const Answer answer = co_await site.ask_host(host, "GET", "/", site.bearer());
    EXPECT_EQ(answer.status, 403) << host;
    EXPECT_NE(answer.content.find("another host"), std::string::npos) << answer.content;
  }
  for (const std::string& host : {"127.0.0.1" + port, "localhost" + port, "LocalHost" + port}) {
    EXPECT_EQ((co_await site.ask_host(host, "GET", "/", site.bearer())).status, 200) << host;
  }
  co_await site.stop();
}

// failure 105: foreign Origin
ASYNC_TEST(DashboardGuard, RefusesAForeignOriginEvenWithTheToken) {
  DashboardSite site;
  co_await site.start();
  const std::string port = ":" + std::to_string(site.port());
  for (const std::string& origin :
       {std::string("http://evil.example"), std::string("null"), "https://127.0.0.1" + port,
        std::string("http://127.0.0.1:1"), "http://127.0.0.1" + port + ".evil.example"}) {
    const Answer answer =
        co_await site.ask("GET", "/events", site.bearer() + "Origin: " + origin + "\r\n");
    EXPECT_EQ(answer.status, 403) << origin;
    EXPECT_EQ(answer.content, "the request comes from a page of another site\n");
  }
  const std::string own = "Origin: http://127.0.0.1" + port + "\r\n";
  EXPECT_EQ((co_await site.ask("GET", "/", site.bearer() + own)).status, 200);
  co_await site.stop();
}

// failure 105: read-only
ASYNC_TEST(DashboardGuard, AnswersNothingButGetAndHead) {
  DashboardSite site;
  co_await site.start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"}) {
    for (const char* target : {"/", "/events"}) {
      const Answer answer = co_await site.ask(method, target, site.bearer());
      EXPECT_EQ(answer.status, 405) << method << " " << target;
      EXPECT_EQ(answer.header("Allow"), "GET, HEAD");
    }
    EXPECT_EQ((co_await site.ask_host("evil.example", method, "/", site.bearer())).status, 403);
  }
  co_await site.stop();
}

ASYNC_TEST(DashboardGuard, KnowsTheNamesOfItsOwnAddressIfThatIsLocalhost) {
  DashboardSite site("localhost");
  co_await site.start();
  const std::string port = ":" + std::to_string(site.port());
  for (const std::string& host : {"127.0.0.1" + port, "localhost" + port, "[::1]" + port}) {
    EXPECT_EQ((co_await site.ask_host(host, "GET", "/", site.bearer())).status, 200) << host;
  }
  co_await site.stop();
}

// failure 105: DNS rebinding: an address is no name
ASYNC_TEST(DashboardGuard, TakesAnyAddressButNoNameIfItListensOnAll) {
  DashboardSite site("0.0.0.0");
  co_await site.start();
  EXPECT_TRUE(site.url().starts_with("http://localhost:")) << site.url();
  const std::string port = ":" + std::to_string(site.port());
  EXPECT_EQ((co_await site.ask_host("192.0.2.7" + port, "GET", "/", site.bearer())).status, 200);
  EXPECT_EQ((co_await site.ask_host("evil.example" + port, "GET", "/", site.bearer())).status, 403);
  EXPECT_EQ((co_await site.ask_host("192.0.2.7", "GET", "/", site.bearer())).status, 403);
  co_await site.stop();
}
