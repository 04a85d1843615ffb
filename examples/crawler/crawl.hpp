#pragma once

#include <asyncio/http.hpp>

#include "markdown_list.hpp"
#include "ranking.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crawler {

struct CrawlOptions {
  std::string_view api = "https://api.github.com";
  std::string_view token = {};  ///< of the API
  std::size_t concurrency = 50;
};

/// What came of a list.
struct Crawled {
  std::vector<Ranked> ranked;
  /// How often each kind of error has happened.
  std::map<std::string, std::size_t> errors;
  /// Of all requests together, one after the other.
  asyncio::Duration requests_took;
};

/// A file, or what an http URL gives.
asyncio::Coro<std::string> load_list(std::string from);

/// Asks the API for the stars of every project, all at the same time, with a bar.
asyncio::Coro<Crawled> crawl(std::vector<Project> projects, CrawlOptions options);

}  // namespace crawler
