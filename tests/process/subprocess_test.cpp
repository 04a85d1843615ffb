// A child process: how it is started, what it is given, how it ends.

#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>

#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Args;
using asyncio::Coro;
using asyncio::create_subprocess_exec;
using asyncio::create_subprocess_shell;
using asyncio::subprocess::DEVNULL;
using asyncio::subprocess::Options;
using asyncio::subprocess::Output;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;
using asyncio::subprocess::STDOUT;
using support::thrown_by_await;

namespace {

// What a command writes to its standard output.
Coro<std::string> output_of(std::string command, Options options = {}) {
  options.stdout_ = PIPE;
  Process process = co_await create_subprocess_shell(command, options);
  Output output = co_await process.communicate();
  co_return std::move(output.stdout_).value();
}

Coro<int> code_of(std::string command, Options options = {}) {
  Process process = co_await create_subprocess_shell(command, options);
  const int code = co_await process.wait();
  co_return code;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

// --- starting -----------------------------------------------------------------------------------

// PROC-001, PROC-016
ASYNC_TEST(Subprocess, CommunicateWritesReadsAndWaits) {
  Process process =
      co_await create_subprocess_exec({"tr", "a-z", "A-Z"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  const auto [out, err] = co_await process.communicate("some words\n");
  EXPECT_EQ(out, "SOME WORDS\n");
  EXPECT_EQ(err, std::nullopt);
  EXPECT_EQ(process.returncode(), 0);
}

// PROC-001
ASYNC_TEST(Subprocess, AShellRunsACommand) {
  EXPECT_EQ(co_await output_of("echo one && echo two | tr t T"), "one\nTwo\n");
  EXPECT_EQ(co_await code_of("exit 3"), 3);
}

ASYNC_TEST(Subprocess, ArgumentsComeFromWhateverIsAText) {
  const std::filesystem::path program = "/bin/echo";
  const std::string word = "two  words";
  const Args args{program, "-n", word, std::string_view("x\n")};
  Process process = co_await create_subprocess_exec(args, {.stdout_ = PIPE});
  EXPECT_EQ((co_await process.communicate()).stdout_, "two  words x\n");
  const Args list(std::vector<std::string>{"echo", ""});
  Process second = co_await create_subprocess_exec(list, {.stdout_ = PIPE});
  EXPECT_EQ((co_await second.communicate()).stdout_, "\n");
}

// PROC-002
ASYNC_TEST(Subprocess, StreamsGoWhereTheyAreSent) {
  EXPECT_EQ(co_await output_of("cat; echo end", {.stdin_ = DEVNULL}), "end\n");
  Process silent = co_await create_subprocess_shell("echo out; echo err >&2",
                                                    {.stdout_ = DEVNULL, .stderr_ = PIPE});
  const Output err_only = co_await silent.communicate();
  EXPECT_EQ(err_only.stdout_, std::nullopt);
  EXPECT_EQ(err_only.stderr_, "err\n");
  EXPECT_EQ(co_await output_of("echo out; echo err >&2", {.stderr_ = STDOUT}), "out\nerr\n");
  EXPECT_EQ(co_await output_of("echo out; echo err >&2", {.stderr_ = DEVNULL}), "out\n");
}

// PROC-002
ASYNC_TEST(Subprocess, StreamsAreFilesByPathAndByDescriptor) {
  const support::Folder folder;
  const std::string in = folder.write("in", "from a file\n");
  const std::string out = folder.write("out", "an old and longer text that goes\n");
  EXPECT_EQ(
      co_await code_of("cat; echo err >&2", {.stdin_ = in, .stdout_ = out, .stderr_ = STDOUT}), 0);
  EXPECT_EQ(content_of(out), "from a file\nerr\n");
  const int fd = ::open(in.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(co_await output_of("cat", {.stdin_ = fd}), "from a file\n");
  EXPECT_TRUE(support::is_open(fd));
  ::close(fd);
  const std::string missing = folder / "missing/in";
  EXPECT_EQ(co_await thrown_by_await(code_of("cat", {.stdin_ = missing})),
            "system_error: start \"/bin/sh\": open stdin_ \"" + missing +
                "\": No such file or directory");
}

// One of 0 to 2 in another's place.
ASYNC_TEST(Subprocess, StandardDescriptorsMayChangePlaces) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const int kept = ::dup(2);
  ::dup2(ends[1], 2);
  // Its output goes to our descriptor 2, which is the pipe, its errors to the other pipe.
  Process process =
      co_await create_subprocess_shell("echo out; echo err >&2", {.stdout_ = 2, .stderr_ = PIPE});
  const Output output = co_await process.communicate();
  ::dup2(kept, 2);
  ::close(kept);
  ::close(ends[1]);
  EXPECT_EQ(output.stderr_, "err\n");
  char text[8] = {};
  EXPECT_EQ(::read(ends[0], text, sizeof text), 4);
  EXPECT_STREQ(text, "out\n");
  ::close(ends[0]);
}

// PROC-003
ASYNC_TEST(Subprocess, StreamsAreOursUnlessSomethingElseIsSaid) {
  Process process = co_await create_subprocess_exec({"true"});
  EXPECT_FALSE(process.stdin_);
  EXPECT_FALSE(process.stdout_);
  EXPECT_FALSE(process.stderr_);
  const Output output = co_await process.communicate();
  EXPECT_EQ(output.stdout_, std::nullopt);
  EXPECT_EQ(output.stderr_, std::nullopt);
  EXPECT_EQ(process.returncode(), 0);
}

// PROC-005, failure 75
ASYNC_TEST(Subprocess, WhatCannotBeStartedIsAnErrorAndLeavesNothing) {
  const support::Folder folder;
  const std::string plain = folder.write("plain", "no program");
  const std::vector<int> before = support::open_descriptors();
  const Options piped{.stdin_ = PIPE, .stdout_ = PIPE, .stderr_ = PIPE};
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"no such program"}, piped)),
            "system_error: start \"no such program\": No such file or directory");
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"/no/such/program"}, piped)),
            "system_error: start \"/no/such/program\": No such file or directory");
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({plain}, piped)),
            "system_error: start \"" + plain + "\": Permission denied");
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({folder.path()}, piped)),
            "system_error: start \"" + folder.path() + "\": Permission denied");
  Options elsewhere = piped;
  elsewhere.cwd = "/no/such/folder";
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"true"}, elsewhere)),
            "system_error: start \"true\" in \"/no/such/folder\": No such file or directory");
  elsewhere.cwd = plain;
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"true"}, elsewhere)),
            "system_error: start \"true\" in \"" + plain + "\": Not a directory");
  const std::string huge(8'000'000, 'x');
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"true", huge}, piped)),
            "system_error: start \"true\": Argument list too long");
  EXPECT_EQ(support::open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

ASYNC_TEST(Subprocess, BadTextsAndDescriptorsAreRefused) {
  const std::string nul("a\0b", 3);
  EXPECT_EQ(support::thrown_by([&] { (void)create_subprocess_exec({"echo", nul}); }),
            "invalid_argument: create_subprocess_exec(): an argument has a NUL byte after \"a\"; a "
            "program would not see what follows");
  EXPECT_EQ(support::thrown_by([&] { (void)create_subprocess_shell(nul); }),
            "invalid_argument: create_subprocess_shell(): an argument has a NUL byte after \"a\"; "
            "a program would not see what follows");
  EXPECT_EQ(support::thrown_by([&] { (void)create_subprocess_exec({""}); }),
            "invalid_argument: create_subprocess_exec(): there is no program; the first text names "
            "it");
  EXPECT_EQ(
      support::thrown_by([&] { (void)create_subprocess_exec({"true"}, {.stdout_ = STDOUT}); }),
      "invalid_argument: create_subprocess_exec(): stdout_ = STDOUT; only stderr_ can go "
      "where stdout_ goes");
  EXPECT_EQ(support::thrown_by([&] { (void)create_subprocess_exec({"true"}, {.stdin_ = 9999}); }),
            "invalid_argument: create_subprocess_exec(): stdin_ = descriptor 9999, which is not "
            "open");
  const int passed[] = {9999};
  EXPECT_EQ(
      support::thrown_by([&] { (void)create_subprocess_exec({"true"}, {.pass_fds = passed}); }),
      "invalid_argument: create_subprocess_exec(): pass_fds has descriptor 9999, which is not "
      "open");
  EXPECT_EQ(support::thrown_by([&] { const asyncio::Environment env = {{"A=B", "c"}}; }),
            "invalid_argument: Environment: \"A=B\" = \"c\"; a name is not empty and has no '=', "
            "and neither has a NUL byte");
  EXPECT_THROW((asyncio::Environment{{"", "c"}}), std::invalid_argument);
  EXPECT_THROW((asyncio::Environment{{"A", nul}}), std::invalid_argument);
  EXPECT_EQ(
      support::thrown_by([&] { (void)create_subprocess_exec({"true"}, {.process_group = -5}); }),
      "invalid_argument: create_subprocess_exec(): process_group is -5; 0 makes a new one, a "
      "positive number is one that exists");
  co_return;
}

// PROC-006
ASYNC_TEST(Subprocess, HasTheFolderVariablesAndSessionThatItIsGiven) {
  const support::Folder folder;
  const std::string real = std::filesystem::canonical(folder.path()).string();
  EXPECT_EQ(co_await output_of("pwd", {.cwd = real}), real + "\n");
  const asyncio::Environment env = {{"A", "one two"}, {"B", ""}};
  EXPECT_EQ(co_await output_of("echo \"$A|$B|$HOME\"", {.env = &env}), "one two||\n");
  asyncio::Environment more = asyncio::Environment::current();
  const std::string path = std::getenv("PATH");
  EXPECT_EQ(more.get("PATH"), path);
  more.set("ADDED", "no");
  more.set("ADDED", "yes");
  more.set("GONE", "");
  more.unset("GONE");
  more.unset("GONE");
  EXPECT_EQ(more.get("GONE"), std::nullopt);
  EXPECT_EQ(co_await output_of("echo $ADDED ${GONE-gone} $PATH", {.env = &more}),
            "yes gone " + path + "\n");
  const std::string of_session = "cut -d' ' -f6 /proc/$$/stat; echo $$";
  const std::string own = co_await output_of(of_session, {.start_new_session = true});
  EXPECT_EQ(own.substr(0, own.find('\n') + 1), own.substr(own.find('\n') + 1));
  EXPECT_NE(co_await output_of("cut -d' ' -f6 /proc/$$/stat"), own);
  const std::string group =
      co_await output_of("cut -d' ' -f5 /proc/$$/stat; echo $$", {.process_group = 0});
  EXPECT_EQ(group.substr(0, group.find('\n') + 1), group.substr(group.find('\n') + 1));
}

// The program is looked for where the child would look.
ASYNC_TEST(Subprocess, TheProgramIsLookedForInItsOwnPath) {
  const support::Folder folder;
  for (const char* name : {"/a", "/b"}) {
    std::filesystem::create_directory(folder.path() + name);
  }
  const std::string here = folder.write("b/hello-there", "#!/bin/sh\necho hello\n");
  const asyncio::Environment env = {{"PATH", folder.path() + "/a:" + folder.path() + "/b"}};
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"hello-there"}, {.env = &env})),
            "system_error: start \"hello-there\": Permission denied");
  std::filesystem::permissions(here, std::filesystem::perms::owner_all);
  Process found = co_await create_subprocess_exec({"hello-there"}, {.stdout_ = PIPE, .env = &env});
  EXPECT_EQ((co_await found.communicate()).stdout_, "hello\n");
  EXPECT_EQ(co_await thrown_by_await(create_subprocess_exec({"true"}, {.env = &env})),
            "system_error: start \"true\": No such file or directory");
  const std::string folder_b = folder.path() + "/b";
  Process from_there =
      co_await create_subprocess_exec({"./hello-there"}, {.stdout_ = PIPE, .cwd = folder_b});
  EXPECT_EQ((co_await from_there.communicate()).stdout_, "hello\n");
}

// PROC-006, PROC-007, failure 76
ASYNC_TEST(Subprocess, InheritsNothingThatWasNotAskedFor) {
  std::vector<int> open;
  for (int i = 0; i < 500; ++i) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);  // not closed on exec
    open.insert(open.end(), {ends[0], ends[1]});
  }
  Process other = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  const std::string list = "ls /proc/self/fd | sort -n | tr '\\n' ' '";
  EXPECT_EQ(co_await output_of(list), "0 1 2 3 ");  // 3: of ls itself
  const int passed[] = {open[700], open[20]};
  EXPECT_EQ(co_await output_of(list, {.pass_fds = passed}),
            "0 1 2 3 " + std::to_string(open[20]) + " " + std::to_string(open[700]) + " ");
  EXPECT_EQ((co_await other.communicate("x")).stdout_, "x");
  for (const int fd : open) ::close(fd);
}

// Failure 76
ASYNC_TEST(Subprocess, HasNoSignalBlockedAndTheUsualSigpipe) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto* const old = ::signal(SIGPIPE, SIG_IGN);
  Process process =
      co_await create_subprocess_exec({"grep", "^Sig[BI]", "/proc/self/status"}, {.stdout_ = PIPE});
  ::signal(SIGPIPE, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const std::string status = (co_await process.communicate()).stdout_.value();
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
  const std::size_t ignored = status.find("SigIgn:\t");
  const auto mask = std::stoull(status.substr(ignored + 8), nullptr, 16);
  EXPECT_EQ(mask & (1ULL << (SIGPIPE - 1)), 0U) << status;
}

// PROC-007: another child that lives does not keep the input open.
ASYNC_TEST(Subprocess, EndOfInputReachesItAlthoughAnotherChildWasStarted) {
  Process first = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  Process second = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  EXPECT_EQ((co_await first.communicate("first")).stdout_, "first");
  EXPECT_EQ(second.returncode(), std::nullopt);
  EXPECT_EQ((co_await second.communicate("second")).stdout_, "second");
}

// PROC-008
ASYNC_TEST(Subprocess, CancelledBeforeItIsStartedLeavesNothing) {
  const std::vector<int> before = support::open_descriptors();
  asyncio::Task<Process> task =
      asyncio::create_task(create_subprocess_exec({"sleep", "100"}, {.stdin_ = PIPE}));
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(support::open_descriptors(), before);
}
