// An HTTP server: routes, JSON, uploads, an answer piece by piece, and a clock for browsers.
#include <asyncio/asyncio.hpp>
#include <asyncio/http_server.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "command_line.hpp"

using namespace std::chrono_literals;
namespace http = asyncio::http;

// --- handlers ------------------------------------------------------------------------------------

// What takes no time to answer is a plain function.
http::Reply hello(http::Request& request) {
  return "hello " + request.query_value("name").value_or("world") + "\n";
}

using Users = std::map<std::string, std::string, std::less<>>;

http::Reply find_user(const Users& users, http::Request& request) {
  const auto found = users.find(request.path_param("id"));
  if (found == users.end()) throw http::Abort(404, "there is no such user\n");
  return http::Reply::json(R"({"id": ")" + found->first + R"(", "name": ")" + found->second +
                           "\"}\n");
}

// What waits is a coroutine: here for the body.
asyncio::Coro<http::Reply> put_user(Users& users, http::Request& request) {
  std::string name = co_await request.read();  // at most ServerLimits::body_bytes
  if (name.empty() || name.find_first_of("\"\\\n") != std::string::npos) {
    co_return http::Reply(400, "a name is one line without quotes\n");
  }
  users.insert_or_assign(std::string(request.path_param("id")), std::move(name));
  co_return http::Reply(201, "saved\n");
}

// A body of any size, of which only a piece is in memory.
asyncio::Coro<http::Reply> upload(http::Request& request) {
  request.set_body_limit(std::nullopt);
  std::size_t bytes = 0;
  while (auto piece = co_await request.next()) bytes += piece->size();
  co_return std::to_string(bytes) + " bytes\n";
}

// What a client has written wrongly is its error, not ours: 400 instead of 500.
int number_in(std::string_view text, int least, int most, const std::string& what) {
  try {
    return command_line::number(text, least, most, what);
  } catch (const std::invalid_argument& refused) {
    throw http::Abort(400, std::string(refused.what()) + "\n");
  }
}

// An answer of any size, at the pace at which the client reads it.
asyncio::Coro<> count(http::Request& request) {
  const int most = number_in(request.path_param("n"), 0, 100'000'000, "n");
  http::ReplyStream out = co_await request.start_reply();
  std::string lines;
  for (int i = 1; i <= most; ++i) {
    lines += std::to_string(i) + "\n";
    if (lines.size() < 16384 && i < most) continue;
    co_await out.write(lines);
    lines.clear();
  }
}

// Server-sent events, for an EventSource in a browser, until it goes away.
asyncio::Coro<> clock_ticks(http::Request& request) {
  const int every = number_in(request.query_value("ms").value_or("1000"), 1, 60'000, "ms");
  http::EventStream events = co_await request.start_events();
  for (int tick = 1;; ++tick) {
    const std::string id = std::to_string(tick);
    co_await events.send("tick " + id, {.event = "tick", .id = id});
    co_await asyncio::sleep(every * 1ms);
  }
}

constexpr const char* page = R"(<!DOCTYPE html>
<meta charset="utf-8"><title>asyncio</title>
<h1>asyncio for C++</h1>
<p id="user">no user</p>
<p id="tick">no tick</p>
<script>
fetch("/users/ada").then(answer => answer.json())
  .then(user => document.getElementById("user").textContent = user.name);
const last = new URLSearchParams(location.search).get("last");  // or it goes on for ever
const clock = new EventSource("/clock?ms=100");
clock.addEventListener("tick", event => {
  document.getElementById("tick").textContent = event.data;
  if (event.lastEventId === last) clock.close();
});
</script>
)";

// --- the server ----------------------------------------------------------------------------------

void add_routes(http::Server& server, Users& users) {
  server.get("/", [](http::Request&) { return http::Reply::html(page); });
  server.get("/hello", hello);
  server.get("/users/{id}", [&](http::Request& request) { return find_user(users, request); });
  server.put("/users/{id}", [&](http::Request& request) { return put_user(users, request); });
  server.post("/upload", upload);
  server.get("/count/{n}", count);
  server.get("/clock", clock_ticks);
  server.get("/old/{path...}", [](http::Request& request) {
    return http::Reply::redirect("/" + std::string(request.path_param("path")), 308);
  });
}

asyncio::Coro<> serve(std::uint16_t port) {
  Users users = {{"ada", "Ada Lovelace"}};
  http::Server server({.request_time = 1h, .idle_time = 30s});
  add_routes(server, users);
  co_await server.start("127.0.0.1", port);
  std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
  auto stop = [&]() -> asyncio::Coro<> { co_await server.shutdown(2s); };
  co_await asyncio::finally(server.wait_closed(), stop);  // ^C and SIGTERM cancel it
}

// --- a demonstration: what is sent, and what comes back ------------------------------------------

// Without the date, which is another one each time.
void show(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (!line.starts_with("Date: ")) std::cout << "  " << line << "\n";
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

asyncio::Coro<> ask(asyncio::Address server, std::string request) {
  auto [reader, writer] = co_await asyncio::open_connection(server);
  std::cout << request.substr(0, request.find('\r')) << std::endl;
  writer.write(request);
  const std::string answer = co_await reader.read();
  show(answer);
  writer.close();
}

asyncio::Coro<> listen_to_the_clock(asyncio::Address server) {
  auto [reader, writer] = co_await asyncio::open_connection(server);
  std::cout << "GET /clock" << std::endl;
  writer.write("GET /clock?ms=1 HTTP/1.0\r\n\r\n");
  (void)co_await reader.readuntil("\r\n\r\n");
  for (int i = 0; i < 3; ++i) show(co_await reader.readuntil("\n\n"));
  writer.close();  // and the handler's next write tells it so
}

asyncio::Coro<> demonstrate() {
  Users users = {{"ada", "Ada Lovelace"}};
  http::Server server;
  add_routes(server, users);
  co_await server.start("127.0.0.1", 0);
  const asyncio::Address address = server.sockets().at(0);
  const std::string end = " HTTP/1.1\r\nHost: example\r\nConnection: close\r\n";
  co_await ask(address, "GET /hello?name=C%2B%2B" + end + "\r\n");
  co_await ask(address, "GET /users/ada" + end + "\r\n");
  co_await ask(address, "PUT /users/bob" + end + "Content-Length: 3\r\n\r\nBob");
  co_await ask(address, "GET /users/bob" + end + "\r\n");
  co_await ask(address, "GET /users/eve" + end + "\r\n");
  co_await ask(address, "POST /upload" + end +
                            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  co_await ask(address, "GET /count/5" + end + "\r\n");
  co_await ask(address, "DELETE /count/5" + end + "\r\n");
  co_await listen_to_the_clock(address);
  co_await server.shutdown(1s);
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
    co_return;
  }
  if (args.size() != 2 || args[0] != "serve") {
    throw command_line::Usage("http_server [serve PORT]  (without: a demonstration)");
  }
  co_await serve(command_line::port(args[1]));
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
