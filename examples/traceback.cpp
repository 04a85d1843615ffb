// What an error looks like that has come through coroutines. README.md shows what this prints.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

asyncio::Coro<int> parse(const std::string& page) {
  co_await asyncio::sleep(10ms);
  if (page.empty()) throw std::invalid_argument("the page is empty");
  co_return static_cast<int>(page.size());
}

asyncio::Coro<int> fetch(std::string url) {
  const std::string page = url == "/news.html" ? "" : "<html>";
  co_return co_await parse(page);
}

asyncio::Coro<int> fetch_all() {
  auto [index, news] = co_await asyncio::gather(fetch("/index.html"), fetch("/news.html"));
  co_return index + news;
}

int main() {
  try {
    asyncio::run(fetch_all());
  } catch (...) {
    asyncio::print_exception(std::current_exception());
  }
}
