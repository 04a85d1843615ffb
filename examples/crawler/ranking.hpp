#pragma once

#include "markdown_list.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace crawler {

/// A project and what GitHub says of it.
struct Ranked {
  Project project;
  std::int64_t stars = 0;
};

/// The most stars first; by name where they are equal.
inline std::vector<Ranked> best_first(std::vector<Ranked> all) {
  std::sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) {
    return std::tie(b.stars, a.project.name, a.project.url) <
           std::tie(a.stars, b.project.name, b.project.url);
  });
  return all;
}

}  // namespace crawler
