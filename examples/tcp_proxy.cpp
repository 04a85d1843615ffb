// A proxy: everything that comes is passed on, both ways, and so is the end of each way.
#include <asyncio/asyncio.hpp>

#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include "command_line.hpp"

asyncio::Coro<> pump(asyncio::StreamReader from, asyncio::StreamWriter to) {
  for (;;) {
    const std::string data = co_await from.read(65536);
    if (data.empty()) break;
    to.write(data);
    co_await to.drain();  // the slower side sets the pace
  }
  to.write_eof();  // the other way may go on
}

asyncio::Coro<> pass_on(std::string host, std::uint16_t port, asyncio::StreamReader reader,
                        asyncio::StreamWriter writer) {
  try {
    auto [target_reader, target_writer] = co_await asyncio::open_connection(host, port);
    co_await asyncio::gather(asyncio::cancel_on_error, pump(reader, target_writer),
                             pump(target_reader, writer));
    target_writer.close();
    co_await target_writer.wait_closed();
  } catch (const std::system_error& error) {  // both connections end with their handles
    std::cerr << "dropped a client: " << error.what() << std::endl;
    writer.abort();
  }
}

asyncio::Coro<asyncio::Server> start(std::uint16_t port, std::string target_host,
                                     std::uint16_t target_port) {
  auto handle = [target_host = std::move(target_host), target_port](asyncio::StreamReader reader,
                                                                    asyncio::StreamWriter writer) {
    return pass_on(target_host, target_port, std::move(reader), std::move(writer));
  };
  return asyncio::start_server(std::move(handle), "127.0.0.1", port);
}

// --- a demonstration: a server that answers only when the client has ended its half
// ---------------

asyncio::Coro<> count(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  const std::string all = co_await reader.read();  // until the end
  writer.write(std::to_string(all.size()) + " bytes\n");
}

asyncio::Coro<> demonstrate() {
  auto target = co_await asyncio::start_server(count, "127.0.0.1", 0);
  auto proxy = co_await start(0, "localhost", target.sockets().at(0).port());
  auto [reader, writer] = co_await asyncio::open_connection(proxy.sockets().at(0));
  writer.write(std::string(1'000'000, 'x'));
  co_await writer.drain();
  writer.write_eof();
  const std::string answer = co_await reader.read();
  std::cout << "through the proxy: " << answer;
  writer.close();
  for (asyncio::Server* server : {&proxy, &target}) {
    server->close();
    co_await server->wait_closed();
  }

  auto lonely = co_await start(0, "127.0.0.1", 1);
  auto [silence, unused] = co_await asyncio::open_connection(lonely.sockets().at(0));
  auto ended = co_await asyncio::as_result(silence.read());
  std::cout << "without a target: the connection ends" << std::endl;
  unused.close();
  lonely.close();
  co_await lonely.wait_closed();
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
    co_return;
  }
  if (args.size() != 4 || args[0] != "serve") {
    throw command_line::Usage(
        "tcp_proxy [serve PORT TARGET_HOST TARGET_PORT]  (without: a demonstration)");
  }
  auto server = co_await start(command_line::port(args[1]), std::string(args[2]),
                               command_line::port(args[3]));
  std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
  co_await server.serve_forever();
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
