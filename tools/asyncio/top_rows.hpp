#pragma once

#include "top_screen.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace asyncio::command {

/// A line of the table: a task, or all that stand at one place.
struct TopRow {
  std::string name;  ///< of the task; how many there are
  std::string waited;
  std::string state;
  std::string waits_for;
  std::string place;
};

[[nodiscard]] std::size_t count_tasks(const Samples& samples) noexcept;
/// Sorted as the view says: `most` rows from `view.first` on, which is cut to what there is.
[[nodiscard]] std::vector<TopRow> top_rows(const Samples& samples, TopView& view, std::size_t most);

/// "850 ms", "12.3 s", "3:05", "2:10:00".
[[nodiscard]] std::string span_text(double seconds);

}  // namespace asyncio::command
