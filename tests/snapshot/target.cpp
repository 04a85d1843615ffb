// A program to be looked into. Its argument says what it does; it prints "ready" when it stands
// there, and ends when its standard input does.
#include <asyncio/asyncio.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

// A thread that ends the program; the loops need not take part.
void end_with_standard_input() {
  std::thread([] {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    std::_Exit(0);
  }).detach();
}

asyncio::Coro<> say_ready_soon() {
  co_await asyncio::sleep(50ms);
  say_ready();
}

asyncio::Coro<> sleeps() { co_await asyncio::sleep(1h); }
asyncio::Coro<> inner() { co_await sleeps(); }
asyncio::Coro<> outer() { co_await inner(); }

asyncio::Coro<> sleeping() {
  auto one = asyncio::create_task(outer(), {.name = "one"});
  auto two = asyncio::create_task(sleeps());
  co_await say_ready_soon();
  co_await asyncio::sleep(1h);
}

asyncio::Coro<> combined() {
  auto a = asyncio::create_task(sleeps(), {.name = "a"});
  auto b = asyncio::create_task(sleeps(), {.name = "b"});
  auto c = asyncio::create_task(sleeps(), {.name = "c"});
  auto d = asyncio::create_task(sleeps(), {.name = "d"});
  const auto gathers = [&]() -> asyncio::Coro<> { co_await asyncio::gather(a, b); };
  const auto shields = [&]() -> asyncio::Coro<> { co_await asyncio::shield(c); };
  const auto awaits = [&]() -> asyncio::Coro<> { co_await d; };
  const auto waits = [&]() -> asyncio::Coro<> {
    std::vector<asyncio::Task<>> both{a, d};
    co_await asyncio::wait(both);
  };
  const auto groups = [&]() -> asyncio::Coro<> {
    const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      group.create_task(sleeps(), {.name = "child-1"});
      group.create_task(sleeps(), {.name = "child-2"});
      co_await asyncio::sleep(0s);
    };
    co_await asyncio::with(asyncio::TaskGroup(), body);
  };
  const auto in_body = [&]() -> asyncio::Coro<> {
    const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      group.create_task(sleeps(), {.name = "child-3"});
      co_await asyncio::sleep(1h);
    };
    co_await asyncio::with(asyncio::TaskGroup(), body);
  };
  auto t1 = asyncio::create_task(gathers(), {.name = "gathers"});
  auto t2 = asyncio::create_task(shields(), {.name = "shields"});
  auto t3 = asyncio::create_task(awaits(), {.name = "awaits"});
  auto t4 = asyncio::create_task(waits(), {.name = "waits"});
  auto t5 = asyncio::create_task(groups(), {.name = "groups"});
  auto t6 = asyncio::create_task(in_body(), {.name = "in_body"});
  co_await say_ready_soon();
  co_await asyncio::sleep(1h);
}

asyncio::Coro<> take_and_sleep(asyncio::Lock& lock) {
  auto held = co_await lock.hold();
  co_await asyncio::sleep(1h);
}
asyncio::Coro<> take(asyncio::Lock& lock) { auto held = co_await lock.hold(); }
asyncio::Coro<> take_item(asyncio::Queue<int>& queue) { co_await queue.get(); }

asyncio::Coro<> locked() {
  asyncio::Lock lock;
  asyncio::Queue<int> queue;
  auto holder = asyncio::create_task(take_and_sleep(lock), {.name = "holder"});
  auto waiter = asyncio::create_task(take(lock), {.name = "waiter"});
  auto getter = asyncio::create_task(take_item(queue), {.name = "getter"});
  auto twin = asyncio::create_task(sleeps(), {.name = "twin"});
  auto other = asyncio::create_task(sleeps(), {.name = "twin"});
  co_await say_ready_soon();
  co_await asyncio::sleep(1h);
}

asyncio::Coro<> take_both(asyncio::Lock& first, asyncio::Lock& second) {
  auto one = co_await first.hold();
  co_await asyncio::sleep(1ms);
  auto two = co_await second.hold();
}

asyncio::Coro<> deadlocked() {
  asyncio::Lock left;
  asyncio::Lock right;
  auto a = asyncio::create_task(take_both(left, right), {.name = "A"});
  auto b = asyncio::create_task(take_both(right, left), {.name = "B"});
  co_await say_ready_soon();
  co_await asyncio::sleep(1h);
}

asyncio::Coro<> spins() {
  say_ready();
  for (volatile bool on = true; on;) {
  }
  co_return;
}
asyncio::Coro<> blocked() {
  auto waits = asyncio::create_task(sleeps(), {.name = "waits"});
  auto spinner = asyncio::create_task(spins(), {.name = "spinner"});
  co_await spinner;
}

asyncio::Coro<> in_thread(std::string name) {
  auto task = asyncio::create_task(outer(), {.name = name});
  co_await task;
}
asyncio::Coro<> two_loops() {
  std::thread([] { asyncio::run(in_thread("elsewhere")); }).detach();
  auto task = asyncio::create_task(sleeps(), {.name = "here"});
  co_await say_ready_soon();
  co_await task;
}

asyncio::Coro<> hostile() {
  const std::string names[] = {"\x1b[2J\x1b]0;owned\x07",
                               "<img src=x onerror=alert(1)>",
                               std::string(1 << 20, 'M'),
                               "\xff\xfe",
                               "a\nb",
                               "\u202egnirts",
                               "with, \"comma\""};
  std::vector<asyncio::Task<>> tasks;
  for (const std::string& name : names) {
    tasks.push_back(asyncio::create_task(sleeps(), {.name = name}));
  }
  co_await say_ready_soon();
  co_await asyncio::sleep(1h);
}

asyncio::Coro<> short_life() { co_await asyncio::sleep(0s); }
asyncio::Coro<> longer_life() {
  co_await short_life();
  co_await asyncio::sleep(1ms);
}
// As fast as it can; a thousand or so at a time.
asyncio::Coro<> churn() {
  say_ready();
  for (;;) {
    for (int i = 0; i < 100; ++i) {
      (void)asyncio::create_task(longer_life(), {.name = "a name that is no short one"});
      (void)asyncio::create_task(short_life());
    }
    co_await asyncio::create_task(short_life(), {.name = "awaited"});
  }
}

asyncio::Coro<> million(std::size_t count) {
  std::vector<asyncio::Task<>> tasks;
  tasks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(asyncio::create_task(sleeps()));
  co_await say_ready_soon();
  co_await asyncio::sleep(1h);
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string_view, asyncio::Coro<> (*)()> scenarios{
      {"sleeping", sleeping},     {"combined", combined}, {"locked", locked},
      {"deadlocked", deadlocked}, {"blocked", blocked},   {"two_loops", two_loops},
      {"hostile", hostile},       {"churn", churn},
  };
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  end_with_standard_input();
  if (wanted == "many") {
    asyncio::run(million(std::strtoull(argc > 2 ? argv[2] : "1000000", nullptr, 10)));
  } else if (wanted == "idle") {
    // A loop that runs nothing, and has no task.
    auto loop = asyncio::new_event_loop();
    say_ready();
    ::pause();
  } else if (const auto found = scenarios.find(wanted); found != scenarios.end()) {
    asyncio::run(found->second());
  } else {
    std::fprintf(stderr, "usage: inspected_program SCENARIO\n");
    return 2;
  }
}
