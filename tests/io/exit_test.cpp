// Loops that live until the program ends: static and thread_local ones, closed or not.

#include <asyncio/event_loop.hpp>

#include <asyncio/future.hpp>
#include <asyncio/log.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/threads.hpp>

#include "support/children.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

using LoopPointer = std::unique_ptr<asyncio::EventLoop>;

/// What becomes of a child that does this and then exits as programs do.
template <class F>
std::string exit_after(F body) {
  return support::end_of_child([&] {
    asyncio::set_log_sink([](asyncio::LogLevel, std::string_view) {});
    body();
    std::exit(7);
    return 0;
  });
}

asyncio::Coro<int> answer() { co_return co_await asyncio::sleep(1ms, 42); }
asyncio::Coro<> sleep_long() { co_await asyncio::sleep(1h); }

/// A loop that was used, and has something left of everything.
void use(asyncio::EventLoop& loop) {
  (void)loop.run_until_complete(answer());
  (void)loop.create_task(sleep_long());
  loop.call_soon([text = std::string(100, 'x')] {});
  loop.call_later(1h, [text = std::string(100, 'x')] {});
  loop.add_signal_handler(SIGUSR1, [text = std::string(100, 'x')] {});
  (void)loop.run_until_complete(answer());
}

const std::string well = "exit 7";

}  // namespace

// failure 97
TEST(LoopAtExit, MayBeStaticAndOpen) {
  EXPECT_EQ(exit_after([] {
              static const LoopPointer loop = asyncio::new_event_loop();
              use(*loop);
            }),
            well);
}

// failure 97
TEST(LoopAtExit, MayBeStaticAndClosed) {
  EXPECT_EQ(exit_after([] {
              static const LoopPointer loop = asyncio::new_event_loop();
              use(*loop);
              loop->close();
            }),
            well);
}

// failure 97
TEST(LoopAtExit, MayBeThreadLocalOfTheMainThread) {
  EXPECT_EQ(exit_after([] {
              thread_local const LoopPointer loop = asyncio::new_event_loop();
              use(*loop);
            }),
            well);
}

// failure 97: destroyed by a thread that ends
TEST(LoopAtExit, MayBeThreadLocalOfAnotherThread) {
  EXPECT_EQ(exit_after([] {
              std::thread([] {
                thread_local const LoopPointer loop = asyncio::new_event_loop();
                (void)loop->run_until_complete(answer());
                (void)loop->create_task(sleep_long());
                (void)loop->run_until_complete(answer());
              }).join();
            }),
            well);
}

// failure 97: made before whatever the library makes for a thread at its first use
TEST(LoopAtExit, MayBeStaticAndFilledByAThreadThatHasEnded) {
  EXPECT_EQ(exit_after([] {
              static const LoopPointer loop = asyncio::new_event_loop();
              std::thread([] {
                (void)loop->run_until_complete(answer());
                (void)loop->create_task(sleep_long());
                (void)loop->run_until_complete(answer());
              }).join();
            }),
            well);
}

// failure 97: a static future outlives its loop, and the other way round
TEST(LoopAtExit, MayGoBeforeOrAfterTheFuturesAndTasksThatPointToIt) {
  EXPECT_EQ(exit_after([] {
              static std::optional<asyncio::Future<int>> first;
              static std::optional<asyncio::Task<>> task;
              static const LoopPointer loop = asyncio::new_event_loop();
              static std::optional<asyncio::Future<int>> last;
              first = loop->create_future<int>();
              last = loop->create_future<int>();
              task = loop->create_task(sleep_long());
              (void)loop->run_until_complete(answer());
            }),
            well);
}

// failure 97
TEST(LoopAtExit, MayBeOfAStaticRunnerWithAnExecutor) {
  EXPECT_EQ(exit_after([] {
              static asyncio::Runner runner;
              const auto job = [] { return 1; };
              (void)runner.run(asyncio::to_thread(job));
              use(runner.get_loop());
            }),
            well);
}

// failure 97: in debug mode there is more to be taken down
TEST(LoopAtExit, MayBeStaticAndInDebugMode) {
  EXPECT_EQ(exit_after([] {
              static const LoopPointer loop = asyncio::new_event_loop();
              loop->set_debug(true);
              use(*loop);
            }),
            well);
}

// failure 97: exit() in the middle of a step
TEST(LoopAtExit, MayBeRunning) {
  EXPECT_EQ(exit_after([] {
              asyncio::run([]() -> asyncio::Coro<> {
                (void)asyncio::create_task(sleep_long());
                asyncio::get_running_loop().add_signal_handler(SIGUSR1, [] {});
                co_await asyncio::sleep(1ms);
                std::exit(7);
              });
            }),
            well);
}
// failure 97: a static loop that runs while exit() is called
TEST(LoopAtExit, MayBeStaticAndRunning) {
  EXPECT_EQ(exit_after([] {
              static const LoopPointer loop = asyncio::new_event_loop();
              loop->add_signal_handler(SIGUSR1, [] {});
              loop->run_until_complete([]() -> asyncio::Coro<> {
                co_await asyncio::sleep(1ms);
                std::exit(7);
              }());
            }),
            well);
}
