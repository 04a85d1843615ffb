#include "practice_server.hpp"

#include <asyncio/asyncio.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace http = asyncio::http;

namespace crawler {
namespace {

using std::chrono::milliseconds;

constexpr unsigned projects = 600;

// The same in every run, and in no visible order.
unsigned scattered(unsigned n) {
  n = (n ^ 61U) ^ (n >> 16U);
  n *= 9U;
  n = (n ^ (n >> 4U)) * 0x27d4eb2dU;
  return n ^ (n >> 15U);
}

std::string list() {
  std::string text = "# Awesome practice\n\nProjects that are not there.\n";
  constexpr std::string_view categories[] = {"Build tools", "Compilers",  "Databases",
                                             "Games",       "Networking", "Testing"};
  for (unsigned n = 0; n < projects; ++n) {
    if (n % 100 == 0) text += "\n## " + std::string(categories[n / 100]) + "\n\n";
    const std::string number = std::to_string(n);
    text += "* [project-" + number + "](https://github.com/practice/project-" + number +
            ") - the one with the number " + number + "\n";
  }
  return text;
}

unsigned number_of(std::string_view repository) {
  const std::string_view digits = repository.substr(repository.find('-') + 1);
  unsigned number = projects;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (number >= projects) throw http::Abort(404, "no such project\n");
  return number;
}

asyncio::Coro<http::Reply> repository(http::Request& request) {
  const std::string_view name = request.path_param("repo");
  const unsigned number = number_of(name);
  const unsigned chance = scattered(number);
  co_await asyncio::sleep(milliseconds(20 + chance % 181));
  if (!name.starts_with("moved-")) {
    switch (number % 50) {
      case 7: throw http::Abort(404, R"({"message": "Not Found"})");
      case 19: throw http::Abort(500, "the database is tired\n");
      case 31:
        co_return http::Reply::redirect("/repos/practice/moved-" + std::to_string(number), 301);
      case 43: request.hang_up(); break;
      default: break;
    }
  }
  const std::uint64_t stars = scattered(chance) % 100'000;
  co_return http::Reply::json("{\"stargazers_count\": " + std::to_string(stars) + "}");
}

}  // namespace

asyncio::Coro<> PracticeServer::start() {
  server_.get("/list.md", [](http::Request&) { return http::Reply(list()); });
  server_.get("/repos/{owner}/{repo}", repository);
  co_await server_.start("127.0.0.1", 0, {.backlog = 1024});
}

asyncio::Coro<> PracticeServer::stop() { co_await server_.shutdown(std::chrono::seconds(1)); }

std::string PracticeServer::url() const { return "http://" + server_.sockets().at(0).str(); }

}  // namespace crawler
