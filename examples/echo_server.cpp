// An echo server: every client gets back what it sends. Try it with echo_client, or nc.
#include <asyncio/asyncio.hpp>

#include <iostream>
#include <string>
#include <system_error>

#include "command_line.hpp"

asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  try {
    for (;;) {
      const std::string data = co_await reader.read(65536);
      if (data.empty()) co_return;  // its end; the connection is closed when a handler returns
      writer.write(data);
      co_await writer.drain();  // a client that does not read is not read from, either
    }
  } catch (const std::system_error& error) {
    std::cerr << "lost a client: " << error.what() << std::endl;
  }
}

asyncio::Coro<> serve(std::uint16_t port) {
  auto server = co_await asyncio::start_server(echo, "127.0.0.1", port);
  std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
  co_await server.serve_forever();  // until ^C or SIGTERM, which ends the clients, too
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.size() != 1) throw command_line::Usage("echo_server PORT  (0: a free one)");
  co_await serve(command_line::port(args[0]));
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
