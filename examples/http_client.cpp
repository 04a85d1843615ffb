// An HTTP client: JSON, forms, answers and bodies piece by piece, limits of time, errors, retries.
#include <asyncio/asyncio.hpp>
#include <asyncio/http.hpp>
#include <asyncio/http_json.hpp>
#include <asyncio/http_retry.hpp>
#include <asyncio/http_server.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = asyncio::http;

// What is asked here, so that it runs without a network.
asyncio::Coro<http::Server> start_server() {
  http::Server server;
  server.get("/repos/{name}", [](http::Request& request) {
    const std::string name(request.path_param("name"));
    if (name == "nothing") throw http::Abort(404, "no such repository\n");
    return http::Reply::json("{\"name\": \"" + name + "\", \"stars\": 42}");
  });
  server.get("/search", [](http::Request& request) {
    return http::Reply("looked for " + request.query_value("q").value_or("nothing") + "\n");
  });
  server.post("/echo", [](http::Request& request) -> asyncio::Coro<http::Reply> {
    std::string body = co_await request.read();
    co_return http::Reply(std::move(body));
  });
  server.post("/login", [](http::Request&) {
    http::Reply reply("welcome\n");
    reply.headers.add("Set-Cookie", "session=1234; Path=/account");
    return reply;
  });
  server.get("/account", [](http::Request& request) {
    return http::Reply(std::string(request.headers().value("Cookie")) + "\n");
  });
  server.get("/log", [](http::Request& request) -> asyncio::Coro<> {
    http::ReplyStream out = co_await request.start_reply(200);
    for (const char* line : {"starting\n", "work", "ing\n", "done\n"}) co_await out.write(line);
  });
  server.get("/slow", [](http::Request&) -> asyncio::Coro<http::Reply> {
    co_await asyncio::sleep(200ms);
    co_return http::Reply("at last\n");
  });
  server.get("/busy", [attempts = 0](http::Request&) mutable {
    return ++attempts < 3 ? http::Reply(503) : http::Reply("here you are\n");
  });
  co_await server.start("127.0.0.1", 0);
  co_return server;
}

asyncio::Coro<> ask(http::Client client) {
  const http::Response answer = co_await client.get("/repos/cpython");
  const auto repository = http::json(answer.raise_for_status());
  std::cout << answer.status_code << " " << answer.reason_phrase << ": " << repository["name"]
            << " has " << repository["stars"] << " stars" << std::endl;

  const http::Params params = {{"q", "C++ & co"}};
  const http::Response found = co_await client.get("/search", {.params = params});
  std::cout << found.text();
}

asyncio::Coro<> ask_for_many(http::Client client) {
  std::vector<asyncio::Coro<http::Response>> requests;
  for (const char* name : {"/repos/a", "/repos/b", "/repos/c"}) {
    requests.push_back(client.get(name));
  }
  for (const http::Response& answer : co_await asyncio::gather(std::move(requests))) {
    std::cout << answer.url.path() << ": " << answer.content << std::endl;
  }
}

asyncio::AsyncGenerator<std::string> countdown(int from) {
  for (int n = from; n > 0; --n) {
    co_await asyncio::sleep(1ms);
    co_yield std::to_string(n) + " ";
  }
}

asyncio::Coro<> send(http::Client client) {
  const http::Params form = {{"title", "a cat"}, {"size", "4"}};
  const http::Response sent = co_await client.post("/echo", {.data = form});
  std::cout << sent.text() << std::endl;

  http::Multipart files;
  files.add("title", "a cat");
  files.add_file("photo", "cat.txt", "=^.^=\n", "text/plain");
  const http::Response uploaded = co_await client.post("/echo", {.files = files});
  std::cout << uploaded.headers.value("Content-Length") << " bytes with a cat" << std::endl;

  auto pieces = countdown(3);
  const http::Response counted = co_await client.post("/echo", {.stream = pieces});
  std::cout << counted.text() << std::endl;
}

asyncio::Coro<> log_in(http::Client client) {
  const http::Auth auth = http::basic_auth("ada", "engine");
  co_await client.post("/login", {.auth = auth});
  for (const http::StoredCookie& cookie : client.cookies()) {
    std::cout << "keeps " << cookie.name << " for " << cookie.path << std::endl;
  }
  const http::Response account = co_await client.get("/account");
  std::cout << account.text();
}

asyncio::Coro<> read_lines(http::Client client) {
  http::ResponseStream log = co_await client.stream("GET", "/log");
  while (auto line = co_await log.next_line()) std::cout << "> " << *line << std::endl;
}

asyncio::Coro<> go_wrong(http::Client client) {
  try {
    const http::Response answer = co_await client.get("/repos/nothing");
    answer.raise_for_status();
  } catch (const http::HTTPStatusError& error) {
    std::cout << error.what() << ", which says: " << error.response().text();
  }
  try {
    co_await client.get("/slow", {.timeout = http::Timeout{.read = 50ms}});
  } catch (const http::ReadTimeout& error) {
    std::cout << error.what() << std::endl;
  }
}

asyncio::Coro<> try_again(http::Client client) {
  const http::Retry retry({.attempts = 5, .backoff = 10ms});
  const http::Response answer = co_await retry.get(client, "/busy");
  std::cout << answer.text();
}

asyncio::Coro<> async_main() {
  http::Server server = co_await start_server();
  const std::string base = "http://" + server.sockets().at(0).str();
  const http::Client client({.base_url = base, .timeout = {.total = 10s}});
  co_await ask(client);
  co_await ask_for_many(client);
  co_await send(client);
  co_await log_in(client);
  co_await read_lines(client);
  co_await go_wrong(client);
  co_await try_again(client);
  client.close();
  co_await server.shutdown(1s);
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
