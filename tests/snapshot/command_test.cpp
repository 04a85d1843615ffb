#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "snapshot/programs.hpp"

#ifdef ASYNCIO_COMMAND

using support::Output;
using support::Target;

namespace {

Output command(std::vector<std::string> words) {
  words.insert(words.begin(), ASYNCIO_COMMAND);
  return support::run_program(words);
}
Output command(const std::string& name, const Target& target, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {name, std::to_string(target.pid())});
  return command(more);
}

/// Without what differs from run to run: addresses, folders, lines.
std::string plain(std::string text) {
  text = std::regex_replace(text, std::regex("0x[0-9a-f]{2,}"), "0xID");
  text = std::regex_replace(text, std::regex(R"([^ "]*/([a-z_]+\.[a-z]pp):\d+)"), "$1:N");
  text = std::regex_replace(text, std::regex(R"(\.([a-z]pp):\d+)"), ".$1:N");
  return std::regex_replace(text, std::regex(R"(thread \d+)"), "thread N");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}
std::string line_with(const std::string& text, const std::string& part) {
  for (const std::string& line : lines_of(text)) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

// DBG-040
TEST(Command, PsPrintsATable) {
  const Target target("locked");
  const Output ps = command("ps", target);
  EXPECT_EQ(ps.status, 0) << ps.err;
  const std::vector<std::string> lines = lines_of(ps.out);
  ASSERT_EQ(lines.size(), 8U) << ps.out;
  EXPECT_TRUE(
      lines[0].starts_with("tid        task id              task name            "
                           "coroutine stack                  "))
      << lines[0];
  EXPECT_EQ(lines[1], std::string(180, '-'));
  const std::string holder = plain(line_with(ps.out, " holder "));
  EXPECT_NE(holder.find("take_and_sleep target.cpp:N"), std::string::npos) << holder;
  EXPECT_NE(holder.find("take target.cpp:N"), std::string::npos) << holder;
  EXPECT_NE(holder.find(" waiter "), std::string::npos) << holder;
  const std::string getter = line_with(ps.out, " getter ");
  EXPECT_TRUE(getter.ends_with("0x0            ")) << getter;
}

// DBG-043
TEST(Command, PstreePrintsTrees) {
  const Target target("sleeping");
  const Output pstree = command("pstree", target);
  EXPECT_EQ(pstree.status, 0) << pstree.err;
  const std::string one =
      "└── (T) one\n"
      "    └──  outer target.cpp:N\n"
      "        └──  inner target.cpp:N\n"
      "            └──  sleeps target.cpp:N\n";
  EXPECT_NE(plain(pstree.out).find(one), std::string::npos) << plain(pstree.out);
}

// DBG-045
TEST(Command, PstreeReportsADeadlockOfTwoLocks) {
  const Target target("deadlocked");
  const Output pstree = command("pstree", target);
  EXPECT_EQ(pstree.status, 1);
  EXPECT_EQ(pstree.out, "");
  EXPECT_EQ(pstree.err,
            "ERROR: await-graph contains cycles - cannot print a tree!\n\ncycle: A → B → A\n");
  EXPECT_EQ(command("ps", target).status, 0);
}

TEST(Command, BtPrintsOneTask) {
  const Target target("deadlocked");
  const Output bt = command("bt", target, {"A"});
  EXPECT_EQ(bt.status, 0) << bt.err;
  EXPECT_EQ(plain(bt.out),
            "Task 'A' id 0xID of main, thread N\n"
            "  waits for Lock.acquire() of 0xID, which task 'B' 0xID has\n"
            "  #0   take_both target.cpp:N\n"
            "  awaited by Task 'B' id 0xID, at take_both target.cpp:N\n"
            "  deadlock, cycle: A → B → A\n");
}

TEST(Command, BtTakesAnIdAndRefusesWhatIsNotOneTask) {
  const Target target("locked");
  const Output ambiguous = command("bt", target, {"twin"});
  EXPECT_EQ(ambiguous.status, 1);
  const std::string candidate = "  0xID  twin, at sleeps target.cpp:N\n";
  EXPECT_EQ(plain(ambiguous.err),
            "asyncio bt: 2 tasks are 'twin'; name one by its id:\n" + candidate + candidate);

  const Target calm("sleeping");
  const Output missing = command("bt", calm, {"nobody"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.err, "asyncio bt: no task 'nobody' among 3; ps lists names and ids\n");
  std::smatch id;
  const std::string line = line_with(command("ps", calm).out, " one ");
  ASSERT_TRUE(std::regex_search(line, id, std::regex("0x[0-9a-f]+")));
  const Output bt = command("bt", calm, {id.str()});
  EXPECT_EQ(bt.status, 0);
  EXPECT_TRUE(bt.out.starts_with("Task 'one' id " + id.str())) << bt.out;
}

// DBG-042
TEST(Command, WritesJsonAndCsv) {
  const Target target("locked");
  const Output json = command("ps", target, {"--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  EXPECT_NE(json.out.find(R"("name":"waiter","state":"waiting","frames":[{"function":"take")"),
            std::string::npos)
      << json.out;
  EXPECT_NE(json.out.find(R"x("waits_for":"Lock.acquire()")x"), std::string::npos);
  const Output csv = command("ps", target, {"--format", "csv"});
  EXPECT_TRUE(csv.out.starts_with(
      "tid,task id,task name,coroutine stack,awaiter chain,awaiter name,awaiter id\r\n"))
      << csv.out;
}

// failures 106
TEST(Command, ShowsHostileNamesEscapedAndCut) {
  const Target target("hostile");
  for (const char* name : {"ps", "pstree"}) {
    const Output shown = command(name, target);
    EXPECT_EQ(shown.status, 0) << shown.err;
    EXPECT_EQ(shown.out.find('\x1b'), std::string::npos);
    EXPECT_NE(shown.out.find("\\x1b[2J\\x1b]0;owned\\x07"), std::string::npos);
    EXPECT_NE(shown.out.find("\\xff\\xfe"), std::string::npos);
    EXPECT_NE(shown.out.find("a\\nb"), std::string::npos);
    EXPECT_NE(shown.out.find("\\u202egnirts"), std::string::npos);
    EXPECT_NE(shown.out.find("MMM..."), std::string::npos);
    EXPECT_LT(shown.out.size(), 5'000U);
  }
  const Output csv = command("ps", target, {"--csv"});
  EXPECT_NE(csv.out.find(R"("with, ""comma""")"), std::string::npos) << csv.out;
  const Output json = command("ps", target, {"--json"});
  EXPECT_NE(json.out.find(R"("\u001b[2J\u001b]0;owned\u0007")"), std::string::npos);
  const bool ascii = std::all_of(json.out.begin(), json.out.end(), [](char c) { return c > 0; });
  EXPECT_TRUE(ascii);
}

// DBG-046
TEST(Command, SaysWhyAProcessCannotBeRead) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const std::string pid = std::to_string(child);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"ps", pid}, {"pstree", pid}, {"bt", pid, "x"}}) {
    const Output refused = command(words);
    EXPECT_EQ(refused.status, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_EQ(refused.err, "Error retrieving tasks: there is no process " + pid + "\n");
  }
}

TEST(Command, SaysThatAProcessHasNoAsyncio) {
  int pipe[2] = {};
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[0], STDIN_FILENO);
    ::close(pipe[0]);
    ::close(pipe[1]);
    ::execlp("cat", "cat", nullptr);
    ::_exit(127);
  }
  Output refused;
  // Before its exec() it is a copy of this program, which has asyncio.
  for (int i = 0; i < 500 && refused.err.empty(); ++i) {
    refused = command({"ps", std::to_string(child)});
  }
  ::close(pipe[0]);
  ::close(pipe[1]);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(std::regex_match(
      refused.err, std::regex("Error retrieving tasks: process \\d+ has no asyncio: none of its "
                              "\\d+ files has the library's note .note.asyncio\n")))
      << refused.err;
}

// DBG-047
TEST(Command, PrintsNothingIfThereAreNoTasks) {
  const Target target("idle");
  EXPECT_EQ(command("ps", target).out, "");
  EXPECT_EQ(command("pstree", target).out, "");
}

TEST(Command, RefusesWrongUsageWithStatusTwo) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"ps"},
                                                {"ps", "0"},
                                                {"ps", "-1"},
                                                {"ps", "12x"},
                                                {"nothing"},
                                                {"pstree", "99999999999"},
                                                {"ps", "1", "--format", "xml"},
                                                {"ps", "1", "--core", "x"},
                                                {"bt", "1"},
                                                {"bt", "--core", "x"},
                                                {"ps", "1", "--json", "--csv"},
                                                {"ps", "--exe", "x"}}) {
    const Output refused = command(words);
    std::string all;
    for (const std::string& word : words) all += word + " ";
    EXPECT_EQ(refused.status, 2) << all << refused.out;
    EXPECT_NE(refused.err, "") << all;
  }
  EXPECT_EQ(command({"--help"}).status, 0);
  EXPECT_EQ(command({"ps", "--help"}).status, 0);
}

}  // namespace

#endif
