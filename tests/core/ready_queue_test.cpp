#include <asyncio/detail/ready_queue.hpp>

#include <gtest/gtest.h>

#include <vector>

using asyncio::detail::ReadyAction;
using asyncio::detail::ReadyCall;
using asyncio::detail::ReadyEntry;
using asyncio::detail::ReadyQueue;
using asyncio::detail::TaskState;

namespace {

struct Call : ReadyCall {
  Call() : ReadyCall{[](ReadyCall&, ReadyAction) {}} {}
};

}  // namespace

TEST(ReadyQueue, TellsTasksFromCalls) {
  Call call;
  auto* task = reinterpret_cast<TaskState*>(&call);
  EXPECT_FALSE(ReadyEntry(call).is_task());
  EXPECT_EQ(&ReadyEntry(call).call(), &call);
  EXPECT_TRUE(ReadyEntry(task).is_task());
  EXPECT_EQ(ReadyEntry(task).task(), task);
}

TEST(ReadyQueue, KeepsItsOrderWhereverItStandsWhenItGrows) {
  std::vector<Call> calls(3'000);
  for (const std::size_t used : {0U, 1U, 100U, 500U, 511U, 512U, 700U, 5'000U}) {
    ReadyQueue ready;
    ready.reserve();
    for (std::size_t i = 0; i < used; ++i) {
      ready.push(calls[0]);
      (void)ready.pop();
    }
    for (Call& call : calls) {
      ready.reserve();  // one more than there are: grows while the ring is full
      ready.push(call);
    }
    ASSERT_EQ(ready.size(), calls.size());
    for (Call& call : calls) ASSERT_EQ(&ready.pop().call(), &call);
    EXPECT_TRUE(ready.empty());
  }
}
