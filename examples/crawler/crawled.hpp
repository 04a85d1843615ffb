#pragma once

#include <asyncio/duration.hpp>
#include <asyncio/result.hpp>

#include "ranking.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace crawler {

/// What came of a list.
struct Crawled {
  std::vector<Ranked> ranked;
  /// How often each kind of error has happened.
  std::map<std::string, std::size_t> errors;
  /// Of all requests together, one after the other.
  asyncio::Duration requests_took;
};

[[nodiscard]] Crawled collect(std::vector<asyncio::Result<Ranked>> results,
                              asyncio::Duration requests_took);

/// A table of the best; how many have not answered, and why; how long it took.
[[nodiscard]] std::string to_text(const Crawled& crawled, std::size_t top, asyncio::Duration took);

}  // namespace crawler
