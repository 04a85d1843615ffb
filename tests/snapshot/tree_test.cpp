#ifdef ASYNCIO_COMMAND

#include "snapshot/view.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bt.hpp"
#include "ps.hpp"
#include "pstree.hpp"
#include "tasks.hpp"

using asyncio::command::Tasks;
using asyncio::snapshot::FrameView;
using asyncio::snapshot::LoopView;
using asyncio::snapshot::ProcessView;
using asyncio::snapshot::TaskView;

namespace {

TaskView task(std::uint64_t id, const std::string& name, std::vector<FrameView> frames,
              std::vector<std::uint64_t> awaits = {}) {
  TaskView view;
  view.id = id;
  view.name = name;
  view.frames = std::move(frames);
  view.awaits = std::move(awaits);
  return view;
}

ProcessView process_with(std::vector<TaskView> tasks) {
  LoopView loop;
  loop.thread = 7;
  loop.name = "main";
  loop.tasks = std::move(tasks);
  ProcessView process;
  process.loops.push_back(std::move(loop));
  return process;
}

std::string table(const ProcessView& process) {
  testing::internal::CaptureStdout();
  asyncio::command::write_table(Tasks(process));
  return testing::internal::GetCapturedStdout();
}

struct Tree {
  std::string out;
  std::string err;
  int status = -1;
};
Tree tree(const ProcessView& process) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Tree seen;
  seen.status = asyncio::command::write_trees(Tasks(process));
  seen.out = testing::internal::GetCapturedStdout();
  seen.err = testing::internal::GetCapturedStderr();
  return seen;
}

const FrameView main_frame{"main", "/src/app.cpp", 30};
const FrameView outer_frame{"outer", "/src/app.cpp", 20};
const FrameView inner_frame{"inner", "/src/app.cpp", 10};

// DBG-040
TEST(Ps, HasTheColumnsOfPython) {
  const ProcessView process = process_with(
      {task(0x10, "main", {main_frame}, {0x20}), task(0x20, "child", {inner_frame, outer_frame})});
  const auto filled = [](std::string text, std::size_t width) {
    text.resize(width, ' ');
    return text;
  };
  const auto row = [&](const std::string& id, const std::string& name, const std::string& stack,
                       const std::string& chain, const std::string& awaiter,
                       const std::string& awaiter_id) {
    return filled("7", 10) + ' ' + filled(id, 20) + ' ' + filled(name, 20) + ' ' +
           filled(stack, 50) + ' ' + filled(chain, 50) + ' ' + filled(awaiter, 15) + ' ' +
           filled(awaiter_id, 15) + '\n';
  };
  EXPECT_EQ(table(process), filled("tid", 10) + ' ' + filled("task id", 20) + ' ' +
                                filled("task name", 20) + ' ' + filled("coroutine stack", 50) +
                                ' ' + filled("awaiter chain", 50) + ' ' +
                                filled("awaiter name", 15) + ' ' + filled("awaiter id", 15) + '\n' +
                                std::string(180, '-') + '\n' +
                                row("0x10", "main", "main app.cpp:30", "", "", "0x0") +
                                row("0x20", "child", "inner app.cpp:10 -> outer app.cpp:20",
                                    "main app.cpp:30", "main", "0x10"));
}

// DBG-040
TEST(Ps, HasARowForEachAwaiter) {
  const ProcessView process =
      process_with({task(1, "a", {}, {3}), task(2, "b", {}, {3}), task(3, "c", {inner_frame})});
  const std::string text = table(process);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2 + 1 + 1 + 2) << text;
}

// DBG-041
TEST(Ps, NeedsNotToHaveSeenWhatIsAwaited) {
  const ProcessView process = process_with({task(1, "a", {main_frame}, {0x99})});
  EXPECT_NE(table(process).find("main app.cpp:30"), std::string::npos);
  EXPECT_EQ(tree(process).out, "└── (T) a\n    └──  main /src/app.cpp:30\n");
}

// DBG-043
TEST(Pstree, PutsTasksBelowTheFramesThatAwaitThem) {
  const ProcessView process =
      process_with({task(1, "root", {inner_frame, main_frame}, {2, 3}),
                    task(2, "left", {inner_frame}), task(3, "right", {outer_frame})});
  EXPECT_EQ(tree(process).out,
            "└── (T) root\n"
            "    └──  main /src/app.cpp:30\n"
            "        └──  inner /src/app.cpp:10\n"
            "            ├── (T) left\n"
            "            │   └──  inner /src/app.cpp:10\n"
            "            └── (T) right\n"
            "                └──  outer /src/app.cpp:20\n");
  EXPECT_EQ(tree(process).status, 0);
}

// DBG-043
TEST(Pstree, BeginsWithTasksThatNobodyAwaits) {
  const ProcessView process = process_with({task(1, "one", {}), task(2, "two", {})});
  EXPECT_EQ(tree(process).out, "└── (T) one\n└── (T) two\n");
}

// DBG-044
TEST(Pstree, ShowsATaskBelowEachOfItsAwaiters) {
  const ProcessView process = process_with(
      {task(1, "a", {}, {3}), task(2, "b", {}, {3}), task(3, "shared", {inner_frame})});
  EXPECT_EQ(tree(process).out,
            "└── (T) a\n"
            "    └── (T) shared\n"
            "        └──  inner /src/app.cpp:10\n"
            "└── (T) b\n"
            "    └── (T) shared\n"
            "        └──  inner /src/app.cpp:10\n");
}

// DBG-045
TEST(Pstree, RefusesCyclesAndNamesThem) {
  const ProcessView process = process_with({task(1, "A", {}, {2}), task(2, "B", {}, {1}),
                                            task(3, "self", {}, {3}), task(4, "calm", {})});
  const Tree seen = tree(process);
  EXPECT_EQ(seen.status, 1);
  EXPECT_EQ(seen.out, "");
  EXPECT_EQ(seen.err,
            "ERROR: await-graph contains cycles - cannot print a tree!\n\n"
            "cycle: A → B → A\ncycle: self → self\n");
  EXPECT_NE(table(process).find("calm"), std::string::npos);
}

// DBG-045
TEST(Pstree, FindsTwoCyclesThroughOneTask) {
  const ProcessView process =
      process_with({task(1, "A", {}, {2, 3}), task(2, "B", {}, {1}), task(3, "C", {}, {1})});
  EXPECT_NE(tree(process).err.find("cycle: A → B → A\ncycle: A → C → A\n"), std::string::npos);
}

TEST(Pstree, TakesTheOwnerOfALockForAwaited) {
  TaskView waiter = task(1, "waiter", {inner_frame});
  waiter.owner = 2;
  const ProcessView process = process_with({waiter, task(2, "holder", {})});
  EXPECT_EQ(tree(process).out,
            "└── (T) waiter\n    └──  inner /src/app.cpp:10\n        └── (T) holder\n");
}

// DBG-047
TEST(Pstree, PrintsNothingWithoutTasks) {
  EXPECT_EQ(tree(process_with({})).out, "");
  EXPECT_EQ(tree(process_with({})).status, 0);
  EXPECT_EQ(table(process_with({})), "");
}

TEST(Pstree, FollowsALongChainWithoutRecursion) {
  constexpr std::uint64_t length = 2000;
  std::vector<TaskView> tasks;
  for (std::uint64_t i = 1; i <= length; ++i) {
    tasks.push_back(task(
        i, "t", {}, i < length ? std::vector<std::uint64_t>{i + 1} : std::vector<std::uint64_t>{}));
  }
  const std::string out = tree(process_with(std::move(tasks))).out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), static_cast<std::ptrdiff_t>(length));
}

TEST(Bt, TellsWhatATaskDoes) {
  TaskView runs = task(1, "runs", {inner_frame});
  runs.state = TaskView::State::running;
  TaskView ready = task(2, "ready", {});
  ready.state = TaskView::State::ready;
  const ProcessView process = process_with({runs, ready});
  const Tasks tasks(process);
  EXPECT_EQ(asyncio::command::stack_text(tasks, tasks.all()[0]),
            "Task 'runs' id 0x1 of main, thread 7\n  runs\n  #0   inner /src/app.cpp:10\n");
  EXPECT_EQ(asyncio::command::stack_text(tasks, tasks.all()[1]),
            "Task 'ready' id 0x2 of main, thread 7\n  is ready, and waits for its turn\n");
}

}  // namespace

#endif
