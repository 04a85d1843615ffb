// Which redirects are followed, and what goes with them.

#include <asyncio/http.hpp>

#include "support/canned_server.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using asyncio::http::Client;
using asyncio::http::Headers;
using asyncio::http::Response;
using support::CannedServer;
using support::thrown_by_await;

namespace {

std::string redirect(int status, const std::string& to) {
  return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + to +
         "\r\nContent-Length: 4\r\n\r\nmove";
}

std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

ASYNC_TEST(HttpRedirects, AreFollowedOnlyWhenAskedFor) {
  CannedServer server;
  co_await server.start();
  server.answer("/a", redirect(302, "b"));
  server.answer("/b", redirect(307, "/c?x=1"));
  server.page("/c", "there");
  const std::string base = server.url();
  const Client client({.base_url = base});
  const Response stays = co_await client.get("/a");
  EXPECT_EQ(stays.status_code, 302);
  EXPECT_TRUE(stays.has_redirect_location());
  const Response answer = co_await client.get("/a", {.follow_redirects = true});
  EXPECT_EQ(answer.content, "there");
  EXPECT_EQ(answer.url.str(), server.url("/c?x=1"));
  EXPECT_EQ(answer.history.size(), 2U);
  EXPECT_EQ(answer.history.at(0).status_code, 302);
  EXPECT_EQ(answer.history.at(1).url.str(), server.url("/b"));
  EXPECT_EQ(server.connections, 1);
  co_await server.stop();
}

ASYNC_TEST(HttpRedirects, MethodAndBodyGoWithSomeOfThem) {
  CannedServer server;
  co_await server.start();
  server.page("/there", "");
  const std::string base = server.url();
  const Client client({.base_url = base, .follow_redirects = true});
  for (const int status : {301, 302, 303, 307, 308}) {
    server.answer("/", redirect(status, "/there"));
    co_await client.post("/", {.content = "body"});
    const bool kept = status >= 307;
    EXPECT_EQ(first_word(server.requests.back()), kept ? "POST" : "GET") << status;
    EXPECT_EQ(server.requests.back().ends_with("body"), kept) << status;
    co_await client.put("/", {.content = "body"});
    EXPECT_EQ(first_word(server.requests.back()), status == 303 ? "GET" : "PUT") << status;
  }
  co_await server.stop();
}

// Failure 84
ASYNC_TEST(HttpRedirects, SecretsStayWithTheirOrigin) {
  CannedServer first;
  CannedServer second;
  co_await first.start();
  co_await second.start();
  first.answer("/away", redirect(302, second.url("/back")));
  first.answer("/here", redirect(302, "/there"));
  first.page("/there", "");
  second.page("/back", "");
  const Headers headers = {{"X-Api-Key", "k"}, {"X-Plain", "p"}, {"Cookie", "by=hand"}};
  const asyncio::http::Cookies cookies = {{"c", "1"}};
  const std::string base = first.url();
  const Client client({.base_url = base,
                       .headers = headers,
                       .auth = asyncio::http::bearer_auth("t"),
                       .follow_redirects = true,
                       .secret_headers = "X-Other, x-api-key"});
  co_await client.get("/here", {.cookies = cookies});
  const std::string same = first.requests.back();
  EXPECT_TRUE(has(same, "Authorization: Bearer t") && has(same, "X-Api-Key: k") && has(same, "c=1"))
      << same;
  co_await client.get("/away", {.cookies = cookies});
  const std::string other = second.requests.back();
  EXPECT_TRUE(has(other, "X-Plain: p"));
  EXPECT_FALSE(has(other, "Authorization")) << other;
  EXPECT_FALSE(has(other, "X-Api-Key")) << other;
  EXPECT_FALSE(has(other, "Cookie")) << other;
  co_await first.stop();
  co_await second.stop();
}

ASYNC_TEST(HttpRedirects, ALoopAndAForeignSchemeAreRefused) {
  CannedServer server;
  co_await server.start();
  server.answer("/loop", redirect(302, "/loop"));
  const std::string base = server.url();
  const Client client({.base_url = base, .follow_redirects = true, .max_redirects = 5});
  const std::string loop = co_await thrown_by_await(client.get("/loop"));
  EXPECT_EQ(loop.substr(0, loop.find(':', 6)), "http::TooManyRedirects") << loop;
  EXPECT_EQ(server.requests.size(), 6U);
  for (const char* to : {"file:///etc/passwd", "data:text/html,x", "javascript:alert(1)",
                         "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "http://", "http://[::1"}) {
    server.answer("/bad", redirect(302, to));
    const std::string error = co_await thrown_by_await(client.get("/bad"));
    EXPECT_EQ(error.substr(0, error.find(':', 6)), "http::RequestError") << to << ": " << error;
    EXPECT_TRUE(has(error, "redirected to \"" + std::string(to))) << error;
  }
  co_await server.stop();
}

ASYNC_TEST(HttpRedirects, AUserInALocationIsNotSent) {
  CannedServer server;
  co_await server.start();
  server.answer("/",
                redirect(302, "http://eve:pw@127.0.0.1:" + std::to_string(server.port()) + "/b"));
  server.page("/b", "");
  const std::string url = server.url();
  const Client client({.follow_redirects = true});
  const Response answer = co_await client.get(url);
  EXPECT_EQ(answer.url.str(), server.url("/b"));
  EXPECT_FALSE(has(server.requests.back(), "Authorization"));
  co_await server.stop();
}

ASYNC_TEST(HttpRedirects, APasswordInALocationIsNotShown) {
  CannedServer server;
  co_await server.start();
  server.answer("/ftp", redirect(302, "ftp://eve:secret@127.0.0.1/"));
  server.answer("/bad", redirect(302, "http://eve:secret@127.0.0.1:port/"));
  const std::string base = server.url();
  const Client client({.base_url = base});
  for (const char* path : {"/ftp", "/bad"}) {
    const std::string refused =
        co_await thrown_by_await(client.get(path, {.follow_redirects = true}));
    EXPECT_TRUE(has(refused, "redirected to ")) << refused;
    EXPECT_FALSE(has(refused, "secret")) << refused;
    const Response answer = co_await client.get(path);
    const std::string raised = support::thrown_by([&] { answer.raise_for_status(); });
    EXPECT_TRUE(has(raised, "follows it")) << raised;
    EXPECT_FALSE(has(raised, "secret")) << raised;
  }
  co_await server.stop();
}

ASYNC_TEST(HttpRedirects, AStreamFollowsThemToo) {
  CannedServer server;
  co_await server.start();
  server.answer("/", redirect(301, "/b"));
  server.page("/b", "there");
  const std::string url = server.url();
  const Client client({.follow_redirects = true});
  auto stream = co_await client.stream("GET", url);
  EXPECT_EQ(stream.history.size(), 1U);
  EXPECT_EQ(co_await stream.read(), "there");
  co_await server.stop();
}

ASYNC_TEST(HttpRedirects, HoldOneAnswerEachHoweverManyThereAre) {
  CannedServer server;
  co_await server.start();
  for (int i = 0; i < 40; ++i) {
    server.answer("/" + std::to_string(i), redirect(302, "/" + std::to_string(i + 1)));
  }
  server.page("/40", "there");
  const std::string base = server.url();
  const Client client({.base_url = base, .follow_redirects = true, .max_redirects = 40});
  const Response answer = co_await client.get("/0");
  EXPECT_EQ(answer.content, "there");
  EXPECT_EQ(answer.history.size(), 40U);
  for (const Response& before : answer.history) EXPECT_TRUE(before.history.empty());
  co_await server.stop();
}
