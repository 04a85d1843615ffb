// What a server answers to requests that are as they should be.

#include <asyncio/http_server.hpp>

#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/http.hpp"
#include "support/tls_streams.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Reply;
using asyncio::http::Request;
using asyncio::http::Server;
using support::Answer;
using support::answer_of;
using support::connected;
using support::ended;
using support::get;
using support::HttpClient;
using support::thrown_by;

namespace {

Reply hello(Request&) { return "hello\n"; }

Reply tell(Request& request) {
  return std::string(request.method()) + " " + std::string(request.path()) + " [" +
         std::string(request.query()) + "] " + request.query_value("a").value_or("-");
}

}  // namespace

// --- handlers and routes ------------------------------------------------------------------------

ASYNC_TEST(HttpServer, CallsHandlersOfAllShapes) {
  Server server;
  server.get("/plain", &hello);
  server.get("/awaited", [](Request&) -> Coro<Reply> {
    co_await asyncio::sleep(1ms);
    co_return "awaited";
  });
  server.get("/streamed", [](Request& request) -> Coro<> {
    auto out = co_await request.start_reply();
    co_await out.write("stre");
    co_await out.write("amed");
  });
  server.get("/text", [](Request&) { return "only a text"; });
  EXPECT_EQ((co_await get(server, "/plain")).content, "hello\n");
  EXPECT_EQ((co_await get(server, "/awaited")).content, "awaited");
  EXPECT_EQ((co_await get(server, "/streamed")).content, "streamed");
  EXPECT_EQ((co_await get(server, "/text")).content, "only a text");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, GivesHandlersTheirRequest) {
  Server server;
  server.get("/{rest...}", &tell);
  EXPECT_EQ((co_await get(server, "/a/b?a=1+2&a=3")).content, "GET /a/b [a=1+2&a=3] 1 2");
  EXPECT_EQ((co_await get(server, "/J%C3%BCrgen?%61=%26")).content, "GET /Jürgen [%61=%26] &");
  EXPECT_EQ((co_await get(server, "/x?")).content, "GET /x [] -");
  EXPECT_EQ((co_await get(server, "/..//%2e/")).content, "GET /..//./ [] -");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, GivesHandlersTheHeaders) {
  Server server;
  std::string all;
  server.get("/", [&](Request& request) {
    for (const auto& [name, value] : request.headers()) all += name + "=" + value + ";";
    return Reply(std::string(request.header("x-ONE")) + "," + *request.headers().get("X-Two"));
  });
  const Answer answer = co_await answer_of(
      server, "GET / HTTP/1.1\r\nHost: h\r\nX-One:1\r\nX-Two: \t a b \t\r\nx-two: c\r\n\r\n");
  EXPECT_EQ(answer.content, "1,a b, c");
  EXPECT_EQ(all, "Host=h;X-One=1;X-Two=a b;x-two=c;");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, TellsHandlersWhoAsks) {
  Server server;
  server.get("/", [](Request& request) { return Reply(request.peer().host()); });
  EXPECT_EQ((co_await get(server, "/")).content, "127.0.0.1");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, GivesHandlersWhatThePatternLeavesOpen) {
  Server server;
  server.get("/users/{id}/files/{path...}", [](Request& request) {
    EXPECT_THROW((void)request.path_param("name"), std::invalid_argument);
    return Reply(std::string(request.path_param("id")) + ":" +
                 std::string(request.path_param("path")));
  });
  EXPECT_EQ((co_await get(server, "/users/7/files/a/b%2Fc")).content, "7:a/b/c");
  EXPECT_EQ((co_await get(server, "/users/a%20b/files/")).content, "a b:");
  EXPECT_EQ((co_await get(server, "/users//files/x")).status, 404);
  co_await ended(server);
}

ASYNC_TEST(HttpServer, AnswersWhatNobodyHandles) {
  Server server;
  server.get("/here", &hello).post("/here", &hello).put("/there", &hello);
  EXPECT_EQ((co_await get(server, "/nowhere")).status, 404);
  EXPECT_EQ((co_await get(server, "/here/")).status, 404);
  const Answer other = co_await get(server, "/there");
  EXPECT_EQ(other.status, 405);
  EXPECT_EQ(other.header("Allow"), "OPTIONS, PUT");
  const Answer options = co_await answer_of(server, "OPTIONS /here HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, OPTIONS, POST");
  const Answer all = co_await answer_of(server, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(all.status, 204);
  EXPECT_EQ(all.header("Allow"), "GET, HEAD, OPTIONS, POST, PUT");
  EXPECT_EQ((co_await answer_of(server, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")).status, 501);
  co_await ended(server);
}

ASYNC_TEST(HttpServer, LeavesUnknownPathsToTheFallback) {
  Server server;
  server.put("/put", &hello).fallback(&tell);
  EXPECT_EQ((co_await get(server, "/any")).content, "GET /any [] -");
  EXPECT_EQ((co_await get(server, "/put")).status, 405);
  co_await ended(server);
}

ASYNC_TEST(HttpServer, TakesRoutesWhileHandlersRun) {
  Server server;
  server.fallback([&, text = std::string("the first of all fallbacks")](Request&) -> Coro<Reply> {
    server.fallback([](Request&) { return Reply("the second"); });
    for (int i = 0; i < 20; ++i) server.get("/" + std::to_string(i), &hello);
    co_await asyncio::sleep(1ms);
    co_return text;
  });
  EXPECT_EQ((co_await get(server, "/5")).content, "the first of all fallbacks");
  EXPECT_EQ((co_await get(server, "/5")).content, "hello\n");
  EXPECT_EQ((co_await get(server, "/x")).content, "the second");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, HandlesMethodsOfAllNames) {
  Server server;
  server.get("/", &tell).post("/", &tell).put("/", &tell).patch("/", &tell).delete_("/", &tell);
  server.options("/", &tell).route("PURGE", "/", &tell);
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"}) {
    const Answer answer = co_await answer_of(server, method + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(answer.content, method + " / [] -");
  }
  EXPECT_EQ((co_await answer_of(server, "get / HTTP/1.1\r\nHost: h\r\n\r\n")).status, 405);
  co_await ended(server);
}

// --- HEAD ---------------------------------------------------------------------------------------

ASYNC_TEST(HttpServer, AnswersHeadAsGetWithoutTheContent) {
  Server server;
  server.get("/", &hello);
  server.get("/streamed", [](Request& request) -> Coro<> {
    auto out = co_await request.start_reply();
    co_await out.write("content");
  });
  const HttpClient client = co_await connected(server);
  client.ask("HEAD", "/");
  const Answer plain = co_await client.answer(true);
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.header("Content-Length"), "6");
  client.ask("HEAD", "/streamed");
  EXPECT_EQ((co_await client.answer(true)).header("Transfer-Encoding"), "chunked");
  client.get("/");  // and nothing of the content comes before this answer
  EXPECT_EQ((co_await client.answer()).content, "hello\n");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, LetsAHandlerOfHeadTellTheLength) {
  Server server;
  server.head("/", [](Request&) {
    Reply reply;
    reply.headers.set("Content-Length", "1000000");
    return reply;
  });
  const HttpClient client = co_await connected(server);
  client.ask("HEAD", "/");
  EXPECT_EQ((co_await client.answer(true)).header("Content-Length"), "1000000");
  co_await client.close();
  co_await ended(server);
}

// --- answers ------------------------------------------------------------------------------------

ASYNC_TEST(HttpServer, NamesTheTypeOfTheContent) {
  Server server;
  server.get("/text", &hello);
  server.get("/json", [](Request&) { return Reply::json("{}"); });
  server.get("/html", [](Request&) { return Reply::html("<p>"); });
  server.get("/own", [](Request&) {
    Reply reply("a,b");
    reply.headers.set("content-type", "text/csv");
    return reply;
  });
  server.get("/none", [](Request&) { return Reply(); });
  const auto type_of = [&](std::string target) -> Coro<std::string> {
    const Answer answer = co_await get(server, std::move(target));
    co_return answer.header("Content-Type");
  };
  EXPECT_EQ(co_await type_of("/text"), "text/plain; charset=utf-8");
  EXPECT_EQ(co_await type_of("/json"), "application/json");
  EXPECT_EQ(co_await type_of("/html"), "text/html; charset=utf-8");
  EXPECT_EQ(co_await type_of("/own"), "text/csv");
  EXPECT_EQ(co_await type_of("/none"), "");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, SendsTheHandlersHeadersAndItsOwn) {
  Server server;
  server.get("/", [](Request&) {
    Reply reply(201, "made\n");
    reply.headers = {{"X-One", "1"}, {"Set-Cookie", "a"}, {"Set-Cookie", "b"}};
    reply.headers.add("Content-Length", "9999");
    reply.headers.add("Transfer-Encoding", "chunked");
    return reply;
  });
  const Answer answer = co_await get(server, "/");
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 201 Created\r\n")) << answer.head;
  EXPECT_NE(answer.head.find("\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"), std::string::npos);
  EXPECT_EQ(answer.header("X-One"), "1");
  EXPECT_EQ(answer.header("Content-Length"), "5");
  EXPECT_EQ(answer.header("Transfer-Encoding"), "");
  EXPECT_TRUE(answer.header("Date").ends_with(" GMT")) << answer.header("Date");
  EXPECT_EQ(answer.content, "made\n");
  co_await ended(server);
}

ASYNC_TEST(HttpServer, SendsNoContentWhereThereMayBeNone) {
  Server server;
  server.get("/204", [](Request&) { return Reply(204, "dropped"); });
  server.get("/304", [](Request&) { return Reply(304, "dropped"); });
  server.get("/302", [](Request&) { return Reply::redirect("/204?a=b"); });
  const HttpClient client = co_await connected(server);
  for (const char* target : {"/204", "/304"}) {
    client.get(target);
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.header("Content-Length"), "");
  }
  client.get("/302");
  const Answer answer = co_await client.answer();
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.header("Location"), "/204?a=b");
  EXPECT_EQ(answer.header("Content-Length"), "0");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, SendsLargeContentWhole) {
  Server server;
  std::string large;
  for (int i = 0; large.size() < 3'000'000; ++i) large += std::to_string(i) + ",";
  server.get("/", [&](Request&) { return Reply(large); });
  const HttpClient client = co_await connected(server);
  for (int i = 0; i < 3; ++i) client.get("/");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((co_await client.answer()).content == large);
  co_await client.close();
  co_await ended(server);
}

TEST(HttpServer, RefusesWhatCannotBeSentOrMatched) {
  EXPECT_EQ(thrown_by([] { Reply(100); }),
            "invalid_argument: Reply: 100 is no status of an answer; there are 200 to 599");
  EXPECT_THROW((void)Reply::redirect("/x\r\nSet-Cookie: a"), std::invalid_argument);
  EXPECT_THROW((void)Reply::redirect("/", 200), std::invalid_argument);
  Server server;
  server.get("/a/{b}", &hello);
  EXPECT_EQ(thrown_by([&] { server.get("/a/{c}", &hello); }),
            "invalid_argument: Server: GET /a/{c} is there already, as /a/{b}; a route has one "
            "handler");
  for (const char* bad :
       {"", "a", "/{", "/{}", "/a{b}", "/{b}c", "/{a...}/b", "/{a}/{a}", "/?a", "/{a b}", "/}{"}) {
    EXPECT_THROW(server.get(bad, &hello), std::invalid_argument) << bad;
  }
  EXPECT_THROW(server.route("G T", "/", &hello), std::invalid_argument);
}

// --- connections --------------------------------------------------------------------------------

ASYNC_TEST(HttpServer, KeepsAConnectionForMoreRequests) {
  Server server;
  server.get("/", &hello);
  const HttpClient client = co_await connected(server);
  for (int i = 0; i < 100; ++i) {
    client.get("/");
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.content, "hello\n");
    EXPECT_EQ(answer.header("Connection"), "");
  }
  client.ask("GET", "/", "Connection: close\r\n");
  EXPECT_EQ((co_await client.answer()).header("Connection"), "close");
  EXPECT_EQ(co_await client.rest(), "");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, ClosesAConnectionIfTheHandlerSaysSo) {
  Server server;
  server.get("/", [](Request&) {
    Reply reply("bye");
    reply.headers.set("Connection", "close");
    return reply;
  });
  const HttpClient client = co_await connected(server);
  client.get("/");
  EXPECT_EQ((co_await client.answer()).header("Connection"), "close");
  EXPECT_EQ(co_await client.rest(), "");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, AnswersPipelinedRequestsInTheirOrder) {
  Server server;
  int running = 0;
  server.get("/slow/{n}", [&](Request& request) -> Coro<Reply> {
    EXPECT_EQ(++running, 1);
    co_await asyncio::sleep(2ms);
    --running;
    co_return std::string(request.path_param("n"));
  });
  server.get("/fast/{n}", [](Request& r) { return Reply(std::string(r.path_param("n"))); });
  server.post("/post", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  const HttpClient client = co_await connected(server);
  std::string all;
  for (int i = 0; i < 30; ++i) {
    const std::string n = std::to_string(i);
    if (i % 3 == 0) all += "GET /slow/" + n + " HTTP/1.1\r\nHost: h\r\n\r\n";
    if (i % 3 == 1) all += "GET /fast/" + n + " HTTP/1.1\r\nHost: h\r\n\r\n";
    if (i % 3 == 2) {
      all += "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(n.size()) +
             "\r\n\r\n" + n;
    }
  }
  client.send(all);
  for (int i = 0; i < 30; ++i) EXPECT_EQ((co_await client.answer()).content, std::to_string(i));
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, TakesRequestsInPiecesOfAnySize) {
  Server server;
  server.post("/", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  const HttpClient client = co_await connected(server);
  const std::string request =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (const char c : request + request) {
    client.send({&c, 1});
    co_await asyncio::sleep(0s);
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ((co_await client.answer()).content, "abc");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, SpeaksHttp10) {
  Server server;
  server.get("/", &hello);
  server.get("/streamed", [](Request& request) -> Coro<> {
    EXPECT_TRUE(request.is_http10());
    auto out = co_await request.start_reply();
    co_await out.write("one,");
    co_await out.write("two");
  });
  const Answer plain = co_await answer_of(server, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(plain.header("Connection"), "close");
  EXPECT_EQ(plain.content, "hello\n");
  const HttpClient client = co_await connected(server);
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    EXPECT_EQ((co_await client.answer()).header("Connection"), "keep-alive");
  }
  client.send("GET /streamed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Answer streamed = co_await client.answer();
  EXPECT_EQ(streamed.header("Transfer-Encoding"), "");
  EXPECT_EQ(streamed.header("Connection"), "close");
  EXPECT_EQ(streamed.content, "one,two");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpServer, TakesWholeUrlsAndAnEmptyLineBefore) {
  Server server;
  server.get("/{all...}", &tell);
  const std::string host = " HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ((co_await get(server, "http://example.com:80/x?y")).content, "GET /x [y] -");
  EXPECT_EQ((co_await get(server, "HTTP://example.com")).content, "GET / [] -");
  EXPECT_EQ((co_await get(server, "http://example.com?q")).content, "GET / [q] -");
  EXPECT_EQ((co_await answer_of(server, "\r\nGET /x" + host)).content, "GET /x [] -");
  EXPECT_EQ((co_await answer_of(server, "\r\n\r\nGET /x" + host)).status, 400);
  co_await ended(server);
}

// --- other places to listen ---------------------------------------------------------------------

ASYNC_TEST(HttpServer, SpeaksTls) {
  Server server;
  server.get("/", &hello);
  server.get("/streamed", [](Request& request) -> Coro<> {
    auto out = co_await request.start_reply();
    co_await out.write(std::string(200'000, 'x'));
  });
  const asyncio::ssl::Context context = support::tls_server();
  co_await server.start("127.0.0.1", 0, {.ssl = &context});
  const asyncio::ssl::Context trusting = support::tls_client();
  const HttpClient client(co_await asyncio::open_connection(
      server.sockets().at(0), {.ssl = &trusting, .server_hostname = "localhost"}));
  client.get("/");
  EXPECT_EQ((co_await client.answer()).content, "hello\n");
  client.get("/streamed");
  EXPECT_EQ((co_await client.answer()).content.size(), 200'000U);
  client.send("POST / HTTP/1.1\r\nBAD\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ((co_await client.answer()).status, 400);
  const HttpClient idle(co_await asyncio::open_connection(
      server.sockets().at(0), {.ssl = &trusting, .server_hostname = "localhost"}));
  idle.get("/");
  EXPECT_EQ((co_await idle.answer()).content, "hello\n");
  co_await client.close();
  co_await server.shutdown(1s);  // and reports nobody: the idle one need not say goodbye
  EXPECT_EQ((co_await idle.rest()), "");
}

ASYNC_TEST(HttpServer, ListensOnUnixSocketsAndSeveralPorts) {
  const support::Folder folder;
  const std::string path = folder / "http";
  Server server;
  server.get("/", &hello);
  co_await server.start_unix(path);
  co_await server.start("127.0.0.1", 0);
  co_await server.start("127.0.0.1", 0);
  EXPECT_EQ(server.sockets().size(), 3U);
  for (const asyncio::Address& address : server.sockets()) {
    const HttpClient client = co_await HttpClient::to(address);
    client.get("/");
    EXPECT_EQ((co_await client.answer()).content, "hello\n");
    co_await client.close();
  }
  co_await ended(server);
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_EQ(co_await support::thrown_by_await(
                [](Server s) -> Coro<> { co_await s.start("127.0.0.1", 0); }(server)),
            "RuntimeError: start(): the server is closed; make a new one");
}
