// expect: a bare number has no unit: write 1s or 500ms
#include <asyncio/event_loop.hpp>

#include <chrono>

using namespace std::chrono_literals;

void f(asyncio::EventLoop& loop) {
#ifdef RIGHT
  loop.call_later(1s, [] {});
#else
  loop.call_later(1, [] {});
#endif
}
