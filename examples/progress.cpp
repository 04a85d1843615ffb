// Bars for long work: three at once, one of which does not know how much there is, and a gather.
#include <asyncio/asyncio.hpp>
#include <asyncio/progress.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<> fetch(asyncio::ProgressTask bar, int files, asyncio::Duration each) {
  for (int i = 0; i < files; ++i) {
    co_await asyncio::sleep(each);
    bar.advance();
  }
  bar.finish();  // who does not know the total has to say so
}

asyncio::Coro<> three_at_once() {
  asyncio::Progress progress;
  auto pages = progress.add_task("pages", {.total = 60});
  auto images = progress.add_task("images", {.total = 25});
  auto links = progress.add_task("links");  // nobody knows how many there are
  co_await asyncio::gather(fetch(pages, 60, 20ms), fetch(images, 25, 40ms), fetch(links, 100, 8ms));
  progress.print("all of them are there");
}

asyncio::Coro<int> measure(int page) {
  co_await asyncio::sleep(page * 200ms);
  if (page == 3) throw std::runtime_error("no such page");
  co_return page * 100;
}

asyncio::Coro<> one_for_a_gather() {
  std::vector<asyncio::Coro<int>> coros;
  for (int page = 1; page <= 5; ++page) coros.push_back(measure(page));
  const auto sizes = co_await asyncio::progress::gather(
      asyncio::return_exceptions, std::move(coros), {.description = "measuring"});
  int all = 0;
  for (const auto& size : sizes) all += size ? size.value() : 0;
  std::cout << "together they have " << all << " lines" << std::endl;
}

asyncio::Coro<> one_for_a_loop() {
  const std::vector<std::string> names = {"Ada", "Grace", "Margaret"};
  for (const std::string& name : asyncio::progress::track(names, {.description = "greeting"})) {
    co_await asyncio::sleep(std::chrono::milliseconds(20 * name.size()));
  }
}

asyncio::Coro<> async_main() {
  co_await three_at_once();
  co_await one_for_a_gather();
  co_await one_for_a_loop();
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
