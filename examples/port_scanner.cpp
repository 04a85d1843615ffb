// Which ports of a host are open? At most 100 are tried at a time, each for a second.
#include <asyncio/asyncio.hpp>
#include <asyncio/progress.hpp>
#include <asyncio/resolver.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "command_line.hpp"

using namespace std::chrono_literals;

asyncio::Coro<bool> is_open(asyncio::Address address) {
  try {
    auto [reader, writer] = co_await asyncio::wait_for(asyncio::open_connection(address), 1s);
    writer.close();
    co_return true;
  } catch (const asyncio::TimeoutError&) {  // a firewall has swallowed the attempt
    co_return false;
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::connection_refused) co_return false;
    throw;  // no route, no descriptors left: the others would fail, too
  }
}

asyncio::Coro<std::vector<std::uint16_t>> scan(asyncio::Address host,
                                               std::vector<std::uint16_t> ports) {
  std::vector<std::uint16_t> open;
  asyncio::Semaphore limit(100);
  asyncio::Progress progress({.transient = true});
  auto scanned = progress.add_task("ports", {.total = ports.size()});
  auto probe = [&](std::uint16_t port) -> asyncio::Coro<> {
    auto held = co_await limit.hold();
    const bool answers = co_await is_open(host.with_port(port));
    if (answers) open.push_back(port);
    scanned.advance();
  };
  std::vector<asyncio::Coro<>> probes;
  for (const std::uint16_t port : ports) probes.push_back(probe(port));
  co_await asyncio::gather(asyncio::cancel_on_error, std::move(probes));
  std::sort(open.begin(), open.end());
  co_return open;
}

// Two ports that are open, and one that somebody has and does not listen on.
asyncio::Coro<> demonstrate() {
  auto hang_up = [](asyncio::StreamReader, asyncio::StreamWriter) {};
  auto one = co_await asyncio::start_server(hang_up, "127.0.0.1", 0);
  auto two = co_await asyncio::start_server(hang_up, "127.0.0.1", 0);
  asyncio::Socket silent(asyncio::Address::Family::ipv4);
  silent.bind({"127.0.0.1", 0});
  const std::vector<std::uint16_t> ports = {one.sockets().at(0).port(), two.sockets().at(0).port(),
                                            silent.getsockname().port()};
  const asyncio::Address here("127.0.0.1", 0);
  const auto open = co_await scan(here, ports);
  std::cout << open.size() << " of " << ports.size() << " ports are open" << std::endl;
  for (asyncio::Server* server : {&one, &two}) {
    server->close();
    co_await server->wait_closed();
  }
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
    co_return;
  }
  if (args.size() != 3) {
    throw command_line::Usage("port_scanner [HOST FIRST LAST]  (without: a demonstration)");
  }
  const std::uint16_t first = command_line::port(args[1]);
  const std::uint16_t last = command_line::port(args[2]);
  if (first > last) throw std::invalid_argument("the first port is above the last one");
  std::vector<std::uint16_t> ports;
  for (unsigned port = first; port <= last; ++port) {
    ports.push_back(static_cast<std::uint16_t>(port));
  }
  const auto addresses = co_await asyncio::get_running_loop().getaddrinfo(args[0], first);
  const auto open = co_await scan(addresses.at(0), ports);
  for (const std::uint16_t port : open) std::cout << port << "\n";
  std::cerr << open.size() << " of " << ports.size() << " ports are open" << std::endl;
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
