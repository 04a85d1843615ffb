#pragma once

#include "progress/bar.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace asyncio::detail {

/// What a terminal can show.
struct Style {
  int columns = 80;
  bool colour = false;
  bool unicode = false;
};

/// The bars as lines of equal columns, none of which is wider than the terminal. Columns that there
/// is no room for are left out, the least needed first. `turn` says how far a spinner has turned.
[[nodiscard]] std::vector<std::string> lines_of(const std::vector<BarView>& bars,
                                                const Style& style, std::int64_t turn);

/// The same of one bar for a file or a pipe: "fetching: 3/8 (37%), 1.50/s, 0:02, 0:03 left".
[[nodiscard]] std::string plain_line(const BarView& bar);

}  // namespace asyncio::detail
