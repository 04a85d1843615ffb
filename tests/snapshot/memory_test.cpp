#include "snapshot/memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using asyncio::snapshot::Memory;
using asyncio::snapshot::Piece;
using asyncio::snapshot::Unreadable;

namespace {

constexpr std::size_t page = 4096;

std::uint64_t address_of(const void* object) { return reinterpret_cast<std::uint64_t>(object); }

std::string refusal(Memory& memory) {
  try {
    memory.find_mappings();
  } catch (const Unreadable& error) {
    return error.what();
  }
  return "";
}

// Three pages; the one in the middle cannot be read.
class Pages {
 public:
  Pages() {
    at_ = static_cast<char*>(
        ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(at_, 'x', 3 * page);
    ::munmap(at_ + page, page);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() {
    ::munmap(at_, page);
    ::munmap(at_ + 2 * page, page);
  }
  [[nodiscard]] char* at(std::size_t offset) const noexcept { return at_ + offset; }

 private:
  char* at_;
};

TEST(Memory, CopiesManyPiecesInAnyOrder) {
  std::vector<std::uint64_t> values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i * i;
  std::vector<std::uint64_t> copies(values.size());
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t at = i * 7919 % values.size();
    pieces.push_back({address_of(&values[at]), &copies[at], 8});
  }
  Memory::of_process(::getpid())->read(pieces);
  EXPECT_EQ(copies, values);
}

TEST(Memory, GivesZerosForWhatIsNotThereAndTheRestAllTheSame) {
  const Pages pages;
  const auto memory = Memory::of_process(::getpid());
  // At both ends of the hole, across its borders, in it, and far away from everything.
  const std::array<std::size_t, 6> offsets{page - 8,     page - 4, page,
                                           2 * page - 4, 2 * page, 2 * page + 8};
  std::array<std::array<char, 8>, 7> copies;
  for (auto& copy : copies) copy.fill('?');
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    pieces.push_back({address_of(pages.at(offsets[i])), copies[i].data(), 8});
  }
  pieces.push_back({0x1000, copies[6].data(), 8});
  memory->read(pieces);
  const std::string there(8, 'x');
  const std::string zeros(8, '\0');
  const std::array<std::string, 7> expected{there, zeros, zeros, zeros, there, there, zeros};
  for (std::size_t i = 0; i < copies.size(); ++i) {
    EXPECT_EQ(std::string(copies[i].data(), 8), expected[i]) << i;
  }
}

TEST(Memory, CopiesWhatIsLargerThanOneSystemCallTakes) {
  std::vector<char> large(20 << 20, 'z');
  std::vector<char> copy(large.size());
  std::vector<Piece> pieces;
  constexpr std::uint32_t size = 1 << 20;
  for (std::size_t i = 0; i < large.size(); i += size) {
    pieces.push_back({address_of(&large[i]), &copy[i], size});
  }
  Memory::of_process(::getpid())->read(pieces);
  EXPECT_EQ(copy, large);
}

TEST(Memory, ReadsATextUpToItsEndOrTheLimit) {
  const Pages pages;
  const auto memory = Memory::of_process(::getpid());
  std::string text;
  EXPECT_TRUE(memory->read_text(address_of("hello"), 100, text));
  EXPECT_EQ(text, "hello");
  EXPECT_TRUE(memory->read_text(address_of(pages.at(0)), 1000, text));
  EXPECT_EQ(text, std::string(1000, 'x'));
  EXPECT_FALSE(memory->read_text(address_of(pages.at(page - 10)), 1000, text));  // no end
}

TEST(Memory, KnowsWhatComesFromAFile) {
  const auto memory = Memory::of_process(::getpid());
  memory->find_mappings();
  static const int constant = 1;
  EXPECT_TRUE(memory->in_file(address_of(&constant)));
  EXPECT_FALSE(memory->in_file(address_of(std::make_unique<int>().get())));
  EXPECT_FALSE(memory->in_file(0));
  EXPECT_FALSE(memory->in_file(~std::uint64_t{0}));
}

// DBG-046
TEST(Memory, SaysThatThereIsNoSuchProcess) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(refusal(*Memory::of_process(child)), "there is no process " + std::to_string(child));
}

// DBG-046
TEST(Memory, SaysHowToReadAProcessThatMayNotBe) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  int pipe[2] = {};
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    std::string text = ::setuid(nobody) == 0 ? "" : "setuid failed";
    if (text.empty()) text = refusal(*Memory::of_process(parent));
    ::_exit(::write(pipe[1], text.data(), text.size()) > 0 ? 0 : 1);
  }
  ::close(pipe[1]);
  char text[1024];
  const ssize_t size = ::read(pipe[0], text, sizeof text);
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  ASSERT_GT(size, 0);
  const std::string said(text, static_cast<std::size_t>(size));
  const std::string begin = "process " + std::to_string(parent) +
                            " may not be read by user 65534: run this as the same user, or as root";
  EXPECT_TRUE(said.starts_with(begin)) << said;
  EXPECT_NE(said.find("SYS_PTRACE"), std::string::npos) << said;
}

}  // namespace
