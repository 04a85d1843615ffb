// What several looks at a process tell together.

#include "dashboard/sampler.hpp"
#include "dashboard/flame.hpp"
#include "dashboard/query.hpp"
#include "dashboard/wait_graph.hpp"

#include "dashboard/made_up.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

using asyncio::dashboard::FlameNode;
using asyncio::dashboard::Query;
using asyncio::dashboard::Sampler;
using asyncio::dashboard::Selection;
using asyncio::dashboard::Stacks;
using asyncio::dashboard::TreeNode;
using asyncio::dashboard::WaitGraph;
using asyncio::http::Params;
using asyncio::snapshot::FrameView;
using asyncio::snapshot::ProcessView;
using asyncio::snapshot::TaskView;
using made_up::frame;
using made_up::ms;
using made_up::process;
using made_up::task;

namespace {

ProcessView at(int look, std::vector<TaskView> tasks) {
  ProcessView view = process(std::move(tasks));
  view.at += look * 100 * ms;
  return view;
}

TaskView waiting(std::uint64_t id, std::vector<std::uint64_t> awaits, std::uint64_t owner = 0) {
  TaskView made = task(id, "t" + std::to_string(id), {frame("f", 1)});
  made.awaits = std::move(awaits);
  made.owner = owner;
  return made;
}

std::string names(const Sampler& sampler, const std::vector<std::uint32_t>& rows) {
  std::string all;
  for (const std::uint32_t row : rows) all += sampler.sample().tasks[row].task->name + " ";
  return all;
}

std::string selected(const Sampler& sampler, std::string_view query, std::size_t most = 100) {
  const Selection selection =
      select(sampler.sample(), sampler.stacks(), Query::parse(Params::parse(query)), most);
  return names(sampler, selection.rows);
}

}  // namespace

TEST(DashboardSampler, KnowsSinceWhenATaskIsWhereItIs) {
  made_up::Process source([](int look) {
    return at(look,
              {task(1, "stays", {frame("f", 1)}), task(2, "moves", {frame("f", look < 3 ? 1 : 2)}),
               task(3, "waits for others", {frame("f", 1)}, look < 2 ? "a" : "b")});
  });
  Sampler sampler(source);
  for (int i = 0; i < 5; ++i) sampler.look();
  const auto& rows = sampler.sample().tasks;
  EXPECT_EQ(rows[0].since, made_up::begin);
  EXPECT_TRUE(rows[0].longer);  // nobody knows how much
  EXPECT_EQ(rows[1].since, made_up::begin + 300 * ms);
  EXPECT_FALSE(rows[1].longer);
  EXPECT_EQ(rows[2].since, made_up::begin + 200 * ms);
}

TEST(DashboardSampler, ForgetsTasksThatHaveEnded) {
  made_up::Process source([](int look) {
    std::vector<TaskView> tasks;
    if (look != 1) tasks.push_back(task(1, "again", {frame("f", 1)}));
    return at(look, std::move(tasks));
  });
  Sampler sampler(source);
  for (int i = 0; i < 3; ++i) sampler.look();
  EXPECT_EQ(sampler.sample().tasks[0].since, made_up::begin + 200 * ms);
}

TEST(DashboardSampler, KnowsSinceWhenALoopIsBlockedFromTheLoopItself) {
  made_up::Process source([](int look) {
    auto view = at(look, {task(1, "spins", {frame("f", 1)}, "")});
    view.loops[0].asleep = false;
    view.loops[0].tasks[0].state = TaskView::State::running;
    view.loops[0].step_began = made_up::begin - 5'000 * ms;
    return view;
  });
  Sampler sampler(source);
  sampler.look();
  EXPECT_EQ(sampler.sample().tasks[0].since, made_up::begin - 5'000 * ms);
  EXPECT_FALSE(sampler.sample().tasks[0].longer);
  EXPECT_EQ(sampler.sample().rates[0].lag, 5'000 * ms);
}

TEST(DashboardSampler, SeesThatALoopStaysInAStepIfThatDoesNotSayWhenItBegan) {
  made_up::Process source([](int look) {
    auto view = at(look, {task(1, "spins", {frame("f", 1)}, "")});
    view.loops[0].asleep = false;
    view.loops[0].tasks[0].state = TaskView::State::running;
    view.loops[0].steps = look < 2 ? static_cast<std::uint64_t>(look) : 2;
    return view;
  });
  Sampler sampler(source);
  for (int i = 0; i < 6; ++i) sampler.look();
  EXPECT_EQ(sampler.sample().rates[0].lag, 300 * ms);
}

TEST(DashboardSampler, MakesRatesOfCounters) {
  made_up::Process source([](int look) {
    auto view = at(look, {});
    view.loops[0].steps = static_cast<std::uint64_t>(look) * 50;
    return view;
  });
  Sampler sampler(source);
  sampler.look();
  EXPECT_FALSE(sampler.sample().rates[0].known);
  sampler.look();
  EXPECT_DOUBLE_EQ(sampler.sample().rates[0].steps, 500);
}

TEST(DashboardSampler, ShowsWhereTheUsersOwnCodeIs) {
  made_up::Process source([](int) {
    return process({task(1, "reads", {frame("asyncio::StreamReader::read", 1), frame("mine", 2)})});
  });
  Sampler sampler(source);
  sampler.look();
  EXPECT_EQ(sampler.stacks().stacks()[0].where, 1U);
}

// failure 106: bounded, whatever a process has
TEST(DashboardSampler, CutsDeepStacksAndForgetsTooManyPlaces) {
  made_up::Process source([](int look) {
    std::vector<FrameView> frames;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
      frames.push_back(frame("deep", i + 10'000 * static_cast<std::uint32_t>(look)));
    }
    std::vector<TaskView> tasks = {task(1, "recursion", frames)};
    for (std::uint64_t i = 0; i < 10'000; ++i) tasks.push_back(task(2 + i, "t", {frames[i]}));
    return at(look, std::move(tasks));
  });
  Sampler sampler(source);
  for (int i = 0; i < 5; ++i) {
    sampler.look();
    EXPECT_LT(sampler.stacks().places().size(), 40'000U);
    EXPECT_EQ(sampler.sample().tasks.size(), 10'001U);
    const auto& row = sampler.sample().tasks[0];
    const std::vector<std::uint32_t>& places = sampler.stacks().stacks()[row.stack].places;
    EXPECT_EQ(places.size(), 65U);
    EXPECT_EQ(sampler.stacks().places()[places[32]].function, "… more frames");
    EXPECT_EQ(sampler.stacks().places()[places[64]].line,
              9'999U + 10'000U * static_cast<unsigned>(i));
  }
  EXPECT_GT(sampler.stacks().epoch(), 1U);
}

// --- queries
// --------------------------------------------------------------------------------------

TEST(DashboardQuery, FiltersByNamePlaceStateAndWhatIsWaitedFor) {
  made_up::Process source([](int) {
    auto view = process({task(1, "Alpha", {frame("read_all", 7, "/src/net.cpp")}),
                         task(2, "beta", {frame("g", 9, "/src/disk.cpp")}, "Lock.acquire()"),
                         task(3, "gamma", {frame("h", 1)})});
    view.loops[0].tasks[2].state = TaskView::State::ready;
    return view;
  });
  Sampler sampler(source);
  sampler.look();
  EXPECT_EQ(selected(sampler, "text=aLPHA"), "Alpha ");
  EXPECT_EQ(selected(sampler, "text=net.cpp%3A7"), "Alpha ");
  EXPECT_EQ(selected(sampler, "text=lock.acq"), "beta ");
  EXPECT_EQ(selected(sampler, "state=ready"), "gamma ");
  EXPECT_EQ(selected(sampler, "text=nobody"), "");
  EXPECT_EQ(selected(sampler, ""), "Alpha beta gamma ");
}

TEST(DashboardQuery, SortsAndCuts) {
  made_up::Process source([](int look) {
    std::vector<TaskView> tasks;
    for (std::uint64_t i : {10, 9, 2, 1}) {
      const auto line = static_cast<std::uint32_t>(i == 2 && look > 0 ? 100 : i);
      tasks.push_back(task(i, "Task-" + std::to_string(i), {frame("f", line)}));
    }
    return at(look, std::move(tasks));
  });
  Sampler sampler(source);
  sampler.look();
  sampler.look();
  EXPECT_EQ(selected(sampler, "sort=name"), "Task-1 Task-2 Task-9 Task-10 ");
  EXPECT_EQ(selected(sampler, "sort=name&order=down"), "Task-10 Task-9 Task-2 Task-1 ");
  EXPECT_EQ(selected(sampler, "sort=place"), "Task-1 Task-9 Task-10 Task-2 ");
  EXPECT_EQ(selected(sampler, "sort=since"), "Task-10 Task-9 Task-1 Task-2 ");
  EXPECT_EQ(selected(sampler, "sort=since", 2), "Task-10 Task-9 ");
}

// --- who waits for whom
// ---------------------------------------------------------------------------

TEST(DashboardWaitGraph, FindsCirclesOfTasksAndLocks) {
  made_up::Process source([](int) {
    return process({waiting(1, {2}), waiting(2, {}, 3), waiting(3, {4, 5}), waiting(4, {2}),
                    waiting(5, {}), waiting(6, {6})});
  });
  Sampler sampler(source);
  sampler.look();
  const WaitGraph graph(sampler.sample());
  ASSERT_EQ(graph.circles().size(), 2U);
  EXPECT_EQ(names(sampler, graph.circles()[0]), "t2 t3 t4 ");
  EXPECT_EQ(names(sampler, graph.circles()[1]), "t6 ");
  EXPECT_EQ(graph.circle_of(0), 0U);  // it waits for one, and is in none
  EXPECT_FALSE(graph.awaited(0));
  EXPECT_TRUE(graph.awaited(4));
}

TEST(DashboardWaitGraph, FindsNoCircleWhereThereIsNone) {
  made_up::Process source([](int) {
    return process({waiting(1, {2, 3}), waiting(2, {4}), waiting(3, {4}), waiting(4, {99})});
  });
  Sampler sampler(source);
  sampler.look();
  EXPECT_TRUE(WaitGraph(sampler.sample()).circles().empty());
}

TEST(DashboardWaitGraph, ListsTreesOnce) {
  made_up::Process source([](int) {
    return process(
        {waiting(1, {2, 3}), waiting(2, {4}), waiting(3, {2}), waiting(4, {}, 2), waiting(5, {})});
  });
  Sampler sampler(source);
  sampler.look();
  const WaitGraph graph(sampler.sample());
  const std::vector<std::uint32_t> all = {0, 1, 2, 3, 4};
  const std::vector<std::uint32_t> roots = roots_of(graph, all);
  EXPECT_EQ(names(sampler, roots), "t2 t1 ");  // the circle first; t5 waits for nobody
  std::string lines;
  for (const TreeNode& line : list_trees(graph, roots, 100)) {
    lines += std::string(line.depth, '.') + sampler.sample().tasks[line.task].task->name;
    if (line.by_lock) lines += " lock";
    if (line.kind == TreeNode::Kind::circle) lines += " circle";
    if (line.kind == TreeNode::Kind::seen) lines += " seen";
    lines += "\n";
  }
  EXPECT_EQ(lines, "t2\n.t4\n..t2 lock circle\nt1\n.t2 seen\n.t3\n..t2 seen\n");
}

// failure 106: a chain of a million, and a million children
TEST(DashboardWaitGraph, IsBoundedWhateverWaits) {
  constexpr std::uint64_t n = 200'000;
  made_up::Process source([](int) {
    std::vector<TaskView> tasks;
    for (std::uint64_t i = 1; i < n; ++i) tasks.push_back(waiting(i, {i + 1}));
    std::vector<std::uint64_t> everybody(n - 1);
    std::iota(everybody.begin(), everybody.end(), 1);
    tasks.push_back(waiting(n, std::move(everybody)));
    return process(std::move(tasks));
  });
  Sampler sampler(source);
  sampler.look();
  const WaitGraph graph(sampler.sample());
  ASSERT_EQ(graph.circles().size(), 1U);
  const std::vector<std::uint32_t> first = {0};
  const std::vector<TreeNode> chain = list_trees(graph, first, 1000);
  EXPECT_LE(chain.size(), 1000U);
  EXPECT_LE(std::max_element(chain.begin(), chain.end(),
                             [](const auto& a, const auto& b) { return a.depth < b.depth; })
                ->depth,
            200);
  const std::vector<std::uint32_t> last = {n - 1};
  const std::vector<TreeNode> wide = list_trees(graph, last, 1000);
  EXPECT_GT(wide[0].hidden, n - 1002);
}

// --- time per await
// -------------------------------------------------------------------------------

TEST(DashboardFlame, AddsUpTheTimeOfTasksAtEachPlace) {
  made_up::Process source([](int look) {
    std::vector<TaskView> tasks;
    for (std::uint64_t i = 0; i < 3; ++i) {
      tasks.push_back(task(i + 1, "t", {frame("inner", 2), frame("outer", 1)}));
    }
    if (look < 2) tasks.push_back(task(9, "t", {frame("outer", 5)}, "Lock.acquire()"));
    return at(look, std::move(tasks));
  });
  Sampler sampler(source);
  for (int i = 0; i < 3; ++i) sampler.look();  // 200 ms
  const std::vector<FlameNode> boxes = list_flame(sampler.stacks(), 100);
  ASSERT_EQ(boxes.size(), 5U);
  const auto name = [&](const FlameNode& box) {
    return box.place == FlameNode::none ? box.what : sampler.stacks().places()[box.place].function;
  };
  EXPECT_EQ(name(boxes[0]), "outer");
  EXPECT_EQ(boxes[0].depth, 0U);
  EXPECT_EQ(boxes[0].tasks, 3U);
  EXPECT_NEAR(boxes[0].waited, 0.6, 1e-9);
  EXPECT_EQ(name(boxes[1]), "inner");
  EXPECT_EQ(name(boxes[2]), "sleep()");
  EXPECT_EQ(boxes[2].depth, 2U);
  EXPECT_NEAR(boxes[3].waited, 0.1, 1e-9);
  EXPECT_EQ(boxes[3].tasks, 0U);  // it has gone, its time stays
  EXPECT_EQ(name(boxes[4]), "Lock.acquire()");
}
