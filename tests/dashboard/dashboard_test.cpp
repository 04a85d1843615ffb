// The dashboard of this process itself.

#include <asyncio/dashboard.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>

#include "support/events.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::dashboard::Dashboard;
using asyncio::dashboard::Options;
using support::EventReader;
using support::HttpClient;
using support::Json;

namespace {

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

Coro<EventReader> viewer_of(std::string url) {
  EventReader viewer(co_await HttpClient::to(asyncio::Address("127.0.0.1", port_of(url))));
  const std::string bearer = "Authorization: Bearer " + url.substr(url.find('=') + 1) + "\r\n";
  co_await viewer.ask(port_of(url), bearer, "/events");
  co_return viewer;
}

const Json* row_of(const Json& look, const std::string& name) {
  for (const Json& row : look["rows"]) {
    if (row["name"] == name) return &row;
  }
  return nullptr;
}

// On a real clock, since the process is looked at on another one's thread.
template <class F>
void run(F main) {
  asyncio::run(main(), {.backend = "epoll"});
}

Coro<> take_steps() {
  for (;;) co_await asyncio::sleep(1ms);
}

}  // namespace

TEST(Dashboard, ShowsTheTasksOfItsProcessWithTheirStepsButNotItself) {
  run([]() -> Coro<> {
    const Dashboard dashboard(Options{.every = 50ms});
    const auto steps = asyncio::create_task(take_steps(), {.name = "steps"});
    EventReader viewer = co_await viewer_of(dashboard.url());
    bool counted = false;
    while (!counted) {
      const Json look = co_await viewer.next("look");
      EXPECT_EQ(look["loops"].size(), 1U) << look["loops"];
      EXPECT_EQ(look["loops"][0]["name"], "main");
      const Json* row = row_of(look, "steps");
      counted = row != nullptr && row->contains("steps") && (*row)["steps"] >= 3;
      if (counted) {
        EXPECT_EQ((*row)["what"], "sleep()");
        EXPECT_GE((*row)["cpu"].get<double>(), 0);
        EXPECT_EQ((*row)["state"], "waiting");
      }
    }
    co_await viewer.close();
  });
}

// failure 108: the loop is blocked, and its dashboard goes on
TEST(Dashboard, ShowsALoopThatIsBlockedAndWhere) {
  std::promise<void> blocking;
  std::promise<void> seen;
  std::optional<Dashboard> dashboard;
  std::thread blocked([&] {
    run([&]() -> Coro<> {
      co_await asyncio::sleep(1ms);
      blocking.set_value();
      seen.get_future().wait();
    });
  });
  blocking.get_future().wait();
  dashboard.emplace(Options{.every = 50ms});
  run([&]() -> Coro<> {
    EventReader viewer = co_await viewer_of(dashboard->url());
    bool shown = false;
    while (!shown) {
      const Json look = co_await viewer.next("look");
      for (const Json& loop : look["loops"]) {
        shown = shown || (loop["state"] == "busy" && loop["busy"] > 0 && loop.contains("runs"));
      }
    }
    co_await viewer.close();
  });
  seen.set_value();
  blocked.join();
}

TEST(Dashboard, ShowsLoopsThatComeAndGo) {
  Dashboard dashboard(Options{.every = 50ms});
  run([&]() -> Coro<> {
    EventReader viewer = co_await viewer_of(dashboard.url());
    for (int i = 0; i < 20; ++i) {
      co_await asyncio::to_thread([] { asyncio::run(asyncio::sleep(5ms), {.backend = "epoll"}); });
      (void)co_await viewer.next("look");
    }
    co_await viewer.close();
  });
  run([&]() -> Coro<> {  // the loop before has been closed while it was watched
    EventReader viewer = co_await viewer_of(dashboard.url());
    (void)co_await viewer.next("look");
    dashboard.close();
    while (co_await viewer.has_next()) continue;
    co_await viewer.close();
  });
}

TEST(Dashboard, IsClosedOnceAndKeepsItsUrl) {
  Dashboard dashboard;
  const std::string url = dashboard.url();
  EXPECT_TRUE(url.starts_with("http://127.0.0.1:")) << url;
  EXPECT_EQ(url.substr(url.find("/?")).size(), std::string("/?token=").size() + 32);
  Dashboard moved(std::move(dashboard));
  EXPECT_EQ(moved.url(), url);
  moved.close();
  moved.close();
  EXPECT_EQ(moved.url(), url);
  run([&]() -> Coro<> {
    auto refused =
        co_await asyncio::as_result(HttpClient::to(asyncio::Address("127.0.0.1", port_of(url))));
    EXPECT_FALSE(refused);
  });
}

TEST(Dashboard, RefusesWhatCannotBe) {
  EXPECT_THROW(Dashboard(Options{.every = 1ms}), std::invalid_argument);
  EXPECT_THROW(Dashboard(Options{.every = 61s}), std::invalid_argument);
  const Dashboard first;
  EXPECT_THROW(Dashboard(Options{.port = port_of(first.url())}), std::system_error);
  EXPECT_THROW(Dashboard(Options{.host = "192.0.2.1"}), std::system_error);
}

TEST(Dashboard, IsTheParentsInAForkedChild) {
  if (support::under_tsan) GTEST_SKIP() << "it knows no threads of its parent in a forked child";
  auto* dashboard = new Dashboard;
  const pid_t child = ::fork();
  if (child == 0) {
    delete dashboard;
    ::_exit(7);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  delete dashboard;
}

TEST(Dashboard, ServePrintsTheUrlAndEndsWhenItIsCancelled) {
  testing::internal::CaptureStderr();
  run([]() -> Coro<> {
    auto served = asyncio::create_task(asyncio::dashboard::serve());
    co_await asyncio::sleep(0s);
    served.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(served)).cancelled());
  });
  EXPECT_TRUE(testing::internal::GetCapturedStderr().starts_with("dashboard: http://127.0.0.1:"));
}

// failure 107: counted while tasks come and go
TEST(Dashboard, CountsStepsWhileTasksAreMadeAndEnd) {
  run([]() -> Coro<> {
    const Dashboard dashboard(Options{.every = 50ms});
    EventReader viewer = co_await viewer_of(dashboard.url());
    auto churn = asyncio::create_task([]() -> Coro<> {
      for (;;) {
        auto one = asyncio::create_task(asyncio::sleep(0s));
        auto two = asyncio::create_task(asyncio::sleep(1ms));
        co_await one;
        co_await two;
      }
    });
    for (int i = 0; i < 20; ++i) {
      const Json look = co_await viewer.next("look");
      for (const Json& row : look["rows"])
        EXPECT_TRUE(row["name"].get<std::string>().starts_with("Task-"));
    }
    churn.cancel();
    (void)co_await asyncio::as_result(churn);
    co_await viewer.close();
  });
}
