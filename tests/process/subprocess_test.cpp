// A child process: how it is started, what it is given, how it ends.

#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using asyncio::create_subprocess_exec;
using asyncio::create_subprocess_shell;
using asyncio::subprocess::PIPE;
using support::thrown_by_await;

// PROC-001, PROC-016
ASYNC_TEST(Subprocess, CommunicateWritesReadsAndWaits) {
  auto process = co_await create_subprocess_exec({"tr", "a-z", "A-Z"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  const auto [out, err] = co_await process.communicate("some words\n");
  EXPECT_EQ(out, "SOME WORDS\n");
  EXPECT_EQ(err, std::nullopt);
  EXPECT_EQ(process.returncode(), 0);
}
