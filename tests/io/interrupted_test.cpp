// A process that signals interrupt and that is stopped and continued: no early timer, nothing lost.

#include <asyncio/event_loop.hpp>

#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>

#include "support/children.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/time.h>

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr int bytes = 200;

/// A signal every twenty milliseconds, which interrupts what it can.
void begin_interruptions() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  ::sigemptyset(&action.sa_mask);  // and no SA_RESTART
  ::sigaction(SIGALRM, &action, nullptr);
  itimerval interval{};
  interval.it_interval.tv_usec = 20'000;
  interval.it_value.tv_usec = 20'000;
  ::setitimer(ITIMER_REAL, &interval, nullptr);
}

/// Returns: the number of timers that were early.
asyncio::Coro<int> keep_time(std::chrono::milliseconds delay, int rounds) {
  int early = 0;
  auto& loop = asyncio::get_running_loop();
  for (int i = 0; i < rounds; ++i) {
    const auto due = std::chrono::steady_clock::now() + delay;
    const auto loop_due = loop.time() + asyncio::Duration(delay);
    co_await asyncio::sleep(delay);
    early += std::chrono::steady_clock::now() < due || loop.time() < loop_due ? 1 : 0;
  }
  co_return early;
}

asyncio::Coro<int> read_all(int fd) {
  auto& loop = asyncio::get_running_loop();
  int read = 0;
  auto all = loop.create_future<int>();
  loop.add_reader(fd, [&] {
    std::array<char, 7> buffer{};
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) read += static_cast<int>(n);
    if (n == 0) {
      loop.remove_reader(fd);
      all.set_result(read);
    }
  });
  co_return co_await all;
}

/// Calls from another thread, which signals interrupt as well.
asyncio::Coro<int> count_posts() {
  auto& loop = asyncio::get_running_loop();
  int posts = 0;
  auto all = loop.create_future<int>();
  std::thread poster([&] {
    for (int i = 0; i < bytes; ++i) {
      loop.call_soon_threadsafe([&] {
        if (++posts == bytes) all.set_result(posts);
      });
      std::this_thread::sleep_for(1ms);
    }
  });
  const int counted = co_await all;
  poster.join();
  co_return counted;
}

asyncio::Coro<int> work(int fd) {
  const auto [short_ones, long_ones, read, posts] =
      co_await asyncio::gather(keep_time(3ms, 40), keep_time(45ms, 6), read_all(fd), count_posts());
  if (short_ones + long_ones > 0) co_return 1;
  if (read != bytes) co_return 2;
  co_return posts == bytes ? 7 : 3;
}

}  // namespace

// failure 3, failure 12
TEST(AnInterruptedProcess, HasNoEarlyTimerAndLosesNothingThoughItIsStoppedInBetween) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  const pid_t child = support::start_child([&] {
    ::close(ends[1]);
    ::alarm(0);  // the same timer; the parent sees to the end
    begin_interruptions();
    return asyncio::run(work(ends[0]));
  });
  ASSERT_GT(child, 0);
  ::close(ends[0]);
  for (int i = 0; i < bytes; ++i) {
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    if (i % 40 == 20) {
      ::kill(child, SIGSTOP);
      std::this_thread::sleep_for(15ms);
      ::kill(child, SIGCONT);
    }
    std::this_thread::sleep_for(1ms);
  }
  ::close(ends[1]);
  const auto limit = std::chrono::steady_clock::now() + 20s;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > limit) ::kill(child, SIGKILL);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << "status " << status;
}
