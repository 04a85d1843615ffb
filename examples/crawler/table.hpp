#pragma once

#include "ranking.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace crawler {

/// The `most` best projects as lines of a table for a terminal, with a header; long names and
/// categories are cut.
[[nodiscard]] std::string to_table(std::vector<Ranked> projects, std::size_t most);

}  // namespace crawler
