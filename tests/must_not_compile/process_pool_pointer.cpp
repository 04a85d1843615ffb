// expect: a pointer means nothing to another process
#include <asyncio/process_pool.hpp>

int f(const char* text) { return text[0]; }
int g(const std::string& text) { return text[0]; }

auto h() {
#ifdef RIGHT
  return asyncio::to_process(g, "text");
#else
  return asyncio::to_process(f, "text");
#endif
}
