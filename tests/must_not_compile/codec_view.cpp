// expect: a std::string_view owns nothing that could be received
#include <asyncio/codec.hpp>

auto f(std::string_view bytes) {
#ifdef RIGHT
  return asyncio::codec::decode<std::string>(bytes);
#else
  return asyncio::codec::decode<std::string_view>(bytes);
#endif
}
