#pragma once

#include <string>

namespace asyncio::cluster::detail {

/// "HOST-PID-0123456789abcdef": unlike any other one, over all machines and over time.
[[nodiscard]] std::string new_name();

}  // namespace asyncio::cluster::detail
