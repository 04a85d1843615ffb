#include "snapshot/snapshot.hpp"

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/printable.hpp"
#include "snapshot/programs.hpp"

using asyncio::snapshot::LoopView;
using asyncio::snapshot::ProcessView;
using asyncio::snapshot::Program;
using asyncio::snapshot::take_snapshot;
using asyncio::snapshot::TaskView;
using support::Target;

namespace {

using namespace std::chrono_literals;
using State = TaskView::State;
using Names = std::set<std::string>;

std::vector<TaskView> tasks_of(const ProcessView& process) {
  std::vector<TaskView> tasks;
  for (const LoopView& loop : process.loops) {
    tasks.insert(tasks.end(), loop.tasks.begin(), loop.tasks.end());
  }
  return tasks;
}

TaskView named(const ProcessView& process, const std::string& name) {
  for (const TaskView& task : tasks_of(process)) {
    if (task.name == name) return task;
  }
  ADD_FAILURE() << "no task '" << name << "'";
  return {};
}

Names names_of(const ProcessView& process, const std::vector<std::uint64_t>& ids) {
  Names names;
  for (const TaskView& task : tasks_of(process)) {
    if (std::find(ids.begin(), ids.end(), task.id) != ids.end()) names.insert(task.name);
  }
  return names;
}
Names awaited_by(const ProcessView& process, const std::string& name) {
  return names_of(process, named(process, name).awaits);
}

std::vector<std::string> functions(const TaskView& task) {
  std::vector<std::string> names;
  for (const auto& frame : task.frames) names.push_back(frame.function);
  return names;
}

// When nothing goes on any more.
ProcessView settled(Program& program) {
  ProcessView process;
  for (int i = 0; i < 1000; ++i) {
    process = program.take_snapshot();
    const bool rests = std::all_of(process.loops.begin(), process.loops.end(),
                                   [](const LoopView& loop) { return loop.asleep; });
    if (rests && !process.loops.empty()) return process;
    ::usleep(5'000);
  }
  ADD_FAILURE() << "still busy";
  return process;
}
ProcessView settled(const Target& target) {
  Program program = Program::of_process(target.pid());
  return settled(program);
}

// DBG-039
TEST(Snapshot, ShowsTheFramesOfTasksThatSleep) {
  const Target target("sleeping");
  const ProcessView process = settled(target);
  EXPECT_EQ(process.pid, target.pid());
  ASSERT_EQ(process.loops.size(), 1U);
  const LoopView& loop = process.loops[0];
  EXPECT_EQ(loop.thread, static_cast<std::uint64_t>(target.pid()));
  EXPECT_TRUE(loop.running);
  EXPECT_EQ(loop.torn, 0U);

  const TaskView one = named(process, "one");
  EXPECT_EQ(functions(one), (std::vector<std::string>{"sleeps", "inner", "outer"}));
  EXPECT_TRUE(one.frames[0].file.ends_with("tests/snapshot/target.cpp")) << one.frames[0].file;
  EXPECT_GT(one.frames[0].line, 0U);
  EXPECT_EQ(one.frames[1].line, one.frames[0].line + 1);
  EXPECT_EQ(functions(named(process, "Task-2")), std::vector<std::string>{"sleeps"});
}

TEST(Snapshot, ListsTasksInOrderOfCreation) {
  const Target target("combined");
  std::vector<std::string> names;
  for (const TaskView& task : tasks_of(settled(target))) names.push_back(task.name);
  const std::vector<std::string> expected{"Task-1",  "a",       "b",       "c",      "d",
                                          "gathers", "shields", "awaits",  "waits",  "groups",
                                          "in_body", "child-1", "child-2", "child-3"};
  EXPECT_EQ(names, expected);
}

TEST(Snapshot, SaysWhatATaskWaitsFor) {
  const Target target("locked");
  const ProcessView process = settled(target);
  EXPECT_EQ(named(process, "holder").waits_for, "sleep()");
  EXPECT_EQ(named(process, "waiter").waits_for, "Lock.acquire()");
  EXPECT_EQ(named(process, "getter").waits_for, "Queue.get()");
  for (const TaskView& task : tasks_of(process)) EXPECT_EQ(task.state, State::waiting) << task.name;
}

// DBG-034
TEST(Snapshot, FollowsTasksThroughGatherShieldWaitAndGroups) {
  const Target target("combined");
  const ProcessView process = settled(target);
  EXPECT_EQ(awaited_by(process, "gathers"), (Names{"a", "b"}));
  EXPECT_EQ(awaited_by(process, "shields"), Names{"c"});
  EXPECT_EQ(awaited_by(process, "awaits"), Names{"d"});
  EXPECT_EQ(awaited_by(process, "waits"), (Names{"a", "d"}));
  EXPECT_EQ(awaited_by(process, "groups"), (Names{"child-1", "child-2"}));
  EXPECT_EQ(awaited_by(process, "in_body"), Names{"child-3"});
  EXPECT_EQ(awaited_by(process, "a"), Names{});
}

TEST(Snapshot, KnowsWhoHasALock) {
  const Target target("locked");
  const ProcessView process = settled(target);
  const TaskView waiter = named(process, "waiter");
  EXPECT_EQ(waiter.owner, named(process, "holder").id);
  EXPECT_NE(waiter.primitive, 0U);
  EXPECT_TRUE(waiter.awaits.empty());
  const TaskView getter = named(process, "getter");
  EXPECT_NE(getter.primitive, 0U);
  EXPECT_EQ(getter.owner, 0U);
}

TEST(Snapshot, ShowsBothSidesOfADeadlock) {
  const Target target("deadlocked");
  const ProcessView process = settled(target);
  EXPECT_EQ(named(process, "A").owner, named(process, "B").id);
  EXPECT_EQ(named(process, "B").owner, named(process, "A").id);
}

// DBG-039
TEST(Snapshot, LooksIntoALoopThatIsBlocked) {
  const Target target("blocked");
  const ProcessView process = take_snapshot(target.pid());
  EXPECT_FALSE(process.loops.at(0).asleep);
  const TaskView spinner = named(process, "spinner");
  EXPECT_EQ(spinner.state, State::running);
  EXPECT_EQ(functions(spinner), std::vector<std::string>{"spins"});
  EXPECT_EQ(spinner.waits_for, "");
  EXPECT_EQ(named(process, "waits").state, State::waiting);
  EXPECT_TRUE(target.alive());
}

TEST(Snapshot, SeesEveryLoopAndItsThread) {
  const Target target("two_loops");
  const ProcessView process = settled(target);
  ASSERT_EQ(process.loops.size(), 2U);
  EXPECT_NE(process.loops[0].thread, process.loops[1].thread);
  const auto loop_of = [&](const std::string& name) {
    return std::find_if(process.loops.begin(), process.loops.end(), [&](const LoopView& loop) {
      return std::any_of(loop.tasks.begin(), loop.tasks.end(),
                         [&](const TaskView& task) { return task.name == name; });
    });
  };
  EXPECT_NE(loop_of("here"), process.loops.end());
  EXPECT_NE(loop_of("elsewhere"), process.loops.end());
  EXPECT_NE(loop_of("here"), loop_of("elsewhere"));
}

TEST(Snapshot, NeedsNoSymbols) {
  const Target target("sleeping", INSPECTED_PROGRAM "_stripped");
  const ProcessView process = settled(target);
  EXPECT_EQ(functions(named(process, "one")),
            (std::vector<std::string>{"sleeps", "inner", "outer"}));
}

// DBG-047
TEST(Snapshot, OfALoopWithoutTasksHasNone) {
  const Target target("idle");
  const ProcessView process = take_snapshot(target.pid());
  ASSERT_EQ(process.loops.size(), 1U);
  EXPECT_FALSE(process.loops[0].running);
  EXPECT_TRUE(process.loops[0].tasks.empty());
}

// failures 106
TEST(Snapshot, CutsNamesWhenTheyAreRead) {
  const Target target("hostile");
  const ProcessView process = settled(target);
  Names names;
  for (const TaskView& task : tasks_of(process)) names.insert(task.name);
  EXPECT_TRUE(names.contains("\x1b[2J\x1b]0;owned\x07"));
  EXPECT_TRUE(names.contains("<img src=x onerror=alert(1)>"));
  EXPECT_TRUE(names.contains(std::string(1024, 'M')));
  EXPECT_TRUE(names.contains("\xff\xfe"));
}

TEST(Snapshot, CountsWhatALoopHasToDo) {
  Target target("sleeping");
  Program program = Program::of_process(target.pid());
  const ProcessView process = settled(program);
  const LoopView& loop = process.loops.at(0);
  EXPECT_EQ(loop.timers, 3U);
  EXPECT_EQ(loop.ready, 0U);
  EXPECT_EQ(loop.descriptors, 0U);
  EXPECT_EQ(loop.live_tasks, loop.tasks.size());
  EXPECT_GE(loop.steps, 3U);
  EXPECT_GE(loop.iterations, 1U);
  EXPECT_EQ(program.take_snapshot().loops.at(0).steps, loop.steps);
}

// failures 107
TEST(Snapshot, FindsNoNonsenseWhileTasksComeAndGo) {
  const Target target("churn");
  Program program = Program::of_process(target.pid());
  const Names known_functions{"short_life", "longer_life", "churn",
                              "asyncio::detail::main_with_code"};
  std::uint64_t tasks = 0;
  std::uint64_t frames = 0;
  const auto end = std::chrono::steady_clock::now() + 2s;
  int rounds = 0;
  while (rounds < 10 || std::chrono::steady_clock::now() < end) {
    ++rounds;
    const ProcessView process = program.take_snapshot();
    ASSERT_EQ(process.loops.size(), 1U);
    for (const TaskView& task : process.loops[0].tasks) {
      ++tasks;
      const bool numbered = task.name.starts_with("Task-") &&
                            task.name.find_first_not_of("0123456789", 5) == std::string::npos;
      EXPECT_TRUE(numbered || task.name == "awaited" || task.name == "a name that is no short one")
          << task.name.size() << " bytes: " << asyncio::detail::printable(task.name, 1024) << ", "
          << task.frames.size() << " frames, state " << static_cast<int>(task.state);
      for (const auto& frame : task.frames) {
        ++frames;
        EXPECT_TRUE(known_functions.contains(frame.function)) << frame.function;
        EXPECT_TRUE(frame.file.ends_with("target.cpp")) << frame.file;
      }
    }
  }
  EXPECT_GT(tasks, 0U);
  EXPECT_GT(frames, 0U);
  EXPECT_TRUE(target.alive());
}

asyncio::Coro<> waits_here(asyncio::Event& event) { co_await event.wait(); }

TEST(Snapshot, LooksIntoItsOwnProcess) {
  std::thread other;
  asyncio::run([&]() -> asyncio::Coro<> {
    asyncio::Event event;
    auto task = asyncio::create_task(waits_here(event), {.name = "mine"});
    co_await asyncio::sleep(0s);
    const ProcessView process = take_snapshot(::getpid());
    const TaskView mine = named(process, "mine");
    EXPECT_EQ(functions(mine), std::vector<std::string>{"waits_here"});
    EXPECT_EQ(mine.waits_for, "Event.wait()");
    EXPECT_EQ(named(process, "Task-1").state, State::running);
    event.set();
    EXPECT_EQ(named(take_snapshot(::getpid()), "mine").state, State::ready);
    co_await task;
  });
  EXPECT_TRUE(take_snapshot(::getpid()).loops.empty());
}

TEST(Snapshot, OfAForkedChildShowsNoneOfItsParentsLoops) {
  auto loop = asyncio::new_event_loop();
  ASSERT_EQ(take_snapshot(::getpid()).loops.size(), 1U);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = take_snapshot(::getpid()).loops.empty() ? 0 : 1;
    auto own = asyncio::new_event_loop();
    if (take_snapshot(::getpid()).loops.size() != 1) status |= 2;
    own->close();
    own.reset();
    if (!take_snapshot(::getpid()).loops.empty()) status |= 4;
    ::_exit(status);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(take_snapshot(::getpid()).loops.size(), 1U);
  loop->close();
}

}  // namespace
