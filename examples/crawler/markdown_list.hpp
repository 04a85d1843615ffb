#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crawler {

/// A project on GitHub, as a list names it.
struct Project {
  std::string name;
  std::string owner;
  std::string repo;
  std::string url;  ///< https://github.com/OWNER/REPO
  std::string category;
};

/// The projects of a curated list ("awesome ..."): items that begin with a link to a repository,
/// `* [name](https://github.com/owner/repo) and more text`, below a heading `## Category`.
///
/// Whatever else there is, other links too, is passed over. A repository that comes again counts
/// once, where it came first. No input is an error.
///
/// Cost: O(n log n).
[[nodiscard]] std::vector<Project> parse_list(std::string_view markdown);

}  // namespace crawler
