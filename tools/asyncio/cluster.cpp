#include <asyncio/cluster_redis.hpp>
#include <asyncio/run.hpp>

#include "cluster_actions.hpp"
#include "cluster_options.hpp"
#include "subcommands.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace asyncio::command {
namespace {

constexpr const char* about_status =
    "Exit status: 0 if all is well; 1 if Redis cannot be reached; 3 if a queue has something to do "
    "(tasks that wait, that are due, or that a worker has taken along) and no worker that was "
    "heard of within the last minute.\n"
    "Counters are of the time since the queue was made; duplicates are tasks that were executed "
    "twice.";

constexpr Status interrupted = 130;  // as shells have it for SIGINT

Coro<Status> with_broker(ClusterAction action, const ClusterOptions& options) {
  cluster::RedisBroker broker(options.url);
  const Status status = co_await action(broker, options);
  co_await broker.close();
  co_return status;
}

Status run_action(ClusterAction action, const ClusterOptions& options) {
  try {
    return asyncio::run(with_broker(action, options), {.name = "cluster", .backend = "epoll"});
  } catch (const KeyboardInterrupt&) {
    return interrupted;
  }
}

/// Makes the subcommands, which share their options.
class Maker {
 public:
  Maker(CLI::App& parent, Status& status)
      : parent_(parent), status_(status), options_(std::make_shared<ClusterOptions>()) {}

  CLI::App& add(const char* name, const char* help, ClusterAction action) {
    CLI::App* command = parent_.add_subcommand(name, help);
    add_redis_option(*command, options_->url);
    command->add_option("--timeout", options_->timeout, "Seconds that Redis may take for an answer")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    command->final_callback([options = options_, action, &status = status_] {
      options->url = redis_url(options->url);
      status = run_action(action, *options);
    });
    return *command;
  }
  CLI::App& add_for_queue(const char* name, const char* help, ClusterAction action) {
    CLI::App& command = add(name, help, action);
    command.add_option("QUEUE", options_->queue, "Its name")->required();
    return command;
  }
  void add_list(const char* name, const char* help, ClusterAction action) {
    CLI::App& command = add_for_queue(name, help, action);
    command.add_option("--most", options_->most, "So many of them")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
        ->capture_default_str();
    command.add_flag("--json", options_->json, "An array of objects, in one line");
  }

  [[nodiscard]] ClusterOptions& options() { return *options_; }

 private:
  CLI::App& parent_;
  Status& status_;
  std::shared_ptr<ClusterOptions> options_;
};

void add_status(Maker& maker) {
  CLI::App& command =
      maker.add("status", "Shows queues and workers, and whether anybody works", &show_status);
  ClusterOptions& options = maker.options();
  command.add_option("QUEUE", options.queues, "Only these; else all that have ever had a task");
  auto* json = command.add_flag("--json", options.json, "An object, in one line");
  auto* prometheus =
      command.add_flag("--prometheus", options.prometheus, "In Prometheus' text format");
  auto* watch = command.add_flag("--watch", options.watch, "Again each second, until ^C");
  json->excludes(prometheus);
  watch->excludes(json)->excludes(prometheus);
  command.footer(about_status);
}

void add_requeue(Maker& maker) {
  CLI::App& command =
      maker.add_for_queue("requeue", "Gives dead letters to their queue again", &requeue);
  ClusterOptions& options = maker.options();
  auto* entries = command.add_option("ENTRY", options.entries, "Those that `dead` shows");
  auto* all = command.add_flag("--all", options.all, "All that are there now");
  all->excludes(entries);
  command.parse_complete_callback([&options] {
    if (!options.all && options.entries.empty()) throw CLI::RequiredError("ENTRY or --all");
  });
}

}  // namespace

void add_cluster(CLI::App& app, Status& status) {
  auto* command = app.add_subcommand(
      "cluster", "Shows what is to be done by workers, and what they could not do");
  command->require_subcommand(1);
  Maker maker(*command, status);
  add_status(maker);
  maker.add_list("tasks", "Lists what waits for a worker, the oldest first", &show_tasks);
  maker.add_list("dead", "Lists what no worker could do, the oldest first", &show_dead);
  add_requeue(maker);
  maker.add_for_queue("drain", "Drops what waits for a worker, without asking", &drain);
  maker.add_for_queue("limit", "Limits how many tasks a second are given to workers", &limit_rate)
      .add_option("RATE", maker.options().rate, "Tasks a second, over all workers; 0: no limit")
      ->required()
      ->check(CLI::Range(0.0, 1e9));
}

}  // namespace asyncio::command
