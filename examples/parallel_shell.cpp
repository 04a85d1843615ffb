// Runs shell commands at the same time, a few of them at once, with a line that shows how far it
// is: parallel_shell [COMMAND...]
#include <asyncio/asyncio.hpp>
#include <asyncio/progress.hpp>
#include <asyncio/subprocess.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"

using namespace std::chrono_literals;
using asyncio::subprocess::DEVNULL;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::STDOUT;

constexpr std::size_t at_once = 4;
constexpr auto patience = 5s;

struct Done {
  std::string command;
  std::string output;
  int code = 0;
};

asyncio::Coro<Done> run(std::string command, asyncio::Semaphore& places) {
  auto place = co_await places.hold();
  // Who takes longer than we wait is killed: that is what `abandon` says.
  auto process = co_await asyncio::create_subprocess_shell(
      command, {.stdin_ = DEVNULL,
                .stdout_ = PIPE,
                .stderr_ = STDOUT,
                .abandon = asyncio::subprocess::Abandon::kill});
  Done done;
  done.command = std::move(command);
  try {
    auto [output, unused] = co_await asyncio::wait_for(process.communicate(), patience);
    done.output = std::move(output).value();
  } catch (const asyncio::TimeoutError&) {
    done.output = "it took too long\n";
  }
  done.code = co_await process.wait();
  co_return done;
}

asyncio::Coro<> async_main(command_line::Args args) {
  std::vector<std::string> commands(args.begin(), args.end());
  if (commands.empty()) {
    commands = {"echo one",   "sleep 0.2; echo two",  "echo three >&2; exit 3",
                "kill -9 $$", "seq 1 100000 | wc -l", "no-such-program"};
  }
  asyncio::Semaphore places(at_once);
  std::vector<asyncio::Coro<Done>> running;
  for (std::string& command : commands) running.push_back(run(std::move(command), places));
  const auto all =
      co_await asyncio::progress::gather(std::move(running), {.description = "commands"});
  for (const Done& done : all) {
    std::cout << "$ " << done.command << "\n" << done.output;
    if (done.code > 0) std::cout << "[exit code " << done.code << "]\n";
    if (done.code < 0) std::cout << "[killed by signal " << -done.code << "]\n";
  }
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
