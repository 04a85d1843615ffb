// expect: add_done_callback(): the callable takes the future, or nothing
#include <asyncio/task.hpp>

void f(asyncio::Task<int> task) {
#ifdef RIGHT
  task.add_done_callback([](const asyncio::Task<int>& done) { (void)done.result(); });
#else
  task.add_done_callback([](int result) { (void)result; });
#endif
}
