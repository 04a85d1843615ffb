// Our client and our server, which must understand each other.

#include <asyncio/http.hpp>
#include <asyncio/http_server.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/pattern.hpp"
#include "support/tls_streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Client;
using asyncio::http::Params;
using asyncio::http::Reply;
using asyncio::http::Request;
using asyncio::http::Response;
using asyncio::http::ResponseStream;
using asyncio::http::Server;
using support::thrown_by_await;

namespace {

std::string url_of(const Server& server) { return "http://" + server.sockets().at(0).str(); }

std::string type_of(const std::string& error) { return error.substr(0, error.find(':', 6)); }

asyncio::AsyncGenerator<std::string> two_pieces() {
  co_yield "a";
  co_await asyncio::sleep(0s);
  co_yield "b";
}

}  // namespace

ASYNC_TEST(HttpBothEnds, ParametersArriveAsTheyWere) {
  Server server;
  Params received;
  server.get("/search/{what}", [&](Request& request) {
    received = request.params();
    return Reply(std::string(request.path_param("what")));
  });
  co_await server.start("127.0.0.1", 0);
  const std::string base = url_of(server);
  const Client client({.base_url = base});
  const Params sent = {{"q", "C++ & co = 100%"}, {"\xc3\xa9", "?#/"}, {"q", ""}};
  const Response answer = co_await client.get("/search/a%2Fb c", {.params = sent});
  EXPECT_EQ(answer.content, "a/b c");
  EXPECT_EQ(received, sent);
  co_await server.shutdown(1s);
}

ASYNC_TEST(HttpBothEnds, LargeBodiesGoBothWays) {
  Server server({.body_bytes = std::nullopt});
  server.post("/echo", [](Request& request) -> Coro<Reply> {
    std::string body = co_await request.read();
    co_return Reply(std::move(body));
  });
  co_await server.start("127.0.0.1", 0);
  const std::string url = url_of(server) + "/echo";
  const Client client;
  const std::string body = support::pattern(5'000'000);
  const Response answer = co_await client.post(url, {.content = body});
  EXPECT_TRUE(answer.content == body);
  co_await server.shutdown(1s);
}

ASYNC_TEST(HttpBothEnds, AHandlerThatHangsUpIsAnErrorAtTheClientOnly) {
  Server server;
  server.get("/plain", [](Request& request) {
    request.hang_up();
    return Reply("dropped");
  });
  server.get("/late", [](Request& request) -> Coro<Reply> {
    co_await asyncio::sleep(1ms);
    request.hang_up();
    co_return Reply("dropped");
  });
  server.get("/cut", [](Request& request) -> Coro<> {
    asyncio::http::ReplyStream out = co_await request.start_reply(200);
    co_await out.write("begin");
    request.hang_up();
  });
  co_await server.start("127.0.0.1", 0);
  const std::string base = url_of(server);
  const Client client({.base_url = base});
  for (const char* path : {"/plain", "/late", "/cut"}) {
    const std::string type = type_of(co_await thrown_by_await(client.get(path)));
    EXPECT_TRUE(type == "http::RemoteProtocolError" || type == "http::ReadError") << path << type;
  }
  co_await server.shutdown(1s);
}

ASYNC_TEST(HttpBothEnds, EventsAreLinesOfAStream) {
  Server server;
  server.get("/events", [](Request& request) -> Coro<> {
    asyncio::http::EventStream events = co_await request.start_events();
    co_await events.send("one\ntwo", {.event = "numbers", .id = "1"});
  });
  co_await server.start("127.0.0.1", 0);
  const std::string url = url_of(server) + "/events";
  const Client client;
  ResponseStream stream = co_await client.stream("GET", url);
  EXPECT_EQ(stream.headers.value("Content-Type").substr(0, 17), "text/event-stream");
  std::vector<std::string> lines;
  while (auto line = co_await stream.next_line()) lines.push_back(*line);
  EXPECT_EQ(lines,
            (std::vector<std::string>{"event: numbers", "id: 1", "data: one", "data: two", ""}));
  co_await server.shutdown(1s);
}

ASYNC_TEST(HttpBothEnds, AProxyBehindTlsIsTrustedByTheSameCertificates) {
  Server proxy;
  proxy.get("/{what}",
            [](Request& request) { return Reply(std::string(request.path_param("what"))); });
  const asyncio::ssl::Context context = support::tls_server();
  co_await proxy.start("127.0.0.1", 0, {.ssl = &context});
  const std::string url = "https://localhost:" + std::to_string(proxy.sockets().at(0).port());
  const std::string& trusted = support::tls_authority().pem();
  const Client client({.proxy = url, .ca_data = trusted});
  const Response answer = co_await client.get("http://example.invalid/hello");
  EXPECT_EQ(answer.content, "hello");
  const support::LogCapture log;  // of the handshake
  const Client distrustful({.proxy = url});
  const std::string error =
      co_await thrown_by_await(distrustful.get("http://example.invalid/hello"));
  EXPECT_EQ(type_of(error), "http::ConnectError") << error;
  co_await proxy.shutdown(1s);
  EXPECT_EQ(log.count("cancelled at the deadline"), 0);
}

ASYNC_TEST(HttpBothEnds, WithoutAClientARequestHasOneOfItsOwn) {
  Server server;
  server.get("/", [](Request&) { return Reply("got"); });
  server.post("/", [](Request& request) -> Coro<Reply> {
    std::string body = co_await request.read();
    co_return Reply("posted " + body);
  });
  co_await server.start("127.0.0.1", 0);
  const std::string url = url_of(server);
  const Response got = co_await asyncio::http::get(url);
  EXPECT_EQ(got.content, "got");
  const Response posted = co_await asyncio::http::post(url, {.content = "this"});
  EXPECT_EQ(posted.content, "posted this");
  co_await server.shutdown(1s);
}

TEST(HttpBothEnds, AClientBelongsToOneLoop) {
  const Client client;
  const auto ask = [&]() -> Coro<> {
    EXPECT_EQ(type_of(co_await thrown_by_await(client.get("http://127.0.0.1:1/"))),
              "http::ConnectError");
  };
  const auto ask_elsewhere = [&]() -> Coro<> {
    const std::string error = co_await thrown_by_await(client.get("http://127.0.0.1:1/"));
    EXPECT_NE(error.find("make a client for each loop"), std::string::npos) << error;
  };
  const auto both = [&]() -> Coro<> {
    co_await ask();
    std::jthread([&] { asyncio::run(ask_elsewhere()); }).join();
    co_await ask();
  };
  asyncio::run(both());
}

ASYNC_TEST(HttpBothEnds, ManyRequestsAtOnceShareTheConnectionsThatMayBe) {
  Server server;
  int at_once = 0;
  int most = 0;
  server.get("/", [&](Request&) -> Coro<Reply> {
    most = std::max(most, ++at_once);
    co_await asyncio::sleep(1ms);
    --at_once;
    co_return Reply("x");
  });
  co_await server.start("127.0.0.1", 0);
  const std::string base = url_of(server);
  const Client client({.base_url = base, .limits = {.max_connections = 20}});
  std::vector<Coro<Response>> requests;
  for (int i = 0; i < 500; ++i) requests.push_back(client.get("/"));
  const std::vector<Response> answers = co_await asyncio::gather(std::move(requests));
  EXPECT_EQ(answers.size(), 500U);
  EXPECT_LE(most, 20);
  co_await server.shutdown(1s);
}

// Failure 29, 52: whatever is cancelled when, nothing is left of it.
TEST(HttpBothEnds, ARequestThatIsCancelledAnywhereLeavesNothingBehind) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await([]() -> Coro<> {
              Server server;
              server.post("/", [](Request& request) -> Coro<Reply> {
                std::string body = co_await request.read();
                co_return Reply(std::move(body));
              });
              co_await server.start("127.0.0.1", 0);
              const std::string url = url_of(server);
              const Client client;
              auto pieces = two_pieces();
              // The one that is cancelled may be the server's end: then this is an error.
              auto answer = co_await asyncio::as_result(client.post(url, {.stream = pieces}));
              if (answer.cancelled()) throw asyncio::CancelledError();
              if (answer && answer.value().is_success()) {
                EXPECT_EQ(answer.value().content, "ab");
              }
              auto stream =
                  co_await asyncio::as_result(client.stream("POST", url, {.content = "x"}));
              if (stream.cancelled()) throw asyncio::CancelledError();
              if (stream) {
                auto rest = co_await asyncio::as_result(stream.value().read());
                if (rest.cancelled()) throw asyncio::CancelledError();
              }
              server.close();
            }),
            "");
}

// Failure 91
TEST(HttpBothEnds, ARequestThatFindsNoMemoryFailsAndLeavesNothingBehind) {
  const support::LogCapture reports;
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation([]() -> Coro<> {
              Server server;
              server.get("/", [](Request&) { return Reply("x"); });
              co_await server.start("127.0.0.1", 0);
              const std::string url = url_of(server);
              const Client client;
              auto answer = co_await asyncio::as_result(client.get(url));
              if (answer && answer.value().is_success()) {
                EXPECT_EQ(answer.value().content, "x");
              }
              server.close();
            }),
            "");
}
