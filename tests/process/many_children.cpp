// By itself, since the whole machine has to do with it.

#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>

#include "support/descriptors.hpp"
#include "support/pipe_ends.hpp"
#include "support/processes.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_subprocess_exec;
using asyncio::subprocess::Process;

// Failure 71
ASYNC_TEST(ManyChildren, ThatEndAtOnceAreAllReaped) {
  const int many = support::under_asan || support::under_tsan ? 1000 : 10'000;
  const std::vector<int> before = support::open_descriptors();
  {
    support::PipeEnds ends;
    std::vector<Process> all;
    for (int i = 0; i < many; ++i) {
      all.push_back(co_await create_subprocess_exec({"cat"}, {.stdin_ = ends.fds[0]}));
    }
    EXPECT_EQ(support::children(), many);
    auto load = asyncio::create_task([]() -> Coro<> {
      while (true) co_await asyncio::sleep(0s);
    }());
    ends.close_writing();  // the end of everybody's input
    for (const Process& process : all) {
      const int code = co_await process.wait();
      EXPECT_EQ(code, 0);
    }
    load.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(load)).cancelled());
  }
  EXPECT_EQ(support::children(), 0);
  EXPECT_EQ(support::open_descriptors(), before);
}
