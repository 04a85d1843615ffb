// The stars of every project of a curated list, asked for at the same time, and the best of them.
//
//   crawler                                          practises on a server of its own
//   crawler --list README.md --csv stars.csv         with GITHUB_TOKEN in the environment
#include <asyncio/asyncio.hpp>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "crawler/crawl.hpp"
#include "crawler/csv.hpp"
#include "crawler/markdown_list.hpp"
#include "crawler/practice_server.hpp"

namespace {

struct Arguments {
  std::string list;
  std::string api = "https://api.github.com";
  std::string csv;
  std::size_t top = 10;
  std::size_t concurrency = 50;
};

// Before hundreds of requests are made for it.
void check_folder_of(const std::string& file) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  if (std::filesystem::is_directory(folder)) return;
  throw std::runtime_error("cannot write " + file + ": there is no folder " + folder.string());
}

asyncio::Coro<> run(Arguments arguments, std::string token) {
  if (!arguments.csv.empty()) check_folder_of(arguments.csv);
  const std::string markdown = co_await crawler::load_list(arguments.list);
  std::vector<crawler::Project> projects = crawler::parse_list(markdown);
  std::cout << projects.size() << " projects in " << arguments.list << std::endl;
  if (projects.empty()) {
    throw std::runtime_error(
        "nothing to ask for: a project is a line \"* [name](https://github.com/owner/repo)\" below "
        "a "
        "heading \"## category\"");
  }
  const crawler::CrawlOptions options{
      .api = arguments.api, .token = token, .concurrency = arguments.concurrency};
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  const asyncio::TimePoint began = loop.time();
  const crawler::Crawled crawled = co_await crawler::crawl(std::move(projects), options);
  std::cout << "\n" << crawler::to_text(crawled, arguments.top, loop.time() - began) << std::flush;
  if (!arguments.csv.empty()) {
    crawler::write_csv(arguments.csv, crawled.ranked);
    std::cout << "written to " << arguments.csv << std::endl;
  }
}

asyncio::Coro<> practise(Arguments arguments) {
  crawler::PracticeServer server;
  co_await server.start();
  arguments.api = server.url();
  arguments.list = server.url() + "/list.md";
  co_await run(std::move(arguments), "");
  co_await server.stop();
}

asyncio::Coro<int> async_main(Arguments arguments) {
  try {
    const char* const token = std::getenv("GITHUB_TOKEN");
    if (arguments.list.empty()) {
      co_await practise(std::move(arguments));
    } else {
      co_await run(std::move(arguments), token == nullptr ? "" : token);
    }
    co_return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    co_return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("The stars of the projects of a curated list.", "crawler");
  app.add_option("--list", arguments.list,
                 "a Markdown file, or its URL; without one: a practice run");
  app.add_option("--api", arguments.api, "where to ask")->capture_default_str();
  app.add_option("--top", arguments.top, "how many are shown")->capture_default_str();
  app.add_option("--csv", arguments.csv, "where all of them are written to");
  app.add_option("--concurrency", arguments.concurrency, "requests at the same time")
      ->check(CLI::Range(1, 10'000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (arguments.list.empty() && app.count("--concurrency") == 0) arguments.concurrency = 600;
  return asyncio::run_main(argc, argv, [&] { return async_main(arguments); });
}
