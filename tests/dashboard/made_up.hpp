#pragma once

#include "dashboard/source.hpp"
#include "snapshot/view.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

/// Processes that were never there: the same ones at every look.
namespace made_up {

using asyncio::dashboard::Source;
using asyncio::snapshot::FrameView;
using asyncio::snapshot::LoopView;
using asyncio::snapshot::ProcessView;
using asyncio::snapshot::TaskView;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t begin = 1'000'000 * ms;

inline FrameView frame(std::string function, std::uint32_t line,
                       std::string file = "/src/app.cpp") {
  FrameView made;
  made.function = std::move(function);
  made.file = std::move(file);
  made.line = line;
  return made;
}

inline TaskView task(std::uint64_t id, std::string name, std::vector<FrameView> frames,
                     std::string waits_for = "sleep()") {
  TaskView made;
  made.id = id;
  made.name = std::move(name);
  made.frames = std::move(frames);
  made.waits_for = std::move(waits_for);
  return made;
}

/// One loop "main" that waits, with these tasks.
inline ProcessView process(std::vector<TaskView> tasks) {
  ProcessView made;
  made.pid = 1234;
  made.at = begin;
  made.loops.emplace_back();
  made.loops[0].id = 0x1000;
  made.loops[0].name = "main";
  made.loops[0].running = true;
  made.loops[0].asleep = true;
  made.loops[0].tasks = std::move(tasks);
  return made;
}

/// Gives what `look` makes of the number of the look, from 0.
class Process final : public Source {
 public:
  explicit Process(std::function<ProcessView(int)> look) : look_(std::move(look)) {}
  [[nodiscard]] std::string title() const override { return "made-up --program"; }
  [[nodiscard]] ProcessView look() override { return look_(looks_++); }
  void set_watched(bool on) override { watched_ = on; }

  [[nodiscard]] int looks() const noexcept { return looks_; }
  [[nodiscard]] bool watched() const noexcept { return watched_; }

 private:
  std::function<ProcessView(int)> look_;
  int looks_ = 0;
  bool watched_ = false;
};

}  // namespace made_up
