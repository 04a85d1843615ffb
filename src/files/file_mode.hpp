#pragma once

#include <string_view>

namespace asyncio::detail {

/// What open() is asked for.
struct FileMode {
  int flags;  ///< the system's
  bool reads;
  bool writes;
  bool appends;
};

/// Throws: std::invalid_argument with the modes that there are.
[[nodiscard]] FileMode file_mode(std::string_view mode);

}  // namespace asyncio::detail
