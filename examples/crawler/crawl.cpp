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

std::string path_of(const Project& project) {
  return "/repos/" + project.owner + "/" + project.repo;
}

namespace {

asyncio::Coro<std::int64_t> stars_of(const http::Client& client, std::string path) {
  const http::Response repository = co_await client.get(path);
  repository.raise_for_status();
  co_return http::json(repository).at("stargazers_count").get<std::int64_t>();
}

}  // namespace

asyncio::Coro<Answer> ask(const http::Client& client, std::string path) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  const asyncio::TimePoint began = loop.time();
  auto stars = co_await asyncio::as_result(stars_of(client, std::move(path)));
  if (stars.cancelled()) std::rethrow_exception(stars.error());
  Answer answer;
  if (stars) answer.stars = stars.value();
  if (!stars) answer.error = kind_of(stars.error());
  answer.took = loop.time() - began;
  co_return answer;
}

Ranked ranked(Project project, const Answer& answer) {
  if (!answer.error.empty()) throw std::runtime_error(answer.error);
  return Ranked{std::move(project), answer.stars};
}

namespace {

/// What asks, and how long that takes.
struct Api {
  http::Client client;
  asyncio::Semaphore at_once;
  asyncio::Duration took;

  asyncio::Coro<Ranked> stars(Project project) {
    auto place = co_await at_once.hold();
    std::string path = path_of(project);
    const Answer answer = co_await ask(client, std::move(path));
    took += answer.took;
    co_return ranked(std::move(project), answer);
  }
};

}  // namespace

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
  co_return collect(std::move(results), api.took);
}

}  // namespace crawler
