// SYNC-066
// expect: items change places, so moving a T must not throw
#include <asyncio/queue.hpp>

struct Slippery {
  Slippery() = default;
#ifdef RIGHT
  Slippery(Slippery&&) noexcept {}
  Slippery& operator=(Slippery&&) noexcept { return *this; }
#else
  Slippery(Slippery&&) {}
  Slippery& operator=(Slippery&&) { return *this; }
#endif
  bool operator<(const Slippery&) const { return false; }
};

asyncio::PriorityQueue<Slippery> queue;
