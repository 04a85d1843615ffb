#include "snapshot/memory.hpp"
#include "subcommands.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

using asyncio::command::Status;

constexpr int failed = 1;
constexpr int wrong_usage = 2;

// A new subcommand is a file with a function add_NAME(), declared in subcommands.hpp and named
// here.
constexpr void (*subcommands[])(CLI::App&, Status&) = {
    asyncio::command::add_ps,        asyncio::command::add_pstree,
    asyncio::command::add_bt,        asyncio::command::add_top,
#ifdef ASYNCIO_HAS_DASHBOARD
    asyncio::command::add_dashboard,
#endif
#ifdef ASYNCIO_HAS_CLUSTER
    asyncio::command::add_cluster,   asyncio::command::add_worker,
#endif
};

int run(int argc, char** argv) {
  CLI::App app(
      "Shows the tasks of a running program that uses asyncio for C++, or of a core file.\n"
      "It neither stops nor changes the program, which needs no preparation.\n"
      "Runs workers, and shows what they have to do.",
      "asyncio");
  app.require_subcommand(1);
  Status status = 0;
  for (const auto add : subcommands) add(app, status);
#ifdef ASYNCIO_HAS_CLUSTER
  argc = asyncio::command::cut_at_mark(argc, argv);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : wrong_usage;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  // Whoever is to be a worker, it is not this program, which may run in one.
  ::unsetenv("ASYNCIO_WORKER");  // NOLINT(concurrency-mt-unsafe): there is one thread
  try {
    const int status = run(argc, argv);
    if (std::fflush(stdout) != 0) {
      std::perror("asyncio: standard output");
      return failed;
    }
    return status;
  } catch (const asyncio::snapshot::Unreadable& error) {
    std::fprintf(stderr, "Error retrieving tasks: %s\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "asyncio: %s\n", error.what());
  }
  return failed;
}
