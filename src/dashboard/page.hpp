#pragma once

#include <span>
#include <string_view>

namespace asyncio::dashboard {

/// A file of the page, as it stands in src/dashboard/page; cmake/embed.cmake puts them here.
struct PageFile {
  std::string_view path;  ///< "/app.js"
  std::string_view type;
  std::string_view content;
};

[[nodiscard]] std::span<const PageFile> page_files() noexcept;

}  // namespace asyncio::dashboard
