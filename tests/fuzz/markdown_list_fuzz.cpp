#include "crawler/markdown_list.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::set<std::string> urls;
  for (const crawler::Project& project : crawler::parse_list(text)) {
    must(!project.name.empty() && !project.category.empty());
    must(project.category.find('\n') == std::string::npos);
    must(!project.owner.empty() && !project.repo.empty());
    must(project.url == "https://github.com/" + project.owner + "/" + project.repo);
    must(urls.insert(project.url).second);
    // What it understands it understands again.
    const auto again = crawler::parse_list("## x\n* [y](" + project.url + ")\n");
    must(again.size() == 1 && again.front().url == project.url);
  }
  return 0;
}
