#include <asyncio/codec.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <limits>
#include <list>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace codec = asyncio::codec;
using namespace std::chrono_literals;

namespace shapes {

enum class Colour : std::uint8_t { red, green };

struct Point {
  int x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

struct Empty {
  bool operator==(const Empty&) const = default;
};

/// A tree: only a hook can describe it.
struct Tree {
  std::string name;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
void asyncio_encode(codec::Encoder& out, const Tree& tree) {
  out.encode(tree.name);
  out.encode(tree.children);
}
Tree asyncio_decode(codec::Decoder& in, codec::Type<Tree>) {
  auto name = in.decode<std::string>();
  return {std::move(name), in.decode<std::vector<Tree>>()};
}

/// Writes nothing.
struct Ghost {};
[[maybe_unused]] void asyncio_encode(codec::Encoder&, const Ghost&) {}
[[maybe_unused]] Ghost asyncio_decode(codec::Decoder&, codec::Type<Ghost>) { return {}; }

struct Unsendable {
  std::string text;
};

}  // namespace shapes

namespace {

using shapes::Colour;
using shapes::Empty;
using shapes::Point;
using shapes::Tree;

static_assert(codec::Encodable<std::vector<std::optional<Point>>>);
static_assert(codec::Encodable<std::variant<std::monostate, Tree>>);
static_assert(!codec::Encodable<const char*>);
static_assert(!codec::Encodable<std::string_view>);
static_assert(!codec::Encodable<std::vector<int*>>);
static_assert(!codec::Encodable<std::reference_wrapper<int>>);
static_assert(!codec::Encodable<shapes::Unsendable>);
static_assert(!codec::Encodable<std::map<int, shapes::Unsendable>>);
static_assert(!codec::Encodable<long double>);

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

Tree deep_tree(int depth) {
  Tree tree{"leaf", {}};
  for (int i = 0; i < depth; ++i) {
    Tree parent{"n", {}};
    parent.children.push_back(std::move(tree));
    tree = std::move(parent);
  }
  return tree;
}

template <class T>
std::string error_of(std::string_view encoded) {
  try {
    (void)codec::decode<T>(encoded);
  } catch (const codec::DecodeError& error) {
    return error.what();
  }
  return "no error";
}

/// What is written is read as the same; every part of it is too short; what follows is too much;
/// other bits are another value or an error.
template <class T>
void check(const T& value) {
  const std::string encoded = codec::encode(value);
  EXPECT_EQ(codec::decode<T>(encoded), value);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_THROW((void)codec::decode<T>(std::string_view(encoded).substr(0, size)),
                 codec::DecodeError)
        << size << " of " << encoded.size();
  }
  EXPECT_THROW((void)codec::decode<T>(encoded + '\0'), codec::DecodeError);
  for (std::size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    std::string other = encoded;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
    try {
      (void)codec::decode<T>(other);
    } catch (const codec::DecodeError&) {
      // That is allowed, and nothing else.
    }
  }
}

}  // namespace

TEST(Codec, WritesTheFormatOfTheDocuments) {
  EXPECT_EQ(codec::encode(true, false), bytes({1, 0}));
  EXPECT_EQ(codec::encode(std::int32_t{-2}), bytes({0xfe, 0xff, 0xff, 0xff}));
  EXPECT_EQ(codec::encode(std::uint16_t{0x1234}), bytes({0x34, 0x12}));
  EXPECT_EQ(codec::encode(Colour::green), bytes({1}));
  EXPECT_EQ(codec::encode(1.0F), bytes({0, 0, 0x80, 0x3f}));
  EXPECT_EQ(codec::encode(std::string("hi")), bytes({2, 'h', 'i'}));
  EXPECT_EQ(codec::encode(std::string_view("hi")), bytes({2, 'h', 'i'}));
  EXPECT_EQ(codec::encode(std::string(300, 'a')).substr(0, 3), bytes({0xac, 0x02, 'a'}));
  EXPECT_EQ(codec::encode(std::vector<std::uint8_t>{7, 8}), bytes({2, 7, 8}));
  EXPECT_EQ(codec::encode(std::vector<bool>{true}), bytes({1, 1}));
  EXPECT_EQ(codec::encode(std::array<std::uint8_t, 2>{7, 8}), bytes({7, 8}));
  EXPECT_EQ(codec::encode(std::map<std::string, bool>{{"a", true}}), bytes({1, 1, 'a', 1}));
  EXPECT_EQ(codec::encode(std::optional<bool>(true), std::optional<bool>()), bytes({1, 1, 0}));
  EXPECT_EQ(codec::encode(std::variant<bool, std::string>("x")), bytes({1, 1, 'x'}));
  EXPECT_EQ(codec::encode(std::monostate(), Empty(), std::tuple<>()), bytes({0, 0, 0}));
  EXPECT_EQ(codec::encode(asyncio::Duration(1us)), bytes({0xe8, 3, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(codec::encode(std::filesystem::path("/a")), bytes({2, '/', 'a'}));
  EXPECT_EQ(codec::encode(Point{1, 0}).substr(0, 2), bytes({16, 1}));
}

TEST(Codec, ReadsWhatItHasWritten) {
  check(true);
  check(std::numeric_limits<std::int64_t>::min());
  check(std::uint64_t{1} << 63);
  check('x');
  check(2.5);
  check(Colour::green);
  check(std::string("text with a \0 in it", 19));
  check(std::u16string(u"wide"));
  check(std::filesystem::path("/tmp/a b"));
  check(asyncio::Duration(3s));
  check(5min);
  check(std::chrono::duration<double>(0.25));
  check(Point{3, 4.5});
  check(Empty());
  check(std::vector<Point>{{1, 2}, {3, 4}});
  check(std::deque<Point>{{1, 2}, {3, 4}});
  check(std::vector<double>{1, 2, 3});
  check(std::vector<bool>{true, false, true});
  check(std::vector<std::string>{"", "a", "bc"});
  check(std::list<int>{1, 2});
  check(std::array<int, 3>{1, 2, 3});
  check(std::array<std::string, 2>{"a", "b"});
  check(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  check(std::unordered_map<int, std::string>{{1, "x"}, {2, "y"}});
  check(std::multimap<int, int>{{1, 1}, {1, 2}});
  check(std::set<std::string>{"a", "b"});
  check(std::unordered_set<int>{1, 2, 3});
  check(std::pair<int, std::string>{1, "one"});
  check(std::tuple<int, std::tuple<std::string>, bool>{1, {"a"}, true});
  check(std::optional<std::string>("x"));
  check(std::optional<std::optional<int>>(std::optional<int>()));
  check(std::variant<std::monostate, int, std::string>("alternative"));
  check(Tree{"root", {{"a", {}}, {"b", {{"c", {}}}}}});
}

TEST(Codec, ReadsRandomTablesThatItHasWritten) {
  using Table = std::map<std::string, std::vector<std::tuple<std::int16_t, std::optional<double>>>>;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Table table;
    for (unsigned rows = random() % 8; rows > 0; --rows) {
      auto& row = table[std::string(random() % 200, static_cast<char>(random()))];
      for (unsigned i = random() % 20; i > 0; --i) {
        const auto number = static_cast<std::int16_t>(random());
        row.emplace_back(number,
                         number % 3 == 0 ? std::nullopt : std::optional<double>(number / 7.0));
      }
    }
    EXPECT_EQ(codec::decode<Table>(codec::encode(table)), table);
  }
}

TEST(Codec, ReadsAnyBytesWithoutHarm) {
  using Anything =
      std::tuple<std::vector<std::string>, std::map<int, std::vector<double>>, std::vector<Tree>,
                 std::variant<int, std::deque<bool>>, std::set<std::string>, std::vector<Point>>;
  std::mt19937 random(8);
  for (int round = 0; round < 20'000; ++round) {
    std::string noise(random() % 64, '\0');
    for (char& byte : noise) byte = static_cast<char>(random() % (round % 2 == 0 ? 256 : 6));
    try {
      (void)codec::decode<Anything>(noise);
    } catch (const codec::DecodeError&) {
      // That is allowed, and nothing else.
    }
  }
}

TEST(Codec, DoesNotBelieveANumberOfElementsThatCannotBeThere) {
  const std::string many = bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2});
  EXPECT_NE(error_of<std::string>(many).find("are too many"), std::string::npos);
  EXPECT_NE(error_of<std::vector<double>>(many).find("are too many"), std::string::npos);
  EXPECT_NE(error_of<std::vector<std::string>>(many).find("are too many"), std::string::npos);
  EXPECT_NE(error_of<std::vector<Tree>>(many).find("are too many"), std::string::npos);
  EXPECT_THROW((void)codec::decode<std::vector<Point>>(many), codec::DecodeError);
  EXPECT_THROW((void)codec::decode<std::vector<std::monostate>>(many), codec::DecodeError);
}

TEST(Codec, SaysWhatWasWantedAndWhere) {
  EXPECT_EQ((error_of<std::pair<bool, double>>(bytes({1, 2, 3}))),
            "decode(): wanted 8 bytes of a floating-point number at offset 1, of 3 bytes");
  EXPECT_EQ(error_of<bool>(bytes({2})),
            "decode(): a bool that is neither 0 nor 1 at offset 1, of 1 bytes");
  EXPECT_EQ(error_of<bool>(bytes({1, 1})), "decode(): 1 bytes follow at offset 1, of 2 bytes");
}

TEST(Codec, RefusesASecondKeyAndNumbersThatAreNotShort) {
  EXPECT_NE((error_of<std::map<bool, bool>>(bytes({2, 1, 0, 1, 1}))).find("a key twice"),
            std::string::npos);
  EXPECT_NE(error_of<std::set<bool>>(bytes({2, 1, 1})).find("an element twice"), std::string::npos);
  EXPECT_NE(error_of<std::string>(bytes({0x80, 0})).find("needless zeros"), std::string::npos);
  EXPECT_NE(error_of<std::string>(bytes({255, 255, 255, 255, 255, 255, 255, 255, 255, 2}))
                .find("more than 64 bits"),
            std::string::npos);
}

TEST(Codec, BoundsHowDeepHooksAreNested) {
  EXPECT_EQ(codec::decode<Tree>(codec::encode(deep_tree(200))), deep_tree(200));
  EXPECT_THROW((void)codec::encode(deep_tree(300)), std::invalid_argument);
  std::string hostile;
  for (int i = 0; i < 100'000; ++i) hostile += bytes({0, 1});
  EXPECT_NE(error_of<Tree>(hostile).find("nested more than 256 deep"), std::string::npos);
}

TEST(Codec, RefusesElementsThatTakeNoBytes) {
  EXPECT_THROW((void)codec::encode(std::vector<shapes::Ghost>(2)), std::invalid_argument);
}

TEST(Codec, SignaturesTellStructuresApart) {
  EXPECT_EQ((codec::signature<int, std::string>()), (codec::signature<int, std::string>()));
  EXPECT_NE((codec::signature<int, std::string>()), (codec::signature<std::string, int>()));
  EXPECT_NE(codec::signature<std::int32_t>(), codec::signature<std::uint32_t>());
  EXPECT_NE(codec::signature<std::int32_t>(), codec::signature<std::int64_t>());
  EXPECT_NE(codec::signature<std::int32_t>(), codec::signature<float>());
  EXPECT_NE((codec::signature<std::pair<int, int>>()), (codec::signature<int, int>()));
  EXPECT_NE(codec::signature<Point>(), codec::signature<Empty>());
  EXPECT_NE(codec::signature<std::chrono::seconds>(),
            codec::signature<std::chrono::milliseconds>());
  EXPECT_EQ(codec::signature<std::vector<int>>(), codec::signature<std::deque<int>>());
}
