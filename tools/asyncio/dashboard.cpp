#include <asyncio/run.hpp>

#include "dashboard/other_process.hpp"
#include "dashboard/site.hpp"
#include "source.hpp"
#include "subcommands.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace asyncio::command {
namespace {

struct Options {
  std::int64_t pid = 0;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  double every = 0.5;
};

// A look before anything else: what cannot be read is said here, and not to a browser only.
Coro<> serve(const Options& options) {
  dashboard::OtherProcess process(options.pid);
  (void)process.look();
  const auto every = static_cast<std::int64_t>(options.every * 1e9);
  dashboard::Site site(
      process, {.host = options.host, .port = options.port, .every = Duration::nanoseconds(every)});
  const auto tell = [&options](const std::string& url) {
    fmt::print("Dashboard of process {}, until ^C: {}\n", options.pid, url);
    std::fflush(stdout);
  };
  co_await site.serve(tell);
}

constexpr Status interrupted = 130;  // as shells have it for SIGINT

}  // namespace

void add_dashboard(CLI::App& app, Status& status) {
  auto* command = app.add_subcommand(
      "dashboard", "Serves a web page that shows a process live, for those who have its URL");
  const auto options = std::make_shared<Options>();
  command->add_option("PID", options->pid, "The process to look into")
      ->required()
      ->check(CLI::PositiveNumber);
  command->add_option("--host", options->host, "The address to listen at")->capture_default_str();
  command->add_option("--port", options->port, "The port; 0: a free one")->capture_default_str();
  command->add_option("--every", options->every, "Seconds between two looks")
      ->check(CLI::Range(0.05, 60.0))
      ->capture_default_str();
  command->final_callback([options, &status] {
    try {
      asyncio::run(serve(*options), {.name = "dashboard", .backend = "epoll"});
    } catch (const KeyboardInterrupt&) {
      status = interrupted;
    }
  });
}

}  // namespace asyncio::command
