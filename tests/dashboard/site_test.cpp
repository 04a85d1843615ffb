// What the server of the dashboard sends: files, and events for each viewer.

#include "dashboard/site.hpp"

#include "dashboard/page.hpp"
#include "support/dashboard.hpp"
#include "support/events.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::dashboard::PageFile;
using made_up::frame;
using made_up::ms;
using made_up::task;
using support::Answer;
using support::DashboardSite;
using support::EventReader;
using support::HttpClient;
using support::Json;

namespace {

asyncio::snapshot::ProcessView two_tasks() {
  return made_up::process({task(0x10, "first", {frame("wait_for_it", 7), frame("main", 3)}),
                           task(0x20, "second", {frame("other", 9)}, "Lock.acquire()")});
}

}  // namespace

// --- files
// ----------------------------------------------------------------------------------------

// failure 105: nothing from elsewhere, in no frame, never kept
ASYNC_TEST(DashboardSite, GuardsEveryAnswerByItsHeaders) {
  DashboardSite site;
  co_await site.start();
  std::vector<std::string> targets = {"/nothing", "/?token=" + site.token()};
  for (const PageFile& file : asyncio::dashboard::page_files()) targets.emplace_back(file.path);
  EXPECT_GE(targets.size(), 12U);
  for (const std::string& target : targets) {
    const Answer answer = co_await site.get(target);
    EXPECT_EQ(answer.status, target == "/nothing" ? 404 : 200) << target;
    const std::string policy = answer.header("Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self';")) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << policy;
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  }
  const Answer refused = co_await site.ask("GET", "/", "");
  EXPECT_EQ(refused.header("Cache-Control"), "no-store");
  co_await site.stop();
}

ASYNC_TEST(DashboardSite, ServesItsFilesAsWhatTheyAre) {
  DashboardSite site;
  co_await site.start();
  EXPECT_EQ((co_await site.get("/")).header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ((co_await site.get("/app.js")).header("Content-Type"),
            "text/javascript; charset=utf-8");
  EXPECT_EQ((co_await site.get("/style.css")).header("Content-Type"), "text/css; charset=utf-8");
  const Answer head = co_await site.ask("HEAD", "/", site.bearer());
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content, "");
  co_await site.stop();
}

// failure 105: the policy would refuse them, and a page would be half there
TEST(DashboardPage, RefersToNothingElsewhereAndHasNoScriptsOrStylesInItsText) {
  for (const PageFile& file : asyncio::dashboard::page_files()) {
    const std::string text(file.content);
    EXPECT_EQ(text.find("https://"), std::string::npos) << file.path;
    EXPECT_EQ(text.find("innerHTML"), std::string::npos) << file.path;
    EXPECT_EQ(text.find("insertAdjacentHTML"), std::string::npos) << file.path;
    if (file.path != "/") continue;
    EXPECT_EQ(text.find(" style="), std::string::npos);
    EXPECT_EQ(text.find(" onclick="), std::string::npos);
    EXPECT_EQ(text.find("<script>"), std::string::npos);
  }
}

// --- viewers
// --------------------------------------------------------------------------------------

ASYNC_TEST(DashboardSite, TellsAViewerWhatIsThereAndThenOnlyWhatHasChanged) {
  DashboardSite site([](int look) {
    auto view = two_tasks();
    view.at += look * 100 * ms;
    if (look >= 2) view.loops[0].tasks[1].frames[0].line = 10;
    return view;
  });
  co_await site.start();
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, "/events");
  const Json hello = co_await viewer.next("hello");
  EXPECT_EQ(hello["title"], "made-up --program");
  EXPECT_EQ(hello["every"], 1);

  const Json first = co_await viewer.next("look");
  EXPECT_EQ(first["order"], Json({"0x10", "0x20"}));
  EXPECT_EQ(first["rows"].size(), 2U);
  EXPECT_EQ(first["rows"][0]["name"], "first");
  EXPECT_EQ(first["rows"][0]["what"], "sleep()");
  EXPECT_EQ(first["places"].size(), 3U);
  EXPECT_EQ(first["places"][0], Json({0, "wait_for_it", "/src/app.cpp", 7}));
  EXPECT_EQ(first["rows"][0]["frames"], Json({0, 1}));
  EXPECT_EQ(first["loops"][0]["tasks"]["waiting"], 2);

  const Json second = co_await viewer.next("look");
  EXPECT_EQ(second["rows"], Json::array());
  EXPECT_EQ(second["places"], Json::array());
  EXPECT_FALSE(second.contains("order"));

  const Json third = co_await viewer.next("look");
  EXPECT_EQ(third["rows"].size(), 1U) << third;
  EXPECT_EQ(third["rows"][0]["name"], "second");
  EXPECT_EQ(third["places"].size(), 1U);
  co_await viewer.close();
  co_await site.stop();
}

ASYNC_TEST(DashboardSite, ShowsEachViewerWhatItAskedFor) {
  DashboardSite site("127.0.0.1", two_tasks());
  co_await site.start();
  EventReader one(co_await site.connect());
  EventReader other(co_await site.connect());
  co_await one.ask(site, "/events?text=WAIT_FOR");
  co_await other.ask(site, "/events?sort=name&order=down");
  const Json found = co_await one.next("look");
  EXPECT_EQ(found["order"], Json({"0x10"}));
  const Json sorted = co_await other.next("look");
  EXPECT_EQ(sorted["order"], Json({"0x20", "0x10"}));
  co_await one.close();
  EXPECT_TRUE((co_await other.next("look")).contains("loops"));
  co_await other.close();
  co_await site.stop();
}

// failure 108: the application is not even looked at for a viewer who has gone
ASYNC_TEST(DashboardSite, LooksOnlyWhileThereAreViewers) {
  DashboardSite site("127.0.0.1", two_tasks());
  co_await site.start();
  (void)co_await site.get("/");
  EXPECT_EQ(site.process().looks(), 0);
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, "/events");
  (void)co_await viewer.next("look");
  EXPECT_TRUE(site.process().watched());
  viewer.abort();
  while (site.process().watched()) co_await asyncio::sleep(1ms);
  const int looks = site.process().looks();
  co_await asyncio::sleep(20ms);
  EXPECT_EQ(site.process().looks(), looks);

  EventReader again(co_await site.connect());  // and it begins anew
  co_await again.ask(site, "/events");
  EXPECT_EQ((co_await again.next("look"))["rows"].size(), 2U);
  co_await again.close();
  co_await site.stop();
}

// failure 108: memory is bounded, others are not held up, and it is cut off in the end
ASYNC_TEST(DashboardSite, DoesNotWaitForAViewerWhoReadsNothing) {
  DashboardSite site([](int look) {
    auto view = made_up::process({});
    view.at += look * 100 * ms;
    for (std::uint64_t i = 0; i < 400; ++i) {
      const auto line = static_cast<std::uint32_t>(look + 1);
      view.loops[0].tasks.push_back(task(0x10 + i * 0x10, "changes", {frame("f", line)}));
    }
    return view;
  });
  co_await site.start();
  EventReader stalled(co_await site.connect());
  co_await stalled.ask(site, "/events");
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, "/events");
  double last = 0;
  for (int i = 0; i < 600; ++i) {
    const Json look = co_await viewer.next("look");
    EXPECT_GT(look["at"].get<double>(), last);
    last = look["at"].get<double>();
  }
  // What was sent before it stalled, and then the end: no queue of 600 looks.
  std::size_t received = 0;
  while (co_await stalled.has_next()) ++received;
  EXPECT_LT(received, 300U);
  co_await viewer.close();
  co_await stalled.close();
  co_await site.stop();
}

ASYNC_TEST(DashboardSite, RefusesMoreViewersThanItHasPlacesFor) {
  DashboardSite site("127.0.0.1", two_tasks());
  co_await site.start();
  std::vector<EventReader> viewers;
  for (int i = 0; i < 8; ++i) {
    viewers.emplace_back(co_await site.connect());
    co_await viewers.back().ask(site, "/events");
    (void)co_await viewers.back().next("look");
  }
  const Answer refused = co_await site.get("/events");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.content.find("8 viewers already"), std::string::npos) << refused.content;
  for (const EventReader& viewer : viewers) co_await viewer.close();
  co_await site.stop();
}

ASYNC_TEST(DashboardSite, EndsItsViewersConnectionsWhenItIsClosed) {
  DashboardSite site("127.0.0.1", two_tasks());
  co_await site.start();
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, "/events");
  (void)co_await viewer.next("look");
  co_await site.stop();
  while (co_await viewer.has_next()) continue;
  co_await viewer.close();
}

ASYNC_TEST(DashboardSite, SaysWhyAProcessCannotBeRead) {
  DashboardSite site([](int) -> asyncio::snapshot::ProcessView {
    throw std::runtime_error("process 7 is another user's\x1b[2J");
  });
  co_await site.start();
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, "/events");
  EXPECT_EQ((co_await viewer.next("look"))["error"], "process 7 is another user's\\x1b[2J");
  EXPECT_EQ((co_await viewer.next("look"))["loops"], Json::array());
  co_await viewer.close();
  co_await site.stop();
}

// failure 106: names with ESC sequences, HTML, 1 MiB
ASYNC_TEST(DashboardSite, SendsHostileNamesEscapedAndCut) {
  const std::string broken = "\xff\xfe{\"a\":1}\r\n\r\nevent: look\ndata: {}\n\n";
  DashboardSite site("127.0.0.1",
                     made_up::process({task(0x10, "\x1b[31mred\u202e", {frame("f", 1)}),
                                       task(0x20, std::string(1 << 20, 'M'), {frame("f", 1)}),
                                       task(0x30, broken, {frame(broken, 1, broken)}, broken),
                                       task(0x40, "<script>alert(1)</script>", {frame("f", 1)})}));
  co_await site.start();
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, "/events");
  const Json look = co_await viewer.next("look");
  EXPECT_EQ(look["rows"][0]["name"], "\\x1b[31mred\\u202e");
  const std::string mega = look["rows"][1]["name"];
  EXPECT_LT(mega.size(), 200U);
  EXPECT_TRUE(mega.starts_with("MMM")) << mega;
  const std::string name = look["rows"][2]["name"];
  EXPECT_EQ(name.find('\n'), std::string::npos);
  EXPECT_TRUE(name.starts_with("\\xff\\xfe{")) << name;
  EXPECT_EQ(look["rows"][3]["name"], "<script>alert(1)</script>");  // textContent's to care for
  EXPECT_TRUE((co_await viewer.next("look"))["rows"].empty());      // and the stream is whole
  co_await viewer.close();
  co_await site.stop();
}

ASYNC_TEST(DashboardSite, TakesAnyQuery) {
  DashboardSite site("127.0.0.1", two_tasks());
  co_await site.start();
  const std::string nonsense = "/events?view=%00&sort=%ff&order=x&state=y&text=%22%3C" +
                               std::string(2000, 'a') + "&&&=&view";
  EventReader viewer(co_await site.connect());
  co_await viewer.ask(site, nonsense);
  EXPECT_EQ((co_await viewer.next("look"))["matched"], 0);
  co_await viewer.close();
  co_await site.stop();
}
