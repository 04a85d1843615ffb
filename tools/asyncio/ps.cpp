#include "ps.hpp"

#include "ps_json.hpp"
#include "source.hpp"
#include "subcommands.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <array>
#include <memory>
#include <string>

namespace asyncio::command {
namespace {

constexpr std::size_t columns = 7;
using Row = std::array<std::string, columns>;

const Row titles{"tid",           "task id",      "task name", "coroutine stack",
                 "awaiter chain", "awaiter name", "awaiter id"};
constexpr std::array<std::size_t, columns> widths{10, 20, 20, 50, 50, 15, 15};
constexpr std::size_t table_width = 180;

// One for each awaiter of a task, or one without.
template <class F>
void for_each_row(const Tasks& tasks, Path path, F f) {
  for (const Tasks::Entry& entry : tasks.all()) {
    Row row{std::to_string(entry.loop->thread),
            hex(entry.task->id),
            shown(entry.task->name),
            chain(*entry.task, path),
            "",
            "",
            "0x0"};
    if (entry.awaited_by.empty()) f(row);
    for (const std::size_t i : entry.awaited_by) {
      const snapshot::TaskView& awaiter = *tasks.all()[i].task;
      row[4] = chain(awaiter, path);
      row[5] = shown(awaiter.name);
      row[6] = hex(awaiter.id);
      f(row);
    }
  }
}

std::string table_line(const Row& row) {
  std::string line;
  for (std::size_t i = 0; i < columns; ++i) {
    if (i > 0) line += ' ';
    pad(line, row[i], widths[i]);
  }
  return line += '\n';
}

std::string csv_line(const Row& row) {
  std::string line;
  for (const std::string& field : row) {
    if (&field != row.data()) line += ',';
    if (field.find_first_of(",\"") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line += "\r\n";
}

struct Options {
  Source source;
  std::string format = "table";
};

void run(const Options& options) {
  const snapshot::ProcessView process = options.source.open().take_snapshot();
  if (options.format == "json") {
    write_json(process);
    return;
  }
  const Tasks tasks(process);
  if (options.format == "csv") {
    write_csv(tasks);
  } else {
    write_table(tasks);
  }
  std::uint64_t torn = 0;
  for (const snapshot::LoopView& loop : process.loops) torn += loop.torn;
  if (torn > 0) {
    fmt::print(stderr, "asyncio: {} tasks changed too fast for their frames to be seen\n", torn);
  }
}

}  // namespace

void write_table(const Tasks& tasks) {
  if (tasks.all().empty()) return;
  write(table_line(titles) + std::string(table_width, '-') + '\n');
  for_each_row(tasks, Path::last, [](const Row& row) { write(table_line(row)); });
}

void write_csv(const Tasks& tasks) {
  write(csv_line(titles));
  for_each_row(tasks, Path::whole, [](const Row& row) { write(csv_line(row)); });
}

void add_ps(CLI::App& app, Status&) {
  auto* ps = app.add_subcommand("ps", "Lists the tasks: their stacks, and who awaits them");
  const auto options = std::make_shared<Options>();
  options->source.add_options(*ps);
  auto* format = ps->add_option("--format", options->format, "table, csv or json")
                     ->check(CLI::IsMember({"table", "csv", "json"}));
  const auto add_flag = [&](const std::string& name) {
    return ps
        ->add_flag_callback(
            "--" + name, [options, name] { options->format = name; },
            "The same as --format " + name)
        ->excludes(format);
  };
  add_flag("json")->excludes(add_flag("csv"));
  ps->final_callback([options] { run(*options); });
}

}  // namespace asyncio::command
