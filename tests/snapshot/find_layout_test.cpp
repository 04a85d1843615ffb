#include "snapshot/find_layout.hpp"

#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>

using asyncio::detail::LayoutNote;
using asyncio::snapshot::find_layout;
using asyncio::snapshot::is_there;
using asyncio::snapshot::Library;
using asyncio::snapshot::Mapping;
using asyncio::snapshot::Memory;
using asyncio::snapshot::Unreadable;

namespace {

/// This process, with a few bytes changed.
class Patched final : public Memory {
 public:
  Patched() { own_->find_mappings(); }
  [[nodiscard]] std::string name() const override { return "process 12"; }
  template <class T>
  void put(std::uint64_t address, const T& value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      bytes_[address + i] = reinterpret_cast<const std::byte*>(&value)[i];
    }
  }
  [[nodiscard]] std::uint64_t note() const { return find_layout(*own_).at(0).note; }

 private:
  [[nodiscard]] std::vector<Mapping> look_up_mappings() const override { return own_->mappings(); }
  std::size_t copy(std::span<const Range> ranges, std::byte* to) override {
    std::size_t copied = 0;
    for (const Range& range : ranges) {
      if (!own_->read(range.address, to + copied, range.size)) return copied;
      for (auto at = bytes_.lower_bound(range.address);
           at != bytes_.end() && at->first < range.address + range.size; ++at) {
        to[copied + at->first - range.address] = at->second;
      }
      copied += range.size;
    }
    return copied;
  }

  std::unique_ptr<Memory> own_ = Memory::of_process(::getpid());
  std::map<std::uint64_t, std::byte> bytes_;
};

std::string refusal(Memory& memory) {
  try {
    (void)find_layout(memory);
  } catch (const Unreadable& error) {
    return error.what();
  }
  return "";
}

TEST(FindLayout, FindsTheLibraryOfThisProgram) {
  const auto memory = Memory::of_process(::getpid());
  const std::vector<Library> found = find_layout(*memory);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].layout.size, sizeof(asyncio::detail::Layout));
  EXPECT_TRUE(is_there(*memory, found[0]));
}

TEST(FindLayout, RefusesAnotherVersionAndSaysBoth) {
  Patched memory;
  memory.put(memory.note() + offsetof(LayoutNote, version), std::uint32_t{77});
  EXPECT_EQ(refusal(memory),
            "process 12 has an asyncio library whose layout is of version 77, and this reads "
            "version 1; use the asyncio command that was installed along with that library");
}

TEST(FindLayout, BelievesNoLayoutThatPointsOutOfItsObjects) {
  const auto own = Memory::of_process(::getpid());
  const Library library = find_layout(*own).at(0);
  std::int64_t distance = 0;
  const std::uint64_t member = library.note + offsetof(LayoutNote, layout);
  ASSERT_TRUE(own->read(member, distance));
  const std::uint64_t layout = member + static_cast<std::uint64_t>(distance);
  for (const std::size_t offset :
       {offsetof(asyncio::detail::Layout, loop.name), offsetof(asyncio::detail::Layout, loop.size),
        offsetof(asyncio::detail::Layout, chunk_size),
        offsetof(asyncio::detail::Layout, task.waiting),
        offsetof(asyncio::detail::Layout, promise.owner),
        offsetof(asyncio::detail::Layout, place.line),
        offsetof(asyncio::detail::Layout, string.size)}) {
    Patched memory;
    memory.put(layout + offset, ~std::uint32_t{0} - 3);
    EXPECT_TRUE(
        refusal(memory).starts_with("process 12 has an asyncio library whose layout is not"))
        << offset;
  }
}

TEST(FindLayout, SaysThatThereIsNoAsyncio) {
  Patched memory;
  memory.put(memory.note() - 8, 'A');  // the owner's name
  EXPECT_NE(refusal(memory).find("process 12 has no asyncio: none of its "), std::string::npos);
}

TEST(FindLayout, NoticesThatTheProgramHasBecomeAnotherOne) {
  Patched memory;
  const Library library = find_layout(memory).at(0);
  memory.put(library.note, std::uint32_t{0});
  EXPECT_FALSE(is_there(memory, library));
}

}  // namespace
