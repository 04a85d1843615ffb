// A process that has threads when it makes a pool: the program is run again.

#include "support/processes.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace {

struct RunOfProgram {
  std::string output;
  int status = 0;
};

RunOfProgram run_again_program(const std::string& mode) {
  RunOfProgram run;
  FILE* program = ::popen((std::string(POOL_AGAIN) + " " + mode + " 2>&1").c_str(), "r");
  std::array<char, 256> piece{};
  while (std::fgets(piece.data(), piece.size(), program) != nullptr) run.output += piece.data();
  run.status = ::pclose(program);
  return run;
}

void expect_within(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace

TEST(ProcessPoolAgain, WorksWhereThreadsWereThereBefore) {
  const RunOfProgram run = run_again_program("");
  EXPECT_EQ(run.status, 0);
  expect_within(run.output, "0\n2\n4\n");
  EXPECT_EQ(support::children(), 0);
}

TEST(ProcessPoolOutput, OfAWorkerStandsBeforeWhatFollowsItsAnswerAndNothingIsPrintedTwice) {
  const RunOfProgram run = run_again_program("prints");
  EXPECT_EQ(run.output,
            "main\nworker 0 says so\nparent 0\nworker 1 says so\nparent 1\nworker 2 says so\n"
            "parent 2\nunflushed\n");
}

TEST(ProcessPoolAgain, ThatDoesNotReachRunIsAnErrorAndNoHang) {
  const RunOfProgram run = run_again_program("ends");
  EXPECT_EQ(run.status, 0);
  expect_within(run.output, "ended (exit code 3) before it reached asyncio::run()");
}

TEST(ProcessPoolAgain, ThatCrashesIsAnErrorAndNoHang) {
  expect_within(run_again_program("crashes").output, "killed by signal 6 (Aborted)");
}

TEST(ProcessPoolAgain, ThatHasThreadsItselfIsAnError) {
  if (support::under_tsan) GTEST_SKIP() << "its threads count otherwise";
  expect_within(run_again_program("thread").output,
                "had 2 threads itself when it reached asyncio::run()");
}
