// What a recording has of a program: read back as JSON.

#include <asyncio/trace.hpp>

#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/children.hpp"
#include "support/log_capture.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A path that is free, and removed at the end.
class TemporaryFile {
 public:
  TemporaryFile() {
    const int fd = ::mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string text() const {
    std::stringstream all;
    all << std::ifstream(path_).rdbuf();
    return all.str();
  }

 private:
  std::string path_ = "/tmp/asyncio-trace-XXXXXX";
};

using Track = std::pair<std::uint64_t, std::uint64_t>;
Track track_of(const json& event) {
  return {event.at("pid").get<std::uint64_t>(), event.at("tid").get<std::uint64_t>()};
}

/// Checks what every recording keeps to: the parts that each event has, slices of a track that are
/// apart or inside each other, and arrows that have both ends, the later one later, in slices.
class Recorded {
 public:
  explicit Recorded(const std::string& text) : events_(json::parse(text)) {
    for (const json& event : events_) check_parts(event);
    check_nesting();
    check_arrows();
  }
  [[nodiscard]] const json& events() const { return events_; }

  [[nodiscard]] std::vector<json> all(const std::string& ph, const std::string& name = "") const {
    std::vector<json> found;
    for (const json& event : events_) {
      if (event["ph"] == ph && (name.empty() || event.value("name", "") == name)) {
        found.push_back(event);
      }
    }
    return found;
  }
  /// The track whose name begins so; fails if there is none.
  [[nodiscard]] Track track(const std::string& name) const {
    for (const json& event : all("M", "thread_name")) {
      if (event["args"]["name"].get<std::string>().starts_with(name)) return track_of(event);
    }
    ADD_FAILURE() << "no track " << name << " in " << events_.dump();
    return {};
  }
  /// The names of its slices, in order.
  [[nodiscard]] std::vector<std::string> slices(Track track) const {
    std::multimap<std::int64_t, std::string> found;
    for (const json& event : events_) {
      if ((event["ph"] == "X" || event["ph"] == "B") && track_of(event) == track) {
        found.emplace(nanoseconds(event["ts"]), event["name"]);
      }
    }
    std::vector<std::string> names;
    for (const auto& [at, name] : found) names.push_back(name);
    return names;
  }
  /// From which tracks an arrow comes to this one.
  [[nodiscard]] std::vector<Track> wakers(Track track) const {
    std::map<std::uint64_t, Track> from;
    for (const json& event : all("s")) from[event["id"].get<std::uint64_t>()] = track_of(event);
    std::vector<Track> found;
    for (const json& event : all("f")) {
      if (track_of(event) == track) found.push_back(from[event["id"].get<std::uint64_t>()]);
    }
    return found;
  }

 private:
  static void check_parts(const json& event) {
    for (const char* part : {"ph", "ts", "pid", "tid"}) {
      EXPECT_TRUE(event.contains(part)) << part << " in " << event.dump();
    }
    EXPECT_GE(event.value("dur", 0.0), 0.0);
  }

  // In nanoseconds, since numbers with three places are not exact.
  static std::int64_t nanoseconds(const json& microseconds) {
    return std::llround(microseconds.get<double>() * 1000);
  }

  struct Slice {
    std::int64_t begin;
    std::int64_t end;
  };
  void check_nesting() {
    std::map<Track, std::vector<Slice>> open;
    for (const json& event : events_) {
      const std::int64_t at = nanoseconds(event["ts"]);
      if (event["ph"] == "X") {
        slices_[track_of(event)].push_back({at, at + nanoseconds(event["dur"])});
      } else if (event["ph"] == "B") {
        open[track_of(event)].push_back({at, 0});
      } else if (event["ph"] == "E") {
        auto& begun = open[track_of(event)];
        ASSERT_FALSE(begun.empty()) << "an end without a beginning: " << event.dump();
        EXPECT_GE(at, begun.back().begin);
        slices_[track_of(event)].push_back({begun.back().begin, at});
        begun.pop_back();
      }
    }
    for (auto& [track, slices] : slices_) {
      std::sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
      });
      std::vector<std::int64_t> ends;
      for (const Slice& slice : slices) {
        while (!ends.empty() && ends.back() <= slice.begin) ends.pop_back();
        if (!ends.empty()) {
          EXPECT_LE(slice.end, ends.back()) << "track " << track.second;
        }
        ends.push_back(slice.end);
      }
    }
  }

  void check_arrows() const {
    std::map<std::uint64_t, const json*> sent;
    std::set<std::uint64_t> came;
    for (const json& event : events_) {
      if (event["ph"] != "s" && event["ph"] != "f") continue;
      const std::int64_t at = nanoseconds(event["ts"]);
      EXPECT_TRUE(is_in_a_slice(track_of(event), at)) << event.dump();
      if (event["ph"] == "s") {
        EXPECT_TRUE(sent.emplace(event["id"].get<std::uint64_t>(), &event).second) << event.dump();
        continue;
      }
      ASSERT_TRUE(sent.contains(event["id"].get<std::uint64_t>())) << event.dump();
      EXPECT_LE(nanoseconds(sent[event["id"].get<std::uint64_t>()]->at("ts")), at);
      EXPECT_TRUE(came.insert(event["id"].get<std::uint64_t>()).second) << event.dump();
    }
    EXPECT_EQ(sent.size(), came.size());
  }
  [[nodiscard]] bool is_in_a_slice(Track track, std::int64_t at) const {
    const auto found = slices_.find(track);
    return found != slices_.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [=](const Slice& s) { return s.begin <= at && at <= s.end; });
  }

  json events_;
  std::map<Track, std::vector<Slice>> slices_;
};

/// A file that is not ended yet, as a reader takes it: without the last comma.
std::string ended(std::string text) {
  const auto comma = text.rfind(',');
  return text.substr(0, comma) + "]";
}

std::string await_in(const std::string& function, const std::string& what, unsigned line) {
  return what + " at trace_test.cpp:" + std::to_string(line) + ", in " + function + "()";
}

constexpr unsigned waits_for_line = __LINE__ + 1;
asyncio::Coro<> wait_for_event(asyncio::Event& event) { co_await event.wait(); }

constexpr unsigned inner_line = __LINE__ + 1;
asyncio::Coro<> inner() { co_await asyncio::sleep(1ms); }
asyncio::Coro<> outer() { co_await inner(); }

asyncio::Coro<> yield_often(int times) {
  for (int i = 0; i < times; ++i) co_await asyncio::sleep(0s);
}

}  // namespace

TEST(Trace, ShowsATasksStepsAndAwaitsWithTheirLines) {
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path()});
  asyncio::run(outer());
  const auto summary = asyncio::trace::stop();
  EXPECT_GE(summary.steps, 2U);
  EXPECT_EQ(summary.lost, 0U);
  EXPECT_EQ(summary.bytes, file.text().size());

  const Recorded recorded(file.text());
  EXPECT_EQ(recorded.all("M", "process_name").at(0)["args"]["name"], "main");
  const std::vector<json> names = recorded.all("M", "thread_name");
  const auto is_it = [](const json& event) {
    return event["args"]["name"].get<std::string>().ends_with(" outer");
  };
  const json name = *std::find_if(names.begin(), names.end(), is_it);
  EXPECT_EQ(recorded.slices(track_of(name)),
            (std::vector<std::string>{"outer", await_in("inner", "sleep()", inner_line), "inner"}));
}

TEST(Trace, DrawsArrowsFromTheStepThatWokeToTheOneThatWasWoken) {
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path()});
  asyncio::run([]() -> asyncio::Coro<> {
    asyncio::Event event;
    auto waiter = asyncio::create_task(wait_for_event(event), {.name = "waiter"});
    co_await asyncio::sleep(0s);
    auto setter = asyncio::create_task(
        [](asyncio::Event& e) -> asyncio::Coro<> {
          e.set();
          co_return;
        }(event),
        {.name = "setter"});
    co_await waiter;
    co_await setter;
  }());
  asyncio::trace::stop();

  const Recorded recorded(file.text());
  const Track waiter = recorded.track("waiter wait_for_event");
  const auto wakers = recorded.wakers(waiter);
  ASSERT_EQ(wakers.size(), 2U);  // who made it, and who set the event
  EXPECT_EQ(wakers[1], recorded.track("setter "));
  EXPECT_EQ(recorded.slices(waiter),
            (std::vector<std::string>{"wait_for_event",
                                      await_in("wait_for_event", "Event.wait()", waits_for_line),
                                      "wait_for_event"}));
}

TEST(Trace, MarksCancellationsAndFailures) {
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path()});
  asyncio::run([]() -> asyncio::Coro<> {
    auto doomed = asyncio::create_task(yield_often(1000), {.name = "doomed"});
    auto failing = asyncio::create_task(
        []() -> asyncio::Coro<> {
          throw std::runtime_error("no");
          co_return;
        }(),
        {.name = "failing"});
    co_await asyncio::sleep(0s);
    doomed.cancel();
    co_await asyncio::sleep(0s);
    co_await asyncio::sleep(0s);
    EXPECT_TRUE(doomed.cancelled());
    EXPECT_NE(failing.exception(), nullptr);
  }());
  asyncio::trace::stop();

  const Recorded recorded(file.text());
  const Track doomed = recorded.track("doomed yield_often");
  ASSERT_EQ(recorded.all("i", "cancel()").size(), 1U);
  EXPECT_EQ(track_of(recorded.all("i", "cancel()")[0]), doomed);
  ASSERT_EQ(recorded.all("i", "cancelled").size(), 1U);
  EXPECT_EQ(track_of(recorded.all("i", "cancelled")[0]), doomed);
  EXPECT_EQ(recorded.all("i", "failed").size(), 1U);
}

TEST(Trace, ShowsTasksThatWereThereBeforeItBeganAndAreStillWaitingAtItsEnd) {
  const TemporaryFile file;
  asyncio::run([](const TemporaryFile& out) -> asyncio::Coro<> {
    asyncio::Event event;
    auto waiter = asyncio::create_task(wait_for_event(event), {.name = "early"});
    co_await asyncio::sleep(0s);
    asyncio::trace::start({.path = out.path()});
    EXPECT_TRUE(asyncio::trace::is_recording());
    co_await yield_often(3);
    asyncio::trace::stop();
    EXPECT_FALSE(asyncio::trace::is_recording());
    event.set();
    co_await waiter;
  }(file));

  const Recorded recorded(file.text());
  EXPECT_EQ(recorded.slices(recorded.track("early wait_for_event")),
            (std::vector<std::string>{await_in("wait_for_event", "Event.wait()", waits_for_line)}));
}

TEST(Trace, ShowsEagerTasksInsideTheStepThatMadeThem) {
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path()});
  asyncio::run([]() -> asyncio::Coro<> {
    auto eager = asyncio::create_task(yield_often(1), {.name = "eager", .eager_start = true});
    auto at_once = asyncio::create_task(yield_often(0), {.name = "at once", .eager_start = true});
    EXPECT_TRUE(at_once.done());
    co_await eager;
  }());
  asyncio::trace::stop();
  const Recorded recorded(file.text());
  EXPECT_EQ(recorded.slices(recorded.track("eager yield_often")).size(), 3U);
  EXPECT_EQ(recorded.slices(recorded.track("at once yield_often")).size(), 1U);
}

TEST(Trace, StaysJsonWhateverATasksNameIs) {
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path()});
  asyncio::run([]() -> asyncio::Coro<> {
    auto first = asyncio::create_task(
        yield_often(1), {.name = "a \"quote\" \\ \x1b[31m \xff\xc3 \xed\xa0\x80 \xe2\x82\xac"});
    const std::string text(1'000'000, 'x');
    auto second = asyncio::create_task(yield_often(1), {.name = text});
    co_await first;
    co_await second;
  }());
  asyncio::trace::stop();

  const Recorded recorded(file.text());
  (void)recorded.track(
      "a \"quote\" \\ \x1b[31m \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
      "\xe2\x82\xac yield_often");
  EXPECT_EQ(file.text().find('\x1b'), std::string::npos);
  EXPECT_LT(file.text().size(), 20'000U);
}

TEST(Trace, HasARowForEachLoopOfTwoThreads) {
  const TemporaryFile file;
  std::thread other([] { asyncio::run(yield_often(200)); });
  asyncio::trace::start({.path = file.path()});
  std::thread later([] { asyncio::run(yield_often(100)); });
  asyncio::run(yield_often(100));
  later.join();
  asyncio::trace::stop();
  other.join();

  const Recorded recorded(file.text());
  EXPECT_GE(recorded.all("M", "process_name").size(), 2U);
  std::map<std::uint64_t, int> steps;
  for (const json& step : recorded.all("X", "yield_often"))
    ++steps[step["pid"].get<std::uint64_t>()];
  EXPECT_GE(std::count_if(steps.begin(), steps.end(),
                          [](const auto& loop) { return loop.second == 101; }),
            2);
}

TEST(Trace, StartedAndStoppedByAnotherThreadRecordsALoopThatRuns) {
  const TemporaryFile file;
  asyncio::run([](const TemporaryFile& out) -> asyncio::Coro<> {
    bool stopped = false;
    std::thread other([&] {
      asyncio::trace::start({.path = out.path()});
      std::this_thread::sleep_for(20ms);
      asyncio::trace::stop();
      __atomic_store_n(&stopped, true, __ATOMIC_RELEASE);
    });
    while (!__atomic_load_n(&stopped, __ATOMIC_ACQUIRE)) co_await asyncio::sleep(100us);
    co_await yield_often(10);
    other.join();
  }(file));
  EXPECT_FALSE(Recorded(file.text()).all("X").empty());
}

TEST(Trace, CountsAndMarksWhatFoundNoRoom) {
  const support::LogCapture logged;
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path(), .buffer = 16});
  asyncio::run(yield_often(20'000));
  const auto summary = asyncio::trace::stop();
  EXPECT_GT(summary.lost, 0U);
  EXPECT_EQ(logged.count("records were lost"), 1);

  const Recorded recorded(file.text());
  std::uint64_t lost = 0;
  for (const json& event : recorded.all("X")) {
    const std::string name = event["name"];
    if (name.ends_with(" records were lost")) lost += std::stoull(name);
  }
  EXPECT_EQ(lost, summary.lost);
}

TEST(Trace, EndsAtItsLimitAndSaysSo) {
  const support::LogCapture logged;
  const TemporaryFile file;
  asyncio::trace::start({.path = file.path(), .limit = 8192});
  asyncio::run([]() -> asyncio::Coro<> {
    for (int i = 0; i < 10'000 && asyncio::trace::is_recording(); ++i) {
      co_await yield_often(100);
      co_await asyncio::sleep(1ms);
    }
    EXPECT_FALSE(asyncio::trace::is_recording());
  }());
  EXPECT_EQ(logged.count("the limit of 8192 bytes has come"), 1);
  asyncio::trace::stop();
  EXPECT_LE(file.text().size(), 8192U);
  EXPECT_EQ(json::parse(file.text()).back()["name"], "the limit of 8192 bytes has come");
}

TEST(Trace, LogsOnceThatADiskIsFull) {
  const support::LogCapture logged;
  asyncio::trace::start({.path = "/dev/full"});
  asyncio::run(yield_often(10'000));
  asyncio::trace::stop();
  EXPECT_EQ(logged.lines().size(), 1U);
  EXPECT_EQ(logged.count("/dev/full cannot be written: No space left on device"), 1);
}

TEST(Trace, CanBeReadWhenItWasNotEnded) {
  const TemporaryFile file;
  const pid_t child = support::start_child([&] {
    asyncio::trace::start({.path = file.path()});
    asyncio::run([]() -> asyncio::Coro<> {
      asyncio::Event never;
      auto hung = asyncio::create_task(wait_for_event(never), {.name = "hung"});
      co_await asyncio::sleep(2500ms);
      ::kill(::getpid(), SIGKILL);
    }());
    return 0;
  });
  EXPECT_EQ(support::end_of(child), "signal 9");
  const json events = json::parse(ended(file.text()));
  const bool shown = std::any_of(events.begin(), events.end(), [](const json& event) {
    return event["ph"] == "B" &&
           event["name"] == await_in("wait_for_event", "Event.wait()", waits_for_line);
  });
  EXPECT_TRUE(shown) << file.text();
}

TEST(Trace, IsLeftAloneByAForkedChildWhichMayRecordItself) {
  if (support::under_tsan) GTEST_SKIP() << "it wants no threads in a forked child";
  const TemporaryFile file;
  const TemporaryFile of_child;
  asyncio::trace::start({.path = file.path()});
  asyncio::run([](const std::string& path) -> asyncio::Coro<> {
    co_await yield_often(5);
    EXPECT_EQ(support::end_of_child([&] {
                if (asyncio::trace::is_recording()) return 1;
                std::thread([&] {
                  asyncio::trace::start({.path = path});
                  asyncio::run(yield_often(7));
                  asyncio::trace::stop();
                }).join();
                return 0;
              }),
              "exit 0");
    co_await yield_often(5);
  }(of_child.path()));
  EXPECT_TRUE(asyncio::trace::is_recording());
  asyncio::trace::stop();
  EXPECT_EQ(Recorded(file.text()).all("X", "yield_often").size(), 10U);
  EXPECT_EQ(Recorded(of_child.text()).all("X", "yield_often").size(), 8U);
}

TEST(Trace, IsWrittenWholeWhenTheEnvironmentAsksForItAndASignalEndsTheProgram) {
  const TemporaryFile file;
  const pid_t child = support::start_child([&] {
    ::setenv("ASYNCIO_TRACE", file.path().c_str(), 1);
    return ::execl("/proc/self/exe", "io_tests", "--gtest_also_run_disabled_tests",
                   "--gtest_filter=TraceProgram.*", nullptr);
  });
  EXPECT_EQ(support::end_of(child), "exit 130");
  const Recorded recorded(file.text());
  EXPECT_EQ(recorded.events().back()["name"], "recording ends");
  EXPECT_FALSE(recorded.all("i", "cancelled").empty());
}

// Run by the test above.
TEST(TraceProgram, DISABLED_IsInterrupted) {
  try {
    asyncio::run([]() -> asyncio::Coro<> {
      ::raise(SIGINT);
      co_await asyncio::sleep(10s);
    }());
  } catch (const asyncio::KeyboardInterrupt&) {
    std::exit(130);
  }
}

TEST(Trace, RefusesWhatItCannotRecord) {
  const TemporaryFile file;
  EXPECT_THROW(asyncio::trace::start({.path = ""}), std::invalid_argument);
  EXPECT_THROW(asyncio::trace::start({.path = file.path(), .limit = 100}), std::invalid_argument);
  try {
    asyncio::trace::start({.path = "/no/such/file"});
    ADD_FAILURE() << "not refused";
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "trace: open /no/such/file: No such file or directory");
  }
  asyncio::trace::start({.path = file.path()});
  EXPECT_THROW(asyncio::trace::start({.path = file.path()}), asyncio::RuntimeError);
  EXPECT_TRUE(asyncio::trace::is_recording());
  // Another process must not write over it.
  EXPECT_EQ(support::end_of_child([&] {
              try {
                asyncio::trace::start({.path = file.path()});
              } catch (const asyncio::RuntimeError& error) {
                return std::string_view(error.what()).find("another process") !=
                               std::string_view::npos
                           ? 0
                           : 1;
              }
              return 2;
            }),
            "exit 0");
  asyncio::trace::stop();
  EXPECT_EQ(asyncio::trace::stop().bytes, 0U);
}

#if __has_include(<sys/sdt.h>)
// What bpftrace looks for: the notes of this very program, into which the library is linked.
TEST(Probes, AreInTheNotesOfTheBuiltProgram) {
  std::FILE* notes = ::popen("readelf -n /proc/$PPID/exe 2>/dev/null", "r");
  ASSERT_NE(notes, nullptr);
  std::string text;
  char line[512];
  while (std::fgets(line, sizeof line, notes) != nullptr) text += line;
  ::pclose(notes);
  if (text.empty()) GTEST_SKIP() << "no readelf";
  EXPECT_NE(text.find("Provider: asyncio"), std::string::npos);
  for (const char* name : {"task__create", "task__step", "task__suspend", "task__wake",
                           "task__cancel", "task__done"}) {
    EXPECT_NE(text.find("Name: " + std::string(name) + "\n"), std::string::npos) << name;
  }
}
#endif
