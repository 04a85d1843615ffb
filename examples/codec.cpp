// Values as bytes and back: what the library knows, and a type of one's own.
#include <asyncio/codec.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace shapes {

// A class that has a string is not trivially copyable: it says itself what it is made of.
class Polygon {
 public:
  Polygon(std::string name, std::vector<double> sides)
      : name_(std::move(name)), sides_(std::move(sides)) {}
  const std::string& name() const { return name_; }
  const std::vector<double>& sides() const { return sides_; }

 private:
  std::string name_;
  std::vector<double> sides_;
};

void asyncio_encode(asyncio::codec::Encoder& out, const Polygon& polygon) {
  out.encode(polygon.name());
  out.encode(polygon.sides());
}

Polygon asyncio_decode(asyncio::codec::Decoder& in, asyncio::codec::Type<Polygon>) {
  auto name = in.decode<std::string>();  // in this order: two calls in one expression have none
  auto sides = in.decode<std::vector<double>>();
  if (sides.size() < 3) in.fail("a polygon of fewer than three sides");
  return Polygon(std::move(name), std::move(sides));
}

}  // namespace shapes

int main() {
  std::map<std::string, std::vector<shapes::Polygon>> drawing;
  drawing["front"].emplace_back("triangle", std::vector{3.0, 4.0, 5.0});

  const std::string bytes = asyncio::codec::encode(drawing);
  const auto copy = asyncio::codec::decode<decltype(drawing)>(bytes);
  std::printf("%zu bytes, a %s\n", bytes.size(), copy.at("front").front().name().c_str());

  try {
    (void)asyncio::codec::decode<decltype(drawing)>(std::string_view(bytes).substr(0, 20));
  } catch (const asyncio::codec::DecodeError& error) {
    std::printf("%s\n", error.what());
  }
}
