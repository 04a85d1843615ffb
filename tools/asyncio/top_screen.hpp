#pragma once

#include "top_samples.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace asyncio::command {

/// What is shown of the samples, and how.
struct TopView {
  enum class Sort : unsigned char { waited, name, state, place };
  enum class Group : unsigned char { automatic, tasks, places };

  Sort sort = Sort::waited;
  Group group = Group::automatic;
  bool reverse = false;
  bool paused = false;
  std::size_t first = 0;  ///< of the rows that are shown
  double interval = 1;    ///< seconds
};

struct TopLine {
  enum class Style : unsigned char { plain, title, alarm };
  std::string text;  ///< fits the width
  Style style = Style::plain;
};

/// Where tasks stand by the places where they do: "automatic" means when there are many.
[[nodiscard]] bool by_places(const Samples& samples, const TopView& view) noexcept;

/// The whole screen. `height` 0: as high as it takes. `view.first` is cut to what there is.
[[nodiscard]] std::vector<TopLine> top_screen(const Samples& samples, TopView& view, int width,
                                              int height);

}  // namespace asyncio::command
