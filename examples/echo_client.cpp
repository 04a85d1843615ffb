// Sends lines to an echo server and prints what comes back.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>

#include "command_line.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> talk(std::string_view host, std::uint16_t port, command_line::Args lines) {
  auto [reader, writer] = co_await asyncio::wait_for(asyncio::open_connection(host, port), 5s);
  for (std::string_view line : lines) {
    writer.writelines({line, "\n"});
    co_await writer.drain();
    std::cout << co_await reader.readuntil("\n") << std::flush;
  }
  writer.close();
  co_await writer.wait_closed();
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.size() < 3) throw command_line::Usage("echo_client HOST PORT LINE...");
  const command_line::Args lines(args.begin() + 2, args.end());
  co_await talk(args[0], command_line::port(args[1]), lines);
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
