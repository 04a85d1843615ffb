// expect: this type cannot be sent
#include <asyncio/codec.hpp>

struct Person {
  std::string name;
};
#ifdef RIGHT
void asyncio_encode(asyncio::codec::Encoder& out, const Person& person) { out.encode(person.name); }
Person asyncio_decode(asyncio::codec::Decoder& in, asyncio::codec::Type<Person>) {
  return {in.decode<std::string>()};
}
#endif

std::string f(const Person& person) { return asyncio::codec::encode(person); }
