#pragma once

#include <asyncio/http.hpp>

#include "crawled.hpp"
#include "markdown_list.hpp"
#include "ranking.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crawler {

struct CrawlOptions {
  std::string_view api = "https://api.github.com";
  std::string_view token = {};  ///< of the API
  std::size_t concurrency = 50;
};

/// What a request has given.
struct Answer {
  std::int64_t stars = 0;
  /// Its kind; "": there was none.
  std::string error;
  asyncio::Duration took;
};

/// A file, or what an http URL gives.
asyncio::Coro<std::string> load_list(std::string from);

/// The path of a project in the API.
[[nodiscard]] std::string path_of(const Project& project);
/// Asks for the stars of one project.
asyncio::Coro<Answer> ask(const asyncio::http::Client& client, std::string path);
/// Throws: std::runtime_error, whose text is the kind of the answer's error.
[[nodiscard]] Ranked ranked(Project project, const Answer& answer);

/// Asks the API for the stars of every project, all at the same time, with a bar.
asyncio::Coro<Crawled> crawl(std::vector<Project> projects, CrawlOptions options);

}  // namespace crawler
