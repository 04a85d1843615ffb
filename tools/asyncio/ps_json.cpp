#include "ps_json.hpp"

#include "tasks.hpp"
#include "text.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace asyncio::command {
namespace {

using Json = nlohmann::ordered_json;

// What is no UTF-8 is replaced.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

const char* state_name(snapshot::TaskView::State state) {
  switch (state) {
    case snapshot::TaskView::State::running: return "running";
    case snapshot::TaskView::State::ready: return "ready";
    case snapshot::TaskView::State::waiting: break;
  }
  return "waiting";
}

Json json_of(const Tasks& tasks, const Tasks::Entry& entry) {
  const snapshot::TaskView& task = *entry.task;
  Json frames = Json::array();
  for (const snapshot::FrameView& frame : task.frames) {
    frames.push_back({{"function", frame.function}, {"file", frame.file}, {"line", frame.line}});
  }
  Json awaits = Json::array();
  for (const std::uint64_t id : task.awaits) awaits.push_back(hex(id));
  Json awaited_by = Json::array();
  for (const std::size_t i : entry.awaited_by) awaited_by.push_back(hex(tasks.all()[i].task->id));
  Json json{{"id", hex(task.id)},
            {"name", task.name},
            {"state", state_name(task.state)},
            {"frames", std::move(frames)}};
  if (!task.waits_for.empty()) json["waits_for"] = task.waits_for;
  if (task.primitive != 0) json["primitive"] = hex(task.primitive);
  if (task.owner != 0) json["owner"] = hex(task.owner);
  json["awaits"] = std::move(awaits);
  json["awaited_by"] = std::move(awaited_by);
  return json;
}

Json json_of(const snapshot::LoopView& loop) {
  return {{"id", hex(loop.id)},
          {"name", loop.name},
          {"thread", loop.thread},
          {"running", loop.running},
          {"asleep", loop.asleep},
          {"ready", loop.ready},
          {"timers", loop.timers},
          {"descriptors", loop.descriptors},
          {"iterations", loop.iterations},
          {"steps", loop.steps},
          {"torn", loop.torn}};
}

}  // namespace

// Task by task: a document of a million tasks would be many times as large in memory.
void write_json(const snapshot::ProcessView& process) {
  const Tasks tasks(process);
  write("{\"pid\":" + std::to_string(process.pid) + ",\"loops\":[");
  auto entry = tasks.all().begin();
  for (const snapshot::LoopView& loop : process.loops) {
    if (&loop != process.loops.data()) write(",");
    std::string head = text_of(json_of(loop));
    head.back() = ',';  // it goes on
    write(head + "\"tasks\":[");
    for (std::size_t i = 0; i < loop.tasks.size(); ++i, ++entry) {
      write((i > 0 ? ",\n" : "\n") + text_of(json_of(tasks, *entry)));
    }
    write("]}");
  }
  write("]}\n");
}

}  // namespace asyncio::command
