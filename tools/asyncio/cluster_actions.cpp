#include "cluster_actions.hpp"

#include "cluster_answer.hpp"
#include "cluster_text.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace asyncio::command {
namespace {

// Without user and password, wherever somebody has put an '@'.
std::string shown_url(std::string_view url) {
  const std::size_t scheme = url.find("://") + 3;
  const std::size_t login = url.rfind('@');
  if (login == std::string_view::npos) return shown(url);
  return shown(std::string(url.substr(0, scheme)) + std::string(url.substr(login + 1)));
}

// A queue that nobody knows is a name that was mistyped.
Coro<> doubt_name(cluster::Broker& broker, const ClusterOptions& options) {
  const auto known = co_await answered(broker.queues(), options);
  if (std::find(known.begin(), known.end(), options.queue) != known.end()) co_return;
  std::string names;
  for (const std::string& name : known) names += (names.empty() ? "" : ", ") + shown(name);
  fmt::print(stderr, "asyncio cluster: nothing was ever submitted to queue \"{}\"; there {}\n",
             shown(options.queue), names.empty() ? "are none" : "are: " + names);
}

void print_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) write(line + '\n');
}

// Of a list of which there may be more.
template <class T>
void print_list(const std::vector<T>& list, std::uint64_t there, const ClusterOptions& options) {
  if (options.json) {
    write(json_of(list) + '\n');
    return;
  }
  print_lines(table_of(list));
  if (there > list.size() && list.size() == options.most) {
    fmt::print(stderr, "asyncio cluster: {} more; --most shows them\n", there - list.size());
  }
}

// Those that are there now: what fails again meanwhile comes behind them.
Coro<std::vector<std::string>> all_entries(cluster::Broker& broker, const ClusterOptions& options) {
  constexpr std::uint64_t page = 100;
  const auto status = co_await answered(broker.status(options.queue), options);
  std::vector<std::string> entries;
  while (entries.size() < status.dead) {
    const std::string after = entries.empty() ? "" : entries.back();
    const auto letters = co_await answered(broker.dead(options.queue, after, page), options);
    if (letters.empty()) break;
    for (const cluster::DeadLetter& letter : letters) entries.push_back(letter.entry);
  }
  co_return entries;
}

}  // namespace

Unanswered::Unanswered(const ClusterOptions& options)
    : std::runtime_error(fmt::format("{} has not answered within {:g} s; --timeout gives it more",
                                     shown_url(options.url), options.timeout)) {}

Coro<Status> show_tasks(cluster::Broker& broker, const ClusterOptions& options) {
  const auto waiting = co_await answered(broker.queued(options.queue, options.most), options);
  const auto status = co_await answered(broker.status(options.queue), options);
  print_list(waiting, status.queued + status.delayed, options);
  if (waiting.empty()) co_await doubt_name(broker, options);
  co_return 0;
}

Coro<Status> show_dead(cluster::Broker& broker, const ClusterOptions& options) {
  const auto letters = co_await answered(broker.dead(options.queue, "", options.most), options);
  const auto status = co_await answered(broker.status(options.queue), options);
  print_list(letters, status.dead, options);
  if (letters.empty()) co_await doubt_name(broker, options);
  co_return 0;
}

Coro<Status> requeue(cluster::Broker& broker, const ClusterOptions& options) {
  constexpr std::size_t at_once = 100;
  std::vector<std::string> entries = options.entries;
  if (options.all) entries = co_await all_entries(broker, options);
  std::uint64_t requeued = 0;
  for (std::size_t next = 0; next < entries.size(); next += at_once) {
    const auto from = entries.begin() + static_cast<std::ptrdiff_t>(next);
    const std::size_t count = std::min(at_once, entries.size() - next);
    std::vector<std::string> some(from, from + static_cast<std::ptrdiff_t>(count));
    requeued += co_await answered(broker.requeue(options.queue, std::move(some)), options);
  }
  write(fmt::format("{} requeued\n", requeued));
  if (requeued == 0) co_await doubt_name(broker, options);
  if (options.all || requeued == entries.size()) co_return 0;
  fmt::print(stderr, "asyncio cluster: {} of {} are no dead letters of queue \"{}\" any more\n",
             entries.size() - requeued, entries.size(), shown(options.queue));
  co_return failed;
}

Coro<Status> drain(cluster::Broker& broker, const ClusterOptions& options) {
  // How long it takes depends on how many they are; so what must be answered soon is something
  // else.
  (void)co_await answered(broker.queues(), options);
  const std::uint64_t drained = co_await broker.drain(options.queue);
  write(fmt::format("{} dropped\n", drained));
  if (drained == 0) co_await doubt_name(broker, options);
  co_return 0;
}

Coro<Status> limit_rate(cluster::Broker& broker, const ClusterOptions& options) {
  co_await answered(broker.limit_rate(options.queue, options.rate), options);
  const std::string limit =
      options.rate > 0 ? fmt::format("at most {:g} tasks a second", options.rate) : "no limit";
  write(fmt::format("{}: {}\n", shown(options.queue), limit));
  co_return 0;
}

}  // namespace asyncio::command
