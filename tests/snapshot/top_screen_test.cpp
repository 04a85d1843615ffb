// What `asyncio top` computes and draws, of processes that are made up.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#ifdef ASYNCIO_COMMAND

#include "progress/display_width.hpp"
#include "top_samples.hpp"
#include "top_screen.hpp"

using asyncio::command::by_places;
using asyncio::command::LoopRates;
using asyncio::command::Samples;
using asyncio::command::top_screen;
using asyncio::command::TopLine;
using asyncio::command::TopView;
using asyncio::snapshot::LoopView;
using asyncio::snapshot::ProcessView;
using asyncio::snapshot::TaskView;

namespace {

constexpr std::int64_t second = 1'000'000'000;
std::int64_t processor_time = 0;

std::int64_t time_of(std::int64_t, std::uint64_t) { return processor_time; }

TaskView task(std::uint64_t id, std::string name, unsigned line = 7) {
  TaskView view;
  view.id = id;
  view.name = std::move(name);
  view.frames = {{"inner", "/src/a.cpp", line}, {"outer", "/src/b.cpp", 20}};
  view.waits_for = "Lock.acquire()";
  return view;
}

ProcessView process_at(std::int64_t seconds, std::vector<TaskView> tasks) {
  LoopView loop;
  loop.id = 1;
  loop.name = "main";
  loop.thread = 4242;
  loop.running = true;
  loop.asleep = true;
  loop.ready = 3;
  loop.timers = 4;
  loop.descriptors = 5;
  loop.tasks = std::move(tasks);
  ProcessView process;
  process.pid = 4242;
  process.at = seconds * second;
  process.loops.push_back(std::move(loop));
  return process;
}

std::string text_of(const std::vector<TopLine>& lines) {
  std::string text;
  for (const TopLine& line : lines) text += line.text + "\n";
  return text;
}

std::string screen_of(const Samples& samples, TopView view = {}, int width = 200, int height = 0) {
  return text_of(top_screen(samples, view, width, height));
}

std::size_t place_of(const std::string& text, const std::string& what) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what << " in\n" << text;
  return at;
}

}  // namespace

TEST(TopSamples, GiveRatesByTheDifferenceOfTwoLooks) {
  Samples samples(&time_of);
  processor_time = 0;
  ProcessView first = process_at(10, {});
  first.loops[0].steps = 1'000;
  samples.add(first);
  EXPECT_LT(samples.rates(first.loops[0]).steps_per_second, 0);
  EXPECT_LT(samples.rates(first.loops[0]).processor, 0);

  ProcessView next = process_at(12, {});
  next.loops[0].steps = 5'000;
  processor_time = second;
  samples.add(next);
  const LoopRates& rates = samples.rates(next.loops[0]);
  EXPECT_DOUBLE_EQ(rates.steps_per_second, 2'000);
  EXPECT_DOUBLE_EQ(rates.processor, 0.5);
  EXPECT_DOUBLE_EQ(rates.seconds_per_step, 0.00025);
  EXPECT_EQ(rates.lag, 0);
}

TEST(TopSamples, GiveNoRatesOfAnotherLoopAtTheSameAddress) {
  Samples samples(&time_of);
  ProcessView first = process_at(10, {});
  first.loops[0].steps = 1'000;
  samples.add(first);
  const ProcessView next = process_at(11, {});
  samples.add(next);
  EXPECT_LT(samples.rates(next.loops[0]).steps_per_second, 0);
}

TEST(TopSamples, KnowSinceWhenATaskIsSeenAtItsPlace) {
  Samples samples(&time_of);
  samples.add(process_at(10, {task(1, "a"), task(2, "b", 7)}));
  EXPECT_DOUBLE_EQ(samples.waited(task(1, "a")), 0);
  samples.add(process_at(13, {task(1, "a"), task(2, "b", 8)}));
  EXPECT_DOUBLE_EQ(samples.waited(task(1, "a")), 3);
  EXPECT_DOUBLE_EQ(samples.waited(task(2, "b")), 0);  // it has moved
  samples.add(process_at(14, {task(1, "another one"), task(2, "b", 8)}));
  EXPECT_DOUBLE_EQ(samples.waited(task(1, "another one")), 0);
  EXPECT_DOUBLE_EQ(samples.waited(task(2, "b")), 1);
}

// A loop that does not come back has a lag, also where it does not say when its batch has begun.
TEST(TopSamples, KnowTheLagOfALoopThatIsBlocked) {
  Samples samples(&time_of);
  ProcessView process = process_at(10, {});
  process.loops[0].asleep = false;
  process.loops[0].iterations = 77;
  samples.add(process);
  process.at = 15 * second;
  samples.add(process);
  EXPECT_DOUBLE_EQ(samples.rates(process.loops[0]).lag, 5);
  process.at = 16 * second;
  process.loops[0].step_began = 6 * second;
  samples.add(process);
  EXPECT_DOUBLE_EQ(samples.rates(process.loops[0]).lag, 10);
  process.at = 17 * second;
  process.loops[0].step_began = 0;
  process.loops[0].iterations = 78;
  samples.add(process);
  EXPECT_DOUBLE_EQ(samples.rates(process.loops[0]).lag, 0);
}

TEST(TopScreen, ShowsLoopsAndTasks) {
  Samples samples(&time_of);
  processor_time = 0;
  samples.add(process_at(10, {task(1, "first"), task(2, "second")}));
  ProcessView next = process_at(12, {task(1, "first"), task(2, "second")});
  next.loops[0].steps = 400;
  processor_time = second / 5;
  samples.add(next);
  EXPECT_EQ(screen_of(samples),
            "asyncio top: process 4242, every 1 s\n"
            "2 tasks: 0 running, 0 ready, 2 waiting\n"
            "\n"
            "LOOP                THREAD STATE        STEPS/S   CPU/STEP    CPU      LAG    READY   "
            "TIMERS      FDS\n"
            "main                  4242 waiting          200   500.0 us    10%        -        3   "
            "     4        5\n"
            "\n"
            "TASK                       WAITED  STATE    WAITS FOR            WHERE\n"
            "first                       2.0 s  waiting  Lock.acquire()       "
            "inner a.cpp:7 -> outer b.cpp:20\n"
            "second                      2.0 s  waiting  Lock.acquire()       "
            "inner a.cpp:7 -> outer b.cpp:20\n");
}

TEST(TopScreen, MarksALoopThatLags) {
  Samples samples(&time_of);
  ProcessView process = process_at(10, {});
  process.loops[0].asleep = false;
  process.loops[0].step_began = 8 * second;
  samples.add(process);
  TopView view;
  const auto lines = top_screen(samples, view, 200, 0);
  EXPECT_NE(lines[4].text.find(" running "), std::string::npos) << lines[4].text;
  EXPECT_NE(lines[4].text.find("2.0 s"), std::string::npos) << lines[4].text;
  EXPECT_EQ(lines[4].style, TopLine::Style::alarm);
}

TEST(TopScreen, PutsManyTasksTogetherByTheirPlaces) {
  std::vector<TaskView> tasks;
  for (std::uint64_t id = 1; id <= 500; ++id) tasks.push_back(task(id, "many"));
  tasks.push_back(task(501, "lonely", 9));
  Samples samples(&time_of);
  samples.add(process_at(10, tasks));
  EXPECT_TRUE(by_places(samples, TopView()));
  const std::string text = screen_of(samples);
  EXPECT_NE(text.find("500 tasks "), std::string::npos) << text;
  EXPECT_NE(text.find("lonely "), std::string::npos) << text;
  EXPECT_EQ(text.find("many"), std::string::npos) << text;

  TopView each;
  each.group = TopView::Group::tasks;
  EXPECT_NE(screen_of(samples, each).find("many"), std::string::npos);
}

TEST(TopScreen, SortsAsItIsAsked) {
  Samples samples(&time_of);
  TaskView running = task(3, "aaa", 1);
  running.state = TaskView::State::running;
  samples.add(process_at(10, {task(1, "ccc", 3)}));
  samples.add(process_at(12, {running, task(1, "ccc", 3), task(2, "bbb", 2)}));
  const auto order = [&](TopView view) {
    const std::string text = screen_of(samples, view);
    const auto a = place_of(text, "\naaa");
    const auto b = place_of(text, "\nbbb");
    const auto c = place_of(text, "\nccc");
    std::string names = "abc";
    const auto at = [&](char name) { return name == 'a' ? a : name == 'b' ? b : c; };
    std::sort(names.begin(), names.end(), [&](char x, char y) { return at(x) < at(y); });
    return names;
  };
  EXPECT_EQ(order({.sort = TopView::Sort::waited}).front(), 'c');
  EXPECT_EQ(order({.sort = TopView::Sort::name}), "abc");
  EXPECT_EQ(order({.sort = TopView::Sort::name, .reverse = true}), "cba");
  EXPECT_EQ(order({.sort = TopView::Sort::state}).front(), 'a');
  EXPECT_EQ(order({.sort = TopView::Sort::place}), "abc");
}

TEST(TopScreen, FitsAnyTerminal) {
  std::vector<TaskView> tasks;
  for (std::uint64_t id = 1; id <= 50; ++id) tasks.push_back(task(id, "\u6f22\u5b57\u6f22\u5b57"));
  Samples samples(&time_of);
  samples.add(process_at(10, tasks));
  for (const int width : {1, 2, 10, 40, 79, 80, 200}) {
    for (const int height : {1, 2, 5, 9, 24, 100}) {
      TopView view;
      const auto lines = top_screen(samples, view, width, height);
      EXPECT_LE(lines.size(), static_cast<std::size_t>(height));
      for (const TopLine& line : lines) {
        EXPECT_LE(asyncio::detail::columns_of(line.text), width) << line.text;
      }
    }
  }
}

TEST(TopScreen, ScrollsToTheEndAndNoFurther) {
  std::vector<TaskView> tasks;
  for (std::uint64_t id = 1; id <= 50; ++id) {
    tasks.push_back(task(id, "task-" + std::to_string(100 + id)));
  }
  Samples samples(&time_of);
  samples.add(process_at(10, tasks));
  TopView view;
  view.sort = TopView::Sort::name;
  view.first = 1'000'000;
  const std::string text = text_of(top_screen(samples, view, 200, 18));
  EXPECT_NE(text.find("task-150"), std::string::npos) << text;
  EXPECT_EQ(text.find("task-140"), std::string::npos) << text;
  EXPECT_EQ(view.first, 40U);
}

// failure 105: names are from outside
TEST(TopScreen, ShowsNamesEscaped) {
  TaskView hostile = task(1, "\x1b[2J\n<b>");
  hostile.frames[0].function = "\x1b]0;owned\x07";
  Samples samples(&time_of);
  samples.add(process_at(10, {hostile}));
  const std::string text = screen_of(samples);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_NE(text.find("\\x1b[2J\\n<b>"), std::string::npos) << text;
}

#endif
