// expect: a parameter is a reference that is not const
#include <asyncio/process_pool.hpp>

#include <vector>

void f(std::vector<int>& values) { values.push_back(1); }
void g(const std::vector<int>& values) { (void)values; }

auto h(std::vector<int> values) {
#ifdef RIGHT
  return asyncio::to_process(g, values);
#else
  return asyncio::to_process(f, values);
#endif
}
