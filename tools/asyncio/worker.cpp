#include "cluster_options.hpp"
#include "subcommands.hpp"
#include "text.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::command {
namespace {

constexpr const char* about =
    "PROGRAM must have tasks, which it makes by asyncio::cluster::task() before main(), and call "
    "asyncio::run() or asyncio::cluster::run_worker(): there it becomes a worker, and what else "
    "its main() does is not reached. Another program would just run as it always does.\n"
    "SIGTERM or ^C: it claims nothing any more and ends when its tasks have, or after --grace; a "
    "second one does not wait.\n"
    "Exit status: 0 after SIGTERM or ^C; 1 after an error; 2 for wrong usage; 126 if PROGRAM "
    "cannot be run, 127 if there is none.";

constexpr Status cannot_be_run = 126;  // as shells and env(1) have it
constexpr Status not_found = 127;

std::vector<std::string> program_arguments;  // of the command line, of which there is one

struct Options {
  std::string url;
  std::string program;
  // What is not given the program decides.
  std::optional<std::string> queues;
  std::optional<std::string> name;
  std::optional<std::uint32_t> concurrency;
  std::optional<double> visibility;
  std::optional<double> grace;
};

void set(const char* variable, const std::string& value) {
  ::setenv(variable, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

// What src/cluster/run_worker.cpp reads.
void set_environment(const Options& options) {
  set("ASYNCIO_WORKER", options.url);
  if (options.queues) set("ASYNCIO_WORKER_QUEUES", *options.queues);
  if (options.name) set("ASYNCIO_WORKER_NAME", *options.name);
  if (options.concurrency) {
    set("ASYNCIO_WORKER_CONCURRENCY", fmt::format("{}", *options.concurrency));
  }
  if (options.visibility) set("ASYNCIO_WORKER_VISIBILITY", fmt::format("{}", *options.visibility));
  if (options.grace) set("ASYNCIO_WORKER_GRACE", fmt::format("{}", *options.grace));
}

// Returns only if that fails.
Status become(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> words;
  words.push_back(const_cast<char*>(program.c_str()));  // NOLINT: exec() does not write
  for (const std::string& argument : arguments) {
    words.push_back(const_cast<char*>(argument.c_str()));  // NOLINT
  }
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  const int error = errno;
  if (error == ENOENT) {
    const bool has_folder = program.find('/') != std::string::npos;
    fmt::print(stderr, "asyncio worker: there is no program \"{}\"{}\n", shown(program),
               has_folder ? ", or not the interpreter that it names"
                          : " in PATH; one that is in this folder is ./NAME");
    return not_found;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
  const char* reason = std::strerror(error);
  fmt::print(stderr, "asyncio worker: \"{}\" cannot be run: {}\n", shown(program), reason);
  return cannot_be_run;
}

}  // namespace

int cut_at_mark(int argc, char** argv) {
  char** const end = argv + argc;
  if (argc < 2 || argv[1] != std::string_view("worker")) return argc;
  char** const mark = std::find(argv, end, std::string_view("--"));
  if (mark != end) program_arguments.assign(mark + 1, end);
  return static_cast<int>(mark - argv);
}

void add_worker(CLI::App& app, Status& status) {
  auto* command = app.add_subcommand(
      "worker", "Runs a program as a worker, which executes tasks that others have submitted");
  const auto options = std::make_shared<Options>();
  command->add_option("PROGRAM", options->program, "What to run; its own arguments stand behind --")
      ->required();
  add_redis_option(*command, options->url);
  command->add_option("--queues", options->queues, "Whose tasks it takes: a,b (default: default)");
  command
      ->add_option("--concurrency", options->concurrency,
                   "So many tasks at the same time (default: twice the number of processors)")
      ->check(CLI::Range(1U, 1'000'000U));
  command
      ->add_option("--visibility", options->visibility,
                   "Seconds of silence after which others get its tasks (default: 30)")
      ->check(CLI::Range(0.1, 1e6));
  command
      ->add_option("--grace", options->grace,
                   "Seconds that its tasks may take to end when it is to stop (default: 30)")
      ->check(CLI::Range(0.001, 1e6));
  command->add_option("--name", options->name, "Unlike any other's (default: of host and process)");
  command->footer(about);
  command->final_callback([options, &status] {
    options->url = redis_url(options->url);
    set_environment(*options);
    status = become(options->program, program_arguments);
  });
}

}  // namespace asyncio::command
