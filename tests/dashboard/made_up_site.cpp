// The dashboard of a program that was never there, for a browser: everything that the page must be
// able to show stands still here. Prints its URL, and ends with its standard input.

#include <asyncio/asyncio.hpp>

#include "dashboard/made_up.hpp"
#include "dashboard/site.hpp"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using made_up::frame;
using made_up::ms;
using made_up::task;
using State = asyncio::snapshot::TaskView::State;

namespace {

asyncio::snapshot::TaskView held_up(std::uint64_t id, const char* name, std::uint64_t owner,
                                    std::uint32_t line) {
  auto made = task(id, name,
                   {frame("transfer", line, "/home/ada/bank/transfer.cpp"),
                    frame("handle_order", 77, "/home/ada/bank/orders.cpp")},
                   "Lock.acquire()");
  made.primitive = id + 1;
  made.owner = owner;
  return made;
}

void add_hung(asyncio::snapshot::LoopView& loop) {
  loop.tasks.push_back(held_up(0x10, "transfer-17", 0x20, 31));
  loop.tasks.push_back(held_up(0x20, "transfer-18", 0x10, 34));
  for (std::uint64_t i = 0; i < 3; ++i) {
    loop.tasks.push_back(
        held_up(0x40 + 0x10 * i, ("transfer-" + std::to_string(19 + i)).c_str(), 0x10, 31));
  }
  loop.tasks.push_back(task(0x100, "<img src=x onerror=\"document.title='owned'\">",
                            {frame("<b>render</b>", 5, "/home/ada/bank/<i>page.cpp")}));
  loop.tasks.push_back(task(0x110, "\x1b[31mred\x1b[0m \u202egnp.exe", {frame("paint", 6)}));
  loop.tasks.push_back(task(0x120, std::string(1 << 20, 'M'), {frame("mega", 7)}));
}

void add_group(asyncio::snapshot::LoopView& loop) {
  auto group = task(0x200, "main",
                    {frame("asyncio::TaskGroup::aexit", 120, "/usr/include/asyncio/task_group.hpp"),
                     frame("serve_orders", 58, "/home/ada/bank/main.cpp"),
                     frame("async_main", 90, "/home/ada/bank/main.cpp")},
                    "TaskGroup");
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::uint64_t id = 0x1000 + i * 0x10;
    group.awaits.push_back(id);
    auto child = task(id, "worker-" + std::to_string(i),
                      {frame("asyncio::Queue::get", 88, "/usr/include/asyncio/queue.hpp"),
                       frame("next_order", 40, "/home/ada/bank/orders.cpp"),
                       frame("worker", 52, "/home/ada/bank/orders.cpp")},
                      "Queue.get()");
    if (i % 5 == 1) {
      child.frames = {frame("asyncio::StreamReader::read", 140, "/usr/include/asyncio/streams.hpp"),
                      frame("fetch_rate", 18, "/home/ada/bank/rates.cpp"),
                      frame("price", 66, "/home/ada/bank/orders.cpp"),
                      frame("worker", 52, "/home/ada/bank/orders.cpp")};
      child.waits_for = "StreamReader.read()";
    } else if (i % 5 == 3) {
      child.frames = {frame("price", 61, "/home/ada/bank/orders.cpp"),
                      frame("worker", 52, "/home/ada/bank/orders.cpp")};
      child.waits_for = "sleep()";
    }
    loop.tasks.push_back(child);
  }
  group.awaits.push_back(0x10);
  group.awaits.push_back(0x20);
  loop.tasks.push_back(group);
}

asyncio::snapshot::ProcessView look(int number, std::size_t idle) {
  auto view = made_up::process({});
  view.at += number * 200 * ms;
  auto& loop = view.loops[0];
  add_hung(loop);
  add_group(loop);
  for (std::size_t i = 0; i < idle; ++i) {
    loop.tasks.push_back(
        task(0x100000 + i * 0x10, "connection-" + std::to_string(i),
             {frame("asyncio::StreamReader::readline", 171, "/usr/include/asyncio/streams.hpp"),
              frame("read_request", 23, "/home/ada/bank/http.cpp"),
              frame("handle_connection", 44, "/home/ada/bank/http.cpp")},
             "StreamReader.readline()"));
  }
  loop.ready = static_cast<std::uint64_t>(20 + 14 * std::sin(number / 4.0));
  loop.timers = 61;
  loop.descriptors = idle + 9;
  loop.iterations = 900ULL * static_cast<unsigned>(number);
  loop.steps = static_cast<std::uint64_t>(number * 3200 + 900 * std::sin(number / 6.0));
  auto& second = view.loops.emplace_back();
  second.id = 0x2000;
  second.name = "images";
  second.running = true;
  second.step_began = made_up::begin - 12'400 * ms;
  second.steps = 4'000;
  second.ready = 7;
  auto blocked = task(0x5000, "resize-3",
                      {frame("resize_image", 48, "/home/ada/bank/images.cpp"),
                       frame("thumbnails", 20, "/home/ada/bank/images.cpp")},
                      "");
  blocked.state = State::running;
  second.tasks.push_back(blocked);
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto ready = task(0x5100 + i * 0x10, "resize-" + std::to_string(4 + i),
                      {frame("thumbnails", 19, "/home/ada/bank/images.cpp")}, "");
    ready.state = State::ready;
    second.tasks.push_back(ready);
  }
  return view;
}

asyncio::Coro<> serve(std::size_t idle) {
  made_up::Process process([idle](int number) { return look(number, idle); });
  asyncio::dashboard::Site site(process, {.every = 200ms});
  const auto tell = [](const std::string& url) { std::cout << url << std::endl; };
  auto served = asyncio::create_task(site.serve(tell));
  asyncio::get_running_loop().add_reader(STDIN_FILENO, [&served] {
    char byte = 0;
    if (::read(STDIN_FILENO, &byte, 1) <= 0) {
      asyncio::get_running_loop().remove_reader(STDIN_FILENO);
      served.cancel();
    }
  });
  (void)co_await asyncio::as_result(served);
}

}  // namespace

int main(int argc, char** argv) { asyncio::run(serve(argc > 1 ? std::stoul(argv[1]) : 1000)); }
