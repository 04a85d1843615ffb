#include "snapshot/snapshot.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "snapshot/programs.hpp"
#include "support/sanitizers.hpp"

using asyncio::snapshot::ProcessView;
using asyncio::snapshot::Program;
using asyncio::snapshot::TaskView;
using asyncio::snapshot::Unreadable;
using support::Output;
using support::run_program;
using support::Target;

namespace {

namespace fs = std::filesystem;

std::string refusal(const std::string& path, const std::string& executable = "") {
  try {
    (void)Program::of_core(path, executable).take_snapshot();
  } catch (const Unreadable& error) {
    return error.what();
  }
  return "";
}

class CoreFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("asyncio_core_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Of a copy of the program, which may be moved away.
  void dump(const std::string& scenario) {
    if (support::under_asan || support::under_tsan) {
      GTEST_SKIP() << "a core file of a sanitizer's shadow memory takes minutes to write";
    }
    program_ = folder_ / "program";
    fs::copy_file(INSPECTED_PROGRAM "_stripped", program_);
    const Target target(scenario, program_);
    const std::string prefix = folder_ / "core";
    const Output gcore = run_program({"gcore", "-o", prefix, std::to_string(target.pid())});
    if (gcore.status != 0) GTEST_SKIP() << "no core file by gdb's gcore: " << gcore.err;
    core_ = prefix + "." + std::to_string(target.pid());
  }
  [[nodiscard]] std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  [[nodiscard]] const fs::path& folder() const noexcept { return folder_; }
  [[nodiscard]] const fs::path& program() const noexcept { return program_; }
  [[nodiscard]] const std::string& core() const noexcept { return core_; }

 private:
  fs::path folder_;
  fs::path program_;
  std::string core_;
};

// DBG-039
TEST_F(CoreFile, ShowsWhatTheProcessHad) {
  dump("deadlocked");
  if (IsSkipped()) return;
  const ProcessView process = Program::of_core(core(), "").take_snapshot();
  EXPECT_EQ(process.pid, 0);
  ASSERT_EQ(process.loops.size(), 1U);
  const std::vector<TaskView>& tasks = process.loops[0].tasks;
  ASSERT_EQ(tasks.size(), 3U);
  EXPECT_EQ(tasks[1].name, "A");
  ASSERT_EQ(tasks[1].frames.size(), 1U);
  EXPECT_EQ(tasks[1].frames[0].function, "take_both");
  EXPECT_EQ(tasks[1].waits_for, "Lock.acquire()");
  EXPECT_EQ(tasks[1].owner, tasks[2].id);
  EXPECT_EQ(tasks[2].owner, tasks[1].id);
}

TEST_F(CoreFile, NeedsItsProgramWhereverThatIsNow) {
  dump("sleeping");
  if (IsSkipped()) return;
  fs::rename(program(), folder() / "moved");
  EXPECT_EQ(refusal(core()),
            "core file " + core() + " needs the program that it is of, but " + program().string() +
                " cannot be opened: No such file or directory; say where it is by --exe");
  const ProcessView process = Program::of_core(core(), folder() / "moved").take_snapshot();
  ASSERT_EQ(process.loops.size(), 1U);
  ASSERT_GE(process.loops[0].tasks.size(), 2U);
  EXPECT_EQ(process.loops[0].tasks[1].name, "one");
}

TEST_F(CoreFile, RefusesAnotherProgramThanItsOwn) {
  dump("sleeping");
  if (IsSkipped()) return;
  fs::remove(program());
  fs::copy_file("/bin/true", program());
  EXPECT_EQ(refusal(core()), "core file " + core() + " is not of the program that is at " +
                                 program().string() +
                                 " now; say where the one is that it is of by --exe");
}

TEST_F(CoreFile, RefusesWhatIsNone) {
  const std::string text = write("text", "this is no core file, but a text that is long enough");
  EXPECT_EQ(refusal(text),
            "core file " + text + " cannot be read: it is no core file of a 64-bit program");
  const std::string empty = write("empty", "");
  EXPECT_EQ(refusal(empty),
            "core file " + empty + " cannot be read: it is no core file of a 64-bit program");
  const std::string missing = folder() / "missing";
  EXPECT_EQ(refusal(missing),
            "core file " + missing + " cannot be read: No such file or directory");
  EXPECT_EQ(refusal(folder()),
            "core file " + folder().string() + " cannot be read: Is a directory");
}

TEST_F(CoreFile, ThatIsCutOffOrDamagedNeitherCrashesNorHangs) {
  dump("sleeping");
  if (IsSkipped()) return;
  std::ifstream file(core(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const std::size_t size : {100UL, 5'000UL, 20'000UL, whole.size() / 2, whole.size() - 1}) {
    (void)refusal(write("cut", whole.substr(0, size)));
  }
  unsigned random = 12345;
  for (int round = 0; round < 20; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 2000; ++i) {
      random = random * 1664525 + 1013904223;
      // Mostly in the headers and notes.
      const std::size_t range = i % 2 == 0 ? 30'000 : damaged.size();
      damaged[random % std::min(range, damaged.size())] = static_cast<char>(random >> 24);
    }
    // Its magic stays, or nothing else would be looked at.
    damaged.replace(0, 20, whole, 0, 20);
    (void)refusal(write("damaged", damaged));
  }
}

}  // namespace
