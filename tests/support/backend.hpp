#pragma once

#include <cstdlib>
#include <string_view>

namespace support {

/// What runs the tests, if they do not choose themselves.
inline bool on_the_ring() {
  const char* backend = std::getenv("ASYNCIO_BACKEND");
  return backend != nullptr && std::string_view(backend) == "io_uring";
}

}  // namespace support
