// A web server on several threads: a loop each, one port for all. Not much of HTTP, but curl and
// wrk can talk to it.
#include <asyncio/asyncio.hpp>
#include <asyncio/workers.hpp>

#include <sys/socket.h>

#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "command_line.hpp"

std::string response(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

asyncio::Coro<> answer(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  const std::string hello = response("200 OK", "hello\n");
  try {
    for (;;) {
      const std::string request = co_await reader.readuntil("\r\n\r\n");
      const bool get = request.starts_with("GET ");
      writer.write(get ? hello : response("405 Method Not Allowed", "only GET\n"));
      co_await writer.drain();
    }
  } catch (const asyncio::IncompleteReadError&) {  // the client has ended
  } catch (const asyncio::LimitOverrunError&) {
    writer.write(response("431 Request Header Fields Too Large", "too much\n"));
  } catch (const std::system_error&) {  // the client has reset the connection, as wrk does
  }
}

asyncio::Coro<> serve(std::uint16_t port) {
  auto server = co_await asyncio::start_server(answer, "127.0.0.1", port, {.reuse_port = true});
  co_await server.serve_forever();
}

// A port that is ours before there is a worker: bound, and nobody listens on this socket.
asyncio::Socket reserve(std::uint16_t port) {
  asyncio::Socket socket(asyncio::Address::Family::ipv4);
  socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
  socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
  socket.bind({"127.0.0.1", port});
  return socket;
}

asyncio::Coro<> ask(std::uint16_t port) {
  const std::string expected = response("200 OK", "hello\n");
  int answers = 0;
  for (int i = 0; i < 20; ++i) {
    auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", port);
    writer.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string got = co_await reader.readexactly(expected.size());
    if (got == expected) ++answers;
    writer.close();
    co_await writer.wait_closed();
  }
  std::cout << answers << " of 20 connections had an answer" << std::endl;
}

// Worker 0 asks and the others answer; when it has ended, they are cancelled.
asyncio::Coro<> demonstrate(std::size_t worker, std::uint16_t port) {
  if (worker > 0) {
    co_await serve(port);
    co_return;
  }
  auto server = co_await asyncio::start_server(answer, "127.0.0.1", port, {.reuse_port = true});
  co_await ask(port);
  server.close();
  co_await server.wait_closed();
}

int serve_on_threads(std::size_t threads, std::uint16_t port) {
  return asyncio::run_workers(threads, [port] { return serve(port); });
}

int main(int argc, char** argv) {
  const command_line::Args args(argv + 1, argv + argc);
  try {
    if (!args.empty() && (args[0] != "serve" || args.size() < 2 || args.size() > 3)) {
      throw command_line::Usage("workers [serve PORT [THREADS]]  (without: a demonstration)");
    }
    const asyncio::Socket reserved = reserve(args.empty() ? 0 : command_line::port(args[1]));
    const std::uint16_t port = reserved.getsockname().port();
    if (args.empty()) {
      return asyncio::run_workers(2, [port](std::size_t n) { return demonstrate(n, port); });
    }
    const auto threads = command_line::number<std::size_t>(args.size() == 3 ? args[2] : "2", 1, 256,
                                                           "the number of threads");
    std::cout << "serving on 127.0.0.1:" << port << std::endl;
    return serve_on_threads(threads, port);
  } catch (const command_line::Usage& usage) {
    std::cerr << usage.what() << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    return 1;
  }
}
