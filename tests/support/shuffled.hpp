#pragma once

#include <cstdlib>

namespace support {

/// What is ready has another order than CPython's: there is nothing to compare.
inline bool shuffled() { return std::getenv("ASYNCIO_TEST_SEED") != nullptr; }

}  // namespace support
