#include "crawl.hpp"

#include <asyncio/asyncio.hpp>
#include <asyncio/http_json.hpp>
#include <asyncio/progress.hpp>

#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace http = asyncio::http;

namespace crawler {
namespace {

/// What asks, and how long that takes.
struct Api {
  http::Client client;
  asyncio::Semaphore at_once;
  asyncio::Duration took;

  asyncio::Coro<Ranked> stars(Project project) {
    auto place = co_await at_once.hold();
    asyncio::EventLoop& loop = asyncio::get_running_loop();
    const asyncio::TimePoint began = loop.time();
    const std::string path = "/repos/" + project.owner + "/" + project.repo;
    auto answer = co_await asyncio::as_result(client.get(path));
    took += loop.time() - began;
    const http::Response& repository = answer.value();  // throws what the request has failed with
    repository.raise_for_status();
    const auto count = http::json(repository).at("stargazers_count").get<std::int64_t>();
    co_return Ranked{std::move(project), count};
  }
};

std::string kind_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const http::HTTPStatusError& status) {
    const http::Response& answer = status.response();
    return std::to_string(answer.status_code) + " " + answer.reason_phrase;
  } catch (const http::TimeoutException&) {
    return "no answer in time";
  } catch (const http::TransportError&) {
    return "connection lost";
  } catch (const std::exception& other) {
    return other.what();
  }
}

}  // namespace

asyncio::Coro<std::string> load_list(std::string from) {
  if (from.starts_with("http://") || from.starts_with("https://")) {
    const http::Client client({.follow_redirects = true});
    const http::Response page = co_await client.get(from);
    co_return page.raise_for_status().text();
  }
  std::ifstream file(from);
  std::ostringstream text;
  if (!(file && text << file.rdbuf())) throw std::runtime_error("cannot read " + from);
  co_return text.str();
}

asyncio::Coro<Crawled> crawl(std::vector<Project> projects, CrawlOptions options) {
  const http::Headers headers = {{"Accept", "application/vnd.github+json"},
                                 {"User-Agent", "asyncio-crawler"}};
  const http::Auth auth = options.token.empty() ? http::Auth{} : http::bearer_auth(options.token);
  Api api{.client = http::Client({.base_url = options.api,
                                  .headers = headers,
                                  .auth = auth,
                                  .limits = {.max_connections = options.concurrency},
                                  .follow_redirects = true}),
          .at_once = asyncio::Semaphore(static_cast<int>(options.concurrency)),
          .took = {}};
  std::vector<asyncio::Coro<Ranked>> requests;
  for (Project& project : projects) requests.push_back(api.stars(std::move(project)));
  auto results = co_await asyncio::progress::gather(asyncio::return_exceptions, std::move(requests),
                                                    {.description = "asking for stars"});
  Crawled crawled;
  for (auto& result : results) {
    if (result) {
      crawled.ranked.push_back(std::move(result).value());
    } else {
      ++crawled.errors[kind_of(result.error())];
    }
  }
  crawled.requests_took = api.took;
  co_return crawled;
}

}  // namespace crawler
