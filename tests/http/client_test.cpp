// One request and its answer.

#include <asyncio/http.hpp>
#include <asyncio/http_json.hpp>

#include "support/canned_server.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::http::Client;
using asyncio::http::Cookies;
using asyncio::http::Headers;
using asyncio::http::Params;
using asyncio::http::Response;
using support::CannedServer;
using support::thrown_by;
using support::thrown_by_await;

ASYNC_TEST(HttpClient, GetGivesTheWholeAnswer) {
  CannedServer server;
  co_await server.start();
  server.page("/hello", "Hello!",
              "X-One: 1\r\nX-Two: a\r\nx-two: b\r\nSet-Cookie: id=7; Path=/\r\n");
  const Client client;
  const std::string url = server.url("/hello");
  const Response answer = co_await client.get(url);
  EXPECT_EQ(answer.status_code, 200);
  EXPECT_EQ(answer.reason_phrase, "OK");
  EXPECT_EQ(answer.http_version, "HTTP/1.1");
  EXPECT_EQ(answer.content, "Hello!");
  EXPECT_EQ(answer.text(), "Hello!");
  EXPECT_EQ(answer.headers.get("x-ONE"), "1");
  EXPECT_EQ(answer.headers.get("X-Two"), "a, b");
  EXPECT_EQ(answer.headers.get_list("X-Two"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(answer.headers.get("missing"), std::nullopt);
  EXPECT_EQ(answer.cookies.get("id"), "7");
  EXPECT_EQ(answer.url.str(), url);
  EXPECT_GT(answer.elapsed, asyncio::Duration());
  EXPECT_TRUE(answer.is_success());
  EXPECT_TRUE(answer.history.empty());
  EXPECT_EQ(answer.repr(), "<Response [200 OK]>");
  co_await server.stop();
}

ASYNC_TEST(HttpClient, EachMethodIsSentAsItIs) {
  CannedServer server;
  co_await server.start();
  server.page("/", "");
  server.answer("/head", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  const Client client;
  const std::string url = server.url();
  co_await client.get(url);
  co_await client.post(url);
  co_await client.put(url);
  co_await client.patch(url);
  co_await client.delete_(url);
  co_await client.options(url);
  const std::string head_url = server.url("/head");
  const Response head = co_await client.head(head_url);
  EXPECT_EQ(head.headers.get("Content-Length"), "1000");
  EXPECT_EQ(head.content, "");
  co_await client.request("PURGE", url);
  std::vector<std::string> methods;
  for (const std::string& request : server.requests) {
    methods.push_back(request.substr(0, request.find(' ')));
  }
  EXPECT_EQ(methods, (std::vector<std::string>{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
                                               "HEAD", "PURGE"}));
  EXPECT_NE(server.requests[1].find("Content-Length: 0\r\n"), std::string::npos);
  EXPECT_EQ(server.connections, 1);
  co_await server.stop();
}

ASYNC_TEST(HttpClient, ParametersHeadersAndCookiesAreSent) {
  CannedServer server;
  co_await server.start();
  server.page("/search", "");
  const Headers always = {{"User-Agent", "test/1"}, {"X-Kind", "client"}};
  const Params key = {{"key", "k"}};
  const std::string base = server.url();
  const Client client({.base_url = base, .headers = always, .params = key});
  const Params params = {{"q", "C++ & co"}, {"page", "2"}};
  const Headers headers = {{"x-kind", "request"}, {"X-Empty", ""}};
  const Cookies cookies = {{"a", "1"}, {"b", "2"}};
  const Response answer = co_await client.get(
      "/search?x=y", {.headers = headers, .params = params, .cookies = cookies});
  const std::string& sent = server.requests.at(0);
  EXPECT_EQ(sent.substr(0, sent.find('\r')),
            "GET /search?x=y&key=k&q=C%2B%2B%20%26%20co&page=2 HTTP/1.1");
  EXPECT_NE(sent.find("\r\nUser-Agent: test/1\r\n"), std::string::npos);
  EXPECT_NE(sent.find("\r\nx-kind: request\r\n"), std::string::npos);
  EXPECT_EQ(sent.find("client"), std::string::npos);
  EXPECT_NE(sent.find("\r\nX-Empty:"), std::string::npos);
  EXPECT_NE(sent.find("\r\nCookie: a=1; b=2\r\n"), std::string::npos);
  co_await server.stop();
}

ASYNC_TEST(HttpClient, EachKindOfBodyIsSent) {
  CannedServer server;
  co_await server.start();
  server.page("/", "");
  const Client client;
  const std::string url = server.url();
  const auto sent = [&] {
    const std::string& request = server.requests.back();
    return request.substr(request.find("\r\n\r\n") + 4);
  };
  co_await client.post(url, {.content = "raw \x01 bytes"});
  EXPECT_EQ(sent(), "raw \x01 bytes");
  EXPECT_EQ(server.requests.back().find("Content-Type"), std::string::npos);
  co_await client.post(url, {.json = R"({"a": 1})"});
  EXPECT_EQ(sent(), R"({"a": 1})");
  EXPECT_NE(server.requests.back().find("Content-Type: application/json\r\n"), std::string::npos);
  const Params form = {{"a", "1 2"}, {"b", "&"}};
  co_await client.put(url, {.data = form});
  EXPECT_EQ(sent(), "a=1%202&b=%26");
  asyncio::http::Multipart files;
  files.add("title", "a cat");
  files.add_file("photo", "c\"at.png", "PNG", "image/png");
  co_await client.post(url, {.files = files});
  EXPECT_NE(
      sent().find(
          "name=\"photo\"; filename=\"c%22at.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n"),
      std::string::npos);
  const std::string large(300'000, 'x');
  co_await client.post(url, {.content = large});
  EXPECT_EQ(sent(), large);
  EXPECT_EQ(server.requests.back().find("Expect"), std::string::npos);
  const Headers asks = {{"Expect", "100-continue"}};
  co_await client.post(url, {.headers = asks, .content = large});
  EXPECT_EQ(sent(), large);
  EXPECT_NE(server.requests.back().find("Expect: 100-continue"), std::string::npos);
  EXPECT_EQ(thrown_by([&] { (void)client.post(url, {.content = "a", .json = "1"}); }).substr(0, 22),
            "invalid_argument: http");
  co_await server.stop();
}

asyncio::AsyncGenerator<std::string> pieces(int n) {
  for (int i = 0; i < n; ++i) {
    co_await asyncio::sleep(1ms);
    co_yield "piece " + std::to_string(i) + "\n";
  }
}

ASYNC_TEST(HttpClient, ABodyIsMadeWhileItIsSent) {
  CannedServer server;
  co_await server.start();
  server.page("/", "thanks");
  const Client client;
  const std::string url = server.url();
  auto chunks = pieces(3);
  const Response answer = co_await client.post(url, {.stream = chunks});
  EXPECT_EQ(answer.content, "thanks");
  EXPECT_NE(server.requests.at(0).find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_TRUE(server.requests.at(0).ends_with("\r\n\r\npiece 0\npiece 1\npiece 2\n"));

  auto known = pieces(2);
  const Headers length = {{"Content-Length", "16"}};
  co_await client.post(url, {.headers = length, .stream = known});
  EXPECT_TRUE(server.requests.at(1).ends_with("\r\n\r\npiece 0\npiece 1\n"));
  EXPECT_EQ(server.requests.at(1).find("Transfer-Encoding"), std::string::npos);

  auto too_long = pieces(3);
  const std::string longer =
      co_await thrown_by_await(client.post(url, {.headers = length, .stream = too_long}));
  EXPECT_NE(longer.find("its body has more bytes than its Content-Length, 16"), std::string::npos)
      << longer;
  auto too_short = pieces(1);
  EXPECT_NE((co_await thrown_by_await(client.post(url, {.headers = length, .stream = too_short})))
                .find("its body ended before its Content-Length"),
            std::string::npos);
  co_await server.stop();
}

asyncio::AsyncGenerator<std::string> failing() {
  co_yield "begin";
  throw std::runtime_error("the file is gone");
}

ASYNC_TEST(HttpClient, WhatTheMakerOfABodyThrowsIsThrown) {
  CannedServer server;
  co_await server.start();
  const Client client;
  const std::string url = server.url();
  auto chunks = failing();
  EXPECT_EQ(co_await thrown_by_await(client.post(url, {.stream = chunks})),
            "runtime_error: the file is gone");
  co_await server.stop();
}

ASYNC_TEST(HttpClient, AnAnswerBeforeTheBodyIsSentIsTaken) {
  CannedServer server;
  co_await server.start();
  server.page("/", "");
  const Client client;
  // Nobody reads this body: the server of this test only answers when it has read a request, so the
  // answer comes from the code below.
  asyncio::Server refusing = co_await asyncio::start_server(
      [](asyncio::StreamReader reader, asyncio::StreamWriter writer) -> asyncio::Coro<> {
        co_await reader.readuntil("\r\n\r\n");
        writer.write(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        co_await writer.drain();
        co_await asyncio::sleep(50ms);
      },
      "127.0.0.1", 0);
  auto chunks = pieces(100'000);
  const std::string url = "http://" + refusing.sockets().at(0).str() + "/";
  const Response answer = co_await client.post(url, {.stream = chunks});
  EXPECT_EQ(answer.status_code, 413);
  refusing.close();
  co_await refusing.wait_closed();
  co_await server.stop();
}

ASYNC_TEST(HttpClient, JsonIsParsedAndItsErrorsTellWhere) {
  CannedServer server;
  co_await server.start();
  server.page("/good", R"({"stars": [1, 2, 3]})");
  server.page("/bad", "{\"stars\": ");
  const std::string base = server.url();
  const Client client({.base_url = base});
  const Response good = co_await client.get("/good");
  EXPECT_EQ(asyncio::http::json(good)["stars"][1], 2);
  const Response bad = co_await client.get("bad");
  const std::string error = thrown_by([&] { (void)asyncio::http::json(bad); });
  EXPECT_NE(error.find("http::DecodingError: GET " + server.url("/bad") + ": not JSON: "),
            std::string::npos)
      << error;
  co_await server.stop();
}

ASYNC_TEST(HttpClient, TextIsDecodedByItsCharset) {
  CannedServer server;
  co_await server.start();
  server.page("/latin", "caf\xe9", "Content-Type: text/plain; charset=\"ISO-8859-1\"\r\n");
  server.page("/utf8", "caf\xc3\xa9 \xff", "Content-Type: text/plain\r\n");
  server.page("/none", "x", "Content-Type: text/plain; charset=klingon\r\n");
  const std::string base = server.url();
  const Client client({.base_url = base});
  EXPECT_EQ((co_await client.get("/latin")).text(), "caf\xc3\xa9");
  EXPECT_EQ((co_await client.get("/utf8")).text(), "caf\xc3\xa9 \xef\xbf\xbd");
  const Response unknown = co_await client.get("/none");
  EXPECT_NE(thrown_by([&] { (void)unknown.text(); }).find("nobody knows the charset \"klingon\""),
            std::string::npos);
  co_await server.stop();
}

ASYNC_TEST(HttpClient, RaiseForStatusTellsWhatWasAnswered) {
  CannedServer server;
  co_await server.start();
  server.answer("/gone", "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\nbye!");
  server.page("/", "x");
  const std::string base = server.url();
  const Client client({.base_url = base});
  const Response fine = co_await client.get("");
  EXPECT_EQ(fine.raise_for_status().content, "x");
  const Response gone = co_await client.get("/gone");
  EXPECT_EQ(thrown_by([&] { gone.raise_for_status(); }),
            "http::HTTPStatusError: GET " + server.url("/gone") + ": client error 410 \"Gone\"");
  try {
    gone.raise_for_status();
  } catch (const asyncio::http::HTTPStatusError& error) {
    EXPECT_EQ(error.response().content, "bye!");
    EXPECT_EQ(error.method(), "GET");
    EXPECT_EQ(error.url(), server.url("/gone"));
  }
  co_await server.stop();
}

ASYNC_TEST(HttpClient, AuthIsSentAndNeverShown) {
  CannedServer server;
  co_await server.start();
  server.page("/", "");
  server.answer("/cut", "");
  const std::string url = server.url();
  const Client client({.auth = asyncio::http::bearer_auth("s3cret")});
  co_await client.get(url);
  EXPECT_NE(server.requests.back().find("Authorization: Bearer s3cret\r\n"), std::string::npos);
  co_await client.get(url, {.auth = asyncio::http::basic_auth("Aladdin", "open sesame")});
  EXPECT_NE(server.requests.back().find("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            std::string::npos);
  const std::string in_url =
      "http://Aladdin:open%20sesame@127.0.0.1:" + std::to_string(server.port());
  co_await client.get(in_url);
  EXPECT_NE(server.requests.back().find("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            std::string::npos);
  const std::string error = co_await thrown_by_await(client.get(in_url + "/cut"));
  EXPECT_EQ(error.find("sesame"), std::string::npos) << error;
  EXPECT_NE(error.find(server.url("/cut")), std::string::npos) << error;
  EXPECT_EQ(thrown_by([] {
              Client refused({.auth = asyncio::http::bearer_auth("token\n")});
            }).find("token\n"),
            std::string::npos);
  co_await server.stop();
}

// Failure 83
ASYNC_TEST(HttpClient, NothingThatCouldBeginAnotherLineIsSent) {
  const Client client;
  const auto refused = [](const std::string& what) {
    return what.find("invalid_argument") == 0 || what.find("InvalidURL") != std::string::npos;
  };
  for (const std::string& bad :
       {std::string("a\rb"), std::string("a\nb"), std::string("a\0b", 3)}) {
    EXPECT_TRUE(refused(thrown_by([&] { Headers headers = {{"X", bad}}; })));
    EXPECT_TRUE(refused(thrown_by([&] { Headers headers = {{bad, "x"}}; })));
    EXPECT_TRUE(refused(thrown_by([&] { Cookies cookies = {{"x", bad}}; })));
    EXPECT_TRUE(refused(thrown_by([&] { Cookies cookies = {{bad, "x"}}; })));
    EXPECT_TRUE(refused(thrown_by([&] { (void)client.request(bad, "http://127.0.0.1/"); })));
    EXPECT_TRUE(refused(thrown_by([&] { (void)client.get("http://127.0.0.1/" + bad); })));
    EXPECT_TRUE(refused(thrown_by([&] { (void)client.get("http://127.0.0.1" + bad + "/"); })));
    EXPECT_TRUE(refused(thrown_by([&] { Client other({.proxy = "http://p" + bad}); })));
    asyncio::http::Multipart form;
    EXPECT_TRUE(refused(thrown_by([&] { form.add_file("f", "n", "c", bad); })));
  }
  EXPECT_TRUE(refused(thrown_by([&] { (void)client.request("G ET", "http://127.0.0.1/"); })));
  EXPECT_TRUE(refused(thrown_by([&] { (void)client.get("ftp://127.0.0.1/"); })));
  EXPECT_TRUE(refused(thrown_by([&] { (void)client.get("file:///etc/passwd"); })));
  EXPECT_TRUE(refused(thrown_by([&] { (void)client.get("/relative"); })));
  const Headers length = {{"Content-Length", "5"}};
  EXPECT_TRUE(refused(thrown_by(
      [&] { (void)client.post("http://127.0.0.1/", {.headers = length, .content = "123456"}); })));
  const Headers chunked = {{"Transfer-Encoding", "chunked"}};
  EXPECT_TRUE(refused(thrown_by(
      [&] { (void)client.post("http://127.0.0.1/", {.headers = chunked, .content = "123456"}); })));
  co_return;
}

ASYNC_TEST(HttpClient, ConnectionsAreKeptAndSharedByTasks) {
  CannedServer server;
  co_await server.start();
  server.page("/", "x");
  const std::string base = server.url();
  const Client client({.base_url = base, .limits = {.max_connections = 4}});
  std::vector<asyncio::Coro<Response>> requests;
  for (int i = 0; i < 50; ++i) requests.push_back(client.get("/"));
  const std::vector<Response> answers = co_await asyncio::gather(std::move(requests));
  EXPECT_EQ(answers.size(), 50U);
  EXPECT_LE(server.connections, 4);
  const std::string url = server.url();
  co_await client.get(url);
  EXPECT_LE(server.connections, 4);
  client.close();
  EXPECT_TRUE(client.is_closed());
  EXPECT_NE((co_await thrown_by_await(client.get(url))).find("it was closed"), std::string::npos);
  co_await server.stop();
}

ASYNC_TEST(HttpClient, KeepsCookiesForWhoSetThem) {
  CannedServer server;
  co_await server.start();
  server.page("/login", "", "Set-Cookie: session=abc; Path=/; HttpOnly\r\n");
  server.page("/", "");
  const std::string base = server.url();
  const Client client({.base_url = base});
  co_await client.get("/login");
  co_await client.get("/");
  EXPECT_NE(server.requests.back().find("Cookie: session=abc\r\n"), std::string::npos);
  const auto cookies = client.cookies();
  EXPECT_EQ(cookies.size(), 1U);
  EXPECT_EQ(cookies.at(0).name, "session");
  EXPECT_EQ(cookies.at(0).value, "abc");
  EXPECT_EQ(cookies.at(0).domain, "127.0.0.1");
  client.clear_cookies();
  co_await client.get("/");
  EXPECT_EQ(server.requests.back().find("Cookie:"), std::string::npos);
  co_await server.stop();
}

// curl remembers a Host that was given by hand, for its cookies, even in a handle that is reset.
ASYNC_TEST(HttpClient, CookiesOfAHostGivenByHandStayWithIt) {
  CannedServer server;
  co_await server.start();
  server.page("/login", "", "Set-Cookie: session=abc; Path=/\r\n");
  server.page("/", "");
  const std::string base = server.url();
  const Client client({.base_url = base});
  const Headers named = {{"Host", "bank.example"}};
  co_await client.get("/login", {.headers = named});
  co_await client.get("/");
  EXPECT_EQ(server.requests.back().find("Cookie:"), std::string::npos) << server.requests.back();
  co_await client.get("/", {.headers = named});
  EXPECT_NE(server.requests.back().find("Cookie: session=abc\r\n"), std::string::npos);
  co_await server.stop();
}
