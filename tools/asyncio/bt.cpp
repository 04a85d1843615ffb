#include "bt.hpp"

#include "source.hpp"
#include "subcommands.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::command {
namespace {

constexpr std::size_t most_listed = 20;

std::optional<std::uint64_t> id_of(std::string_view wanted) {
  if (!wanted.starts_with("0x")) return std::nullopt;
  std::uint64_t id = 0;
  const char* end = wanted.data() + wanted.size();
  const auto parsed = std::from_chars(wanted.data() + 2, end, id, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return id;
}

std::string task_text(const snapshot::TaskView& task) {
  return fmt::format("Task '{}' id {}", shown(task.name), hex(task.id));
}

std::string what_it_does(const Tasks& tasks, const Tasks::Entry& entry) {
  const snapshot::TaskView& task = *entry.task;
  switch (task.state) {
    case snapshot::TaskView::State::running: return "runs";
    case snapshot::TaskView::State::ready: return "is ready, and waits for its turn";
    case snapshot::TaskView::State::waiting: break;
  }
  std::string text = "waits for " + (task.waits_for.empty() ? "?" : shown(task.waits_for));
  if (task.primitive != 0) text += " of " + hex(task.primitive);
  if (task.owner != 0) {
    text += fmt::format(", which task '{}' {} has", name_of(tasks, task.owner), hex(task.owner));
  }
  return text;
}

std::string where(const snapshot::TaskView& task) {
  return task.frames.empty() ? std::string() : ", at " + frame_text(task.frames[0], Path::whole);
}

// The tasks that are named so, or the one with that id.
std::vector<const Tasks::Entry*> candidates(const Tasks& tasks, const std::string& wanted) {
  std::vector<const Tasks::Entry*> found;
  const std::optional<std::uint64_t> id = id_of(wanted);
  for (const Tasks::Entry& entry : tasks.all()) {
    const bool named = entry.task->name == wanted || shown(entry.task->name) == wanted;
    if (named || (id && entry.task->id == *id)) found.push_back(&entry);
  }
  return found;
}

int show(const Tasks& tasks, const std::string& wanted) {
  const std::vector<const Tasks::Entry*> found = candidates(tasks, wanted);
  if (found.size() == 1) {
    write(stack_text(tasks, *found[0]));
    return 0;
  }
  if (found.empty()) {
    fmt::print(stderr, "asyncio bt: no task '{}' among {}; ps lists names and ids\n", shown(wanted),
               tasks.all().size());
    return 1;
  }
  fmt::print(stderr, "asyncio bt: {} tasks are '{}'; name one by its id:\n", found.size(),
             shown(wanted));
  for (std::size_t i = 0; i < found.size() && i < most_listed; ++i) {
    const snapshot::TaskView& task = *found[i]->task;
    fmt::print(stderr, "  {}  {}{}\n", hex(task.id), shown(task.name), where(task));
  }
  if (found.size() > most_listed) {
    fmt::print(stderr, "  ... and {} more\n", found.size() - most_listed);
  }
  return 1;
}

struct Options {
  Source source;
  std::vector<std::string> words;  // PID TASK, or TASK
};

}  // namespace

std::string stack_text(const Tasks& tasks, const Tasks::Entry& entry) {
  const snapshot::TaskView& task = *entry.task;
  std::string text =
      fmt::format("{} of {}, thread {}\n  {}\n", task_text(task), shown(entry.loop->name),
                  entry.loop->thread, what_it_does(tasks, entry));
  for (std::size_t i = 0; i < task.frames.size(); ++i) {
    text += fmt::format("  #{:<3} {}\n", i, frame_text(task.frames[i], Path::whole));
  }
  for (const std::uint64_t id : task.awaits) {
    const Tasks::Entry* awaited = tasks.find(id);
    if (awaited == nullptr) continue;
    text += fmt::format("  awaits {}{}\n", task_text(*awaited->task), where(*awaited->task));
  }
  for (const std::size_t i : entry.awaited_by) {
    const snapshot::TaskView& awaiter = *tasks.all()[i].task;
    text += fmt::format("  awaited by {}{}\n", task_text(awaiter), where(awaiter));
  }
  for (const auto& cycle : tasks.cycles()) {
    if (std::find(cycle.begin(), cycle.end(), task.id) == cycle.end()) continue;
    text += "  deadlock, " + cycle_text(tasks, cycle) + '\n';
  }
  return text;
}

void add_bt(CLI::App& app, Status& status) {
  auto* bt = app.add_subcommand("bt", "Shows the stack of one task, and who waits for it");
  const auto options = std::make_shared<Options>();
  options->source.add_core_options(*bt);
  bt->add_option("PID TASK", options->words,
                 "The process to look into, and the task: its name or its id, such as "
                 "0x7f0012345678. With --core: the task alone");
  bt->final_callback([options, &status] {
    std::vector<std::string>& words = options->words;
    const std::size_t needed = options->source.is_core() ? 1 : 2;
    if (words.size() != needed) {
      throw CLI::ValidationError("bt", needed == 1 ? "with --core, TASK and nothing else is needed"
                                                   : "PID and TASK are needed, and nothing else");
    }
    if (needed == 2) options->source.set_pid(words[0]);
    const snapshot::ProcessView process = options->source.open().take_snapshot();
    status = show(Tasks(process), words.back());
  });
}

}  // namespace asyncio::command
