// expect: delete
#include <asyncio/task.hpp>

void f(asyncio::Task<int> task) {
#ifdef RIGHT
  task.cancel();
#else
  task.set_result(1);
#endif
}
