// expect: a bare number has no unit: write 1s or 500ms
#include <asyncio/timeout.hpp>

#include <chrono>

using namespace std::chrono_literals;

asyncio::Timeout limit() {
#ifdef RIGHT
  return asyncio::timeout(1s);
#else
  return asyncio::timeout(0.5);
#endif
}
