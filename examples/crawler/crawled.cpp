#include "crawled.hpp"

#include "table.hpp"

#include <exception>
#include <iomanip>
#include <sstream>
#include <utility>

namespace crawler {
namespace {

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  }
}

}  // namespace

Crawled collect(std::vector<asyncio::Result<Ranked>> results, asyncio::Duration requests_took) {
  Crawled crawled;
  for (auto& result : results) {
    if (result) {
      crawled.ranked.push_back(std::move(result).value());
    } else {
      ++crawled.errors[text_of(result.error())];
    }
  }
  crawled.requests_took = requests_took;
  return crawled;
}

std::string to_text(const Crawled& crawled, std::size_t top, asyncio::Duration took) {
  std::ostringstream text;
  std::size_t failed = 0;
  for (const auto& [kind, count] : crawled.errors) failed += count;
  text << to_table(crawled.ranked, top) << "\n"
       << crawled.ranked.size() << " projects answered, " << failed << " did not\n";
  for (const auto& [kind, count] : crawled.errors) {
    text << std::setw(6) << count << " x " << kind << "\n";
  }
  text << std::fixed << std::setprecision(1) << "\ntook " << took.seconds()
       << " seconds; its requests, one after the other: " << crawled.requests_took.seconds()
       << " seconds\n";
  return text.str();
}

}  // namespace crawler
