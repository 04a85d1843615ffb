#include <asyncio/sleep.hpp>

#include "cluster_actions.hpp"
#include "cluster_answer.hpp"
#include "cluster_text.hpp"
#include "progress/display_width.hpp"
#include "terminal.hpp"
#include "text.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace asyncio::command {
namespace {

constexpr const char* nothing_there = "nothing was ever submitted";
constexpr Duration between_looks = Duration::nanoseconds(1'000'000'000);

void print(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) write(line + '\n');
}

/// Shows one look after the other: on a terminal in place, else below each other.
class Screen {
 public:
  void show(std::vector<std::string> lines) {
    if (is_terminal_) {
      draw(lines);
    } else {
      lines.emplace_back();
      print(lines);
    }
    std::fflush(stdout);
  }

 private:
  void draw(const std::vector<std::string>& lines) {
    const TerminalSize size = Terminal::size();
    const auto fits = static_cast<std::size_t>(std::max(1, size.rows - 1));
    write(drawn_ ? "\x1b[H" : "\x1b[H\x1b[2J");
    drawn_ = true;
    for (std::size_t i = 0; i < std::min(fits, lines.size()); ++i) {
      write(detail::fitted(lines[i], size.columns, "~") + "\x1b[K\n");
    }
    write("\x1b[J");
  }

  const bool is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  bool drawn_ = false;
};

// What is wrong stands where no short screen cuts it off.
std::vector<std::string> lines_of(const ClusterLook& look) {
  std::vector<std::string> lines = complaints_about(look);
  if (!lines.empty()) lines.emplace_back();
  const std::vector<std::string> table = table_of(look);
  lines.insert(lines.end(), table.begin(), table.end());
  if (look.queues.empty()) lines.emplace_back(nothing_there);
  return lines;
}

// Nothing if it does not answer.
Coro<std::optional<ClusterLook>> look_again(cluster::Broker& broker,
                                            const ClusterOptions& options) {
  std::vector<std::string> queues = options.queues;
  auto seen = co_await as_result(answered(look_at(broker, std::move(queues)), options));
  if (!seen && detail::holds<Unanswered>(seen.error())) co_return std::nullopt;
  co_return std::move(seen).value();
}

// It goes on when the broker is away for a while: that is what one wants to see, too.
Coro<> watch(cluster::Broker& broker, const ClusterOptions& options, ClusterLook look) {
  Screen screen;
  std::vector<std::string> lines = lines_of(look);
  for (;;) {
    screen.show(lines);
    co_await sleep(between_looks);
    auto next = co_await look_again(broker, options);
    lines = lines_of(next ? *next : look);
    if (next) {
      look = std::move(*next);
    } else {
      lines.insert(lines.begin(), {Unanswered(options).what(), ""});
    }
  }
}

void print_look(const ClusterLook& look, const ClusterOptions& options) {
  if (options.json) {
    write(json_of(look) + '\n');
  } else if (options.prometheus) {
    write(prometheus_of(look));
  } else {
    print(table_of(look));
    if (look.queues.empty()) fmt::print(stderr, "asyncio cluster: {}\n", nothing_there);
  }
}

}  // namespace

Coro<Status> show_status(cluster::Broker& broker, const ClusterOptions& options) {
  std::vector<std::string> queues = options.queues;
  ClusterLook look = co_await answered(look_at(broker, std::move(queues)), options);
  if (options.watch) co_await watch(broker, options, std::move(look));
  print_look(look, options);
  const std::vector<std::string> complaints = complaints_about(look);
  for (const std::string& complaint : complaints) {
    fmt::print(stderr, "asyncio cluster: {}\n", complaint);
  }
  co_return complaints.empty() ? 0 : unattended;
}

}  // namespace asyncio::command
