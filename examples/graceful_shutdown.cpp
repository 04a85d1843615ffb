// SIGTERM and ^C: the server stops listening, clients may finish, those that take too long may not.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "command_line.hpp"

using namespace std::chrono_literals;

// A client sends how many milliseconds its work takes.
asyncio::Coro<> work(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  try {
    std::string line = co_await reader.readline();
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    const auto takes = command_line::number(line, 0, 3'600'000, "the time in milliseconds");
    writer.write("working\n");
    co_await asyncio::sleep(takes * 1ms);
    writer.write("done\n");
  } catch (const std::invalid_argument& refused) {
    writer.write(std::string(refused.what()) + "\n");
  } catch (const std::system_error& lost) {
    std::cerr << "lost a client: " << lost.what() << std::endl;
  }
}

asyncio::Coro<> serve(asyncio::Server server, asyncio::Duration patience) {
  auto stop = [&]() -> asyncio::Coro<> {
    std::cout << "stopping" << std::endl;
    co_await server.shutdown(patience);  // no new ones; those that are here have so long
    std::cout << "stopped" << std::endl;
  };
  // Listens since it was started; run_main() cancels us here when a signal comes. Not
  // serve_forever(): when that is cancelled, it ends the clients' connections at once.
  co_await asyncio::finally(server.wait_closed(), stop);
}

// --- a demonstration: a quick client and a slow one, and a SIGTERM while both work ---------------

asyncio::Coro<> client(asyncio::Address server, std::string name, int milliseconds,
                       asyncio::Event& working) {
  auto [reader, writer] = co_await asyncio::open_connection(server);
  writer.write(std::to_string(milliseconds) + "\n");
  (void)co_await reader.readuntil("\n");
  working.set();
  std::string answer = co_await reader.readline();
  if (answer.empty()) answer = "nothing more\n";
  std::cout << name << " client: " << answer << std::flush;
  writer.close();
}

// What the library reports, without the task and where it waits.
void show_report(asyncio::LogLevel, std::string_view text) {
  std::cout << "report: " << text.substr(0, text.find(": <")) << std::endl;
}

asyncio::Coro<> demonstrate() {
  asyncio::set_log_sink(show_report);
  auto server = co_await asyncio::start_server(work, "127.0.0.1", 0);
  const asyncio::Address address = server.sockets().at(0);
  asyncio::Event quick_works;
  asyncio::Event slow_works;
  auto quick = asyncio::create_task(client(address, "quick", 100, quick_works));
  auto slow = asyncio::create_task(client(address, "slow", 3'600'000, slow_works));
  co_await quick_works.wait();
  co_await slow_works.wait();
  std::raise(SIGTERM);
  co_await asyncio::finally(serve(server, 400ms), [&]() -> asyncio::Coro<> {
    co_await asyncio::gather(quick, slow);  // what they print comes before the end
  });
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
    co_return;
  }
  if (args.size() != 2 || args[0] != "serve") {
    throw command_line::Usage("graceful_shutdown [serve PORT]  (without: a demonstration)");
  }
  auto server = co_await asyncio::start_server(work, "127.0.0.1", command_line::port(args[1]));
  std::cout << "serving on " << server.sockets().at(0).str() << std::endl;
  co_await serve(server, 2s);
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
