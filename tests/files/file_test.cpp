#include <asyncio/asyncio.hpp>
#include <asyncio/file.hpp>
#include <asyncio/testing.hpp>

#include "support/descriptors.hpp"
#include "support/files.hpp"
#include "support/pattern.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using asyncio::Coro;
using asyncio::File;
using support::Folder;

namespace {

std::string on_disk(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Coro<std::vector<std::string>> lines_of(const File& file) {
  std::vector<std::string> lines;
  while (auto line = co_await file.next_line()) lines.push_back(*line);
  co_return lines;
}

template <class A>
Coro<std::string> error_of(A awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "none";
}

Coro<std::string> error_of_open(std::string path, std::string mode = "r") {
  auto opening = asyncio::open(path, mode);
  co_return co_await error_of(std::move(opening));
}

}  // namespace

ASYNC_TEST(File, ReadsAllOfIt) {
  const Folder folder;
  const std::string text = support::pattern(3'000'000);
  auto file = co_await asyncio::open(folder.write("x", text));
  EXPECT_TRUE(co_await file.read() == text);
  EXPECT_EQ(co_await file.read(), "");
  EXPECT_EQ(file.tell(), 3'000'000);
  co_await file.close();
}

ASYNC_TEST(File, ReadsSoManyBytesAndFewerOnlyAtTheEnd) {
  const Folder folder;
  const std::string text = support::pattern(2'500'000);
  const std::string path = folder.write("x", text);
  for (const std::size_t size :
       {std::size_t{1000}, std::size_t{65536}, std::size_t{1} << 20, std::size_t{2'000'000}}) {
    auto file = co_await asyncio::open(path, "rb");
    std::string all;
    while (true) {
      const std::string part = co_await file.read(size);
      all += part;
      EXPECT_EQ(file.tell(), static_cast<std::int64_t>(all.size()));
      if (part.size() < size) break;
    }
    EXPECT_TRUE(all == text) << size;
    EXPECT_EQ(co_await file.read(size), "");
    co_await file.close();
  }
}

ASYNC_TEST(File, ReadsIntoABuffer) {
  const Folder folder;
  const std::string text = support::pattern(3'000'000);
  auto file = co_await asyncio::open(folder.write("x", text));
  std::vector<char> buffer(2'000'000);
  EXPECT_EQ(co_await file.read(10), text.substr(0, 10));  // reads ahead
  EXPECT_EQ(co_await file.read_into(std::span(buffer)), 2'000'000U);
  EXPECT_TRUE(std::string_view(buffer.data(), 2'000'000) == text.substr(10, 2'000'000));
  EXPECT_EQ(co_await file.read_into(std::span(buffer)), 999'990U);
  EXPECT_TRUE(std::string_view(buffer.data(), 999'990) == text.substr(2'000'010));
  EXPECT_EQ(co_await file.read_into(std::span(buffer)), 0U);
  EXPECT_EQ(co_await file.read_into(std::span<char>()), 0U);
  co_await file.close();
}

ASYNC_TEST(File, ReadsLinesHoweverLong) {
  const Folder folder;
  const std::string endless(5'000'000, 'x');
  auto file = co_await asyncio::open(folder.write("x", "one\n\n" + endless + "\nthree\nlast"));
  const auto lines = co_await lines_of(file);
  EXPECT_TRUE(lines ==
              (std::vector<std::string>{"one\n", "\n", endless + "\n", "three\n", "last"}));
  EXPECT_EQ(co_await file.readline(), "");
  EXPECT_FALSE((co_await file.next_line()).has_value());
  co_await file.close();
}

ASYNC_TEST(File, LinesAndBytesCanBeMixed) {
  const Folder folder;
  auto file = co_await asyncio::open(folder.write("x", "one\ntwo\nthree\n"));
  EXPECT_EQ(co_await file.readline(), "one\n");
  EXPECT_EQ(file.tell(), 4);
  EXPECT_EQ(co_await file.read(3), "two");
  EXPECT_EQ(co_await file.seek(1), 1);
  EXPECT_EQ(co_await file.readline(), "ne\n");
  EXPECT_EQ(co_await file.seek(-3, SEEK_END), 11);
  EXPECT_EQ(co_await file.read(), "ee\n");
  EXPECT_EQ(co_await file.seek(-1, SEEK_CUR), 13);
  EXPECT_EQ(co_await file.seek(1'000), 1'000);
  EXPECT_EQ(co_await file.read(10), "");
  co_await file.close();
}

ASYNC_TEST(File, WritesInEachMode) {
  const Folder folder;
  const std::string path = folder / "x";
  {
    auto file = co_await asyncio::open(path, "w");
    co_await file.write("first ");
    co_await file.write("");
    const std::vector<std::string> more{"second", "\n"};
    co_await file.writelines(more);
    EXPECT_EQ(file.tell(), 13);
    EXPECT_EQ(on_disk(path), "first second\n");  // without close() and flush()
    co_await file.close();
  }
  {
    auto file = co_await asyncio::open(path, "a+");
    EXPECT_EQ(file.tell(), 13);
    co_await file.write("third\n");
    EXPECT_EQ(file.tell(), 19);
    co_await file.seek(0);
    EXPECT_EQ(co_await file.readline(), "first second\n");
    co_await file.write("fourth\n");  // at the end all the same
    EXPECT_EQ(on_disk(path), "first second\nthird\nfourth\n");
    co_await file.close();
  }
  {
    auto file = co_await asyncio::open(path, "r+b");
    EXPECT_EQ(co_await file.read(6), "first ");
    co_await file.write("SECOND");
    EXPECT_EQ(co_await file.read(7), "\nthird\n");
    co_await file.truncate();
    co_await file.sync();
    EXPECT_EQ(co_await file.size(), 19);
    co_await file.truncate(5);
    EXPECT_EQ(file.tell(), 19);
    co_await file.close();
    EXPECT_EQ(on_disk(path), "first");
  }
  {
    auto file = co_await asyncio::open(path, "w+");
    EXPECT_EQ(co_await file.read(), "");
    co_await file.close();
    EXPECT_EQ(on_disk(path), "");
  }
  EXPECT_EQ(co_await error_of_open(path, "x"), "open " + path + ": File exists");
  auto made = co_await asyncio::open(folder / "new", "x");
  co_await made.write("made");
  co_await made.close();
  EXPECT_EQ(on_disk(folder / "new"), "made");
}

ASYNC_TEST(File, RefusesAModeThatThereIsNot) {
  for (const char* mode : {"", "b", "+", "rw", "r++", "rbb", "t", "q", "r b"}) {
    EXPECT_EQ(co_await error_of_open("/dev/null", mode),
              "open(): there is no mode \"" + std::string(mode) +
                  "\"; there are \"r\", \"w\", \"a\" and \"x\", each also with \"+\" to read and "
                  "write, and with \"b\", which says nothing");
  }
}

ASYNC_TEST(File, SaysWhyItCannotBeOpened) {
  const Folder folder;
  EXPECT_EQ(co_await error_of_open(folder / "none"),
            "open " + (folder / "none") + ": No such file or directory");
  EXPECT_EQ(co_await error_of_open(folder.path()), "open " + folder.path() + ": Is a directory");
  EXPECT_EQ(co_await error_of_open(folder.path(), "w"),
            "open " + folder.path() + ": Is a directory");
  EXPECT_EQ(co_await error_of_open(""), "open : No such file or directory");
  EXPECT_EQ(co_await error_of_open(std::string("/dev/null\0x", 11)),
            "open(): the path has a NUL in it, where the system would cut it off");
  try {
    (void)co_await asyncio::open(folder / "none");
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
}

ASYNC_TEST(File, IsForWhatItWasOpenedFor) {
  const Folder folder;
  const std::string path = folder.write("x", "text");
  auto reading = co_await asyncio::open(path);
  EXPECT_EQ(co_await error_of(reading.write("x")),
            "write(): the file " + path +
                " was opened with mode \"r\", which does not write; \"r+\", \"w\", \"a\" and \"x\" "
                "do");
  auto writing = co_await asyncio::open(path, "a");
  EXPECT_EQ(co_await error_of(writing.read(1)),
            "read(): the file " + path +
                " was opened with mode \"a\", which does not read; \"r\" and whatever has a \"+\" "
                "does");
  co_await reading.close();
  EXPECT_EQ(co_await error_of(reading.read(1)),
            "read(): the file " + path + " is closed; open it again");
  co_await reading.close();
}

ASYNC_TEST(File, OfNoneEveryCallSaysSo) {
  const File none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.fileno(), -1);
  EXPECT_EQ(none.repr(), "<File none>");
  EXPECT_THROW((void)none.read(1), asyncio::RuntimeError);
  EXPECT_THROW((void)none.tell(), asyncio::RuntimeError);
  EXPECT_EQ(co_await error_of(none.write("x")),
            "write(): this File is none; asyncio::open() gives one");
}

ASYNC_TEST(File, ClosesItselfAndByWith) {
  const Folder folder;
  const std::string path = folder.write("x", "text");
  const auto before = support::open_descriptors();
  {
    auto file = co_await asyncio::open(path);
    EXPECT_EQ(file.repr(), "<File " + path + " mode=r>");
    EXPECT_TRUE(support::is_open(file.fileno()));
    EXPECT_TRUE(::fcntl(file.fileno(), F_GETFD) & FD_CLOEXEC);
  }
  EXPECT_EQ(support::open_descriptors(), before);
  auto opened = co_await asyncio::open(path);
  const std::string text = co_await asyncio::with(
      std::move(opened), [](File& file) -> Coro<std::string> { co_return co_await file.read(); });
  EXPECT_EQ(text, "text");
  EXPECT_EQ(support::open_descriptors(), before);
}

ASYNC_TEST(File, OfTheKernelAndOfMemoryAreReadAsOthers) {
  // They say that they have no bytes, and nobody knows whether they can be read without waiting.
  EXPECT_TRUE((co_await asyncio::read_text("/proc/self/status")).starts_with("Name:"));
  auto status = co_await asyncio::open("/proc/self/status");
  EXPECT_TRUE((co_await status.readline()).starts_with("Name:"));
  EXPECT_TRUE((co_await status.read()).find("Threads:") != std::string::npos);
  auto zero = co_await asyncio::open("/dev/zero");
  EXPECT_TRUE(co_await zero.read(100'000) == std::string(100'000, '\0'));
  auto null = co_await asyncio::open("/dev/null", "r+");
  EXPECT_EQ(co_await null.read(), "");
  co_await null.write("text");
  auto memory = co_await asyncio::open("/proc/self/mem");
  EXPECT_EQ(co_await error_of(memory.read(1)), "read /proc/self/mem: Input/output error");
}

ASYNC_TEST(File, AFullDiskIsReported) {
  auto full = co_await asyncio::open("/dev/full", "w");
  EXPECT_EQ(co_await error_of(full.write("text")), "write /dev/full: No space left on device");
  EXPECT_EQ(co_await error_of(asyncio::write_text("/dev/full", "text")),
            "write_text /dev/full: No space left on device");
}

ASYNC_TEST(File, GrowsAndShrinksWhileItIsRead) {
  const Folder folder;
  const std::string path = folder.write("x", "one\n");
  auto file = co_await asyncio::open(path);
  EXPECT_EQ(co_await file.readline(), "one\n");
  EXPECT_EQ(co_await file.readline(), "");
  std::ofstream(path, std::ios::app) << "two\n" << std::flush;
  EXPECT_EQ(co_await file.readline(), "two\n");
  std::filesystem::resize_file(path, 2);
  EXPECT_EQ(co_await file.read(), "");
  EXPECT_EQ(file.tell(), 8);
}

ASYNC_TEST(File, OffsetsAboveFourGigabytesInASparseFile) {
  const Folder folder;
  auto file = co_await asyncio::open(folder / "x", "w+");
  const std::int64_t far = std::int64_t{5} << 30;
  co_await file.seek(far);
  co_await file.write("end");
  EXPECT_EQ(co_await file.size(), far + 3);
  co_await file.seek(-5, SEEK_CUR);
  EXPECT_EQ(co_await file.read(), std::string("\0\0end", 5));
  EXPECT_EQ(co_await file.seek(1 << 20), 1 << 20);
  EXPECT_TRUE(co_await file.read(70'000) == std::string(70'000, '\0'));
}

ASYNC_TEST(File, PlacesThatThereAreNotAreRefused) {
  const Folder folder;
  const std::string path = folder.write("x", "text");
  auto file = co_await asyncio::open(path, "r+");
  EXPECT_EQ(co_await error_of(file.seek(-1)),
            "seek(): -1 from 0 on is no place in the file " + path);
  EXPECT_EQ(co_await error_of(file.seek(-5, SEEK_END)),
            "seek(): -5 from 4 on is no place in the file " + path);
  EXPECT_EQ(co_await error_of(file.seek(0, 17)),
            "seek(): there is no whence 17; there are SEEK_SET, SEEK_CUR and SEEK_END");
  EXPECT_EQ(co_await error_of(file.truncate(-1)),
            "truncate(): a file cannot have -1 bytes; the least is 0");
}

ASYNC_TEST(File, AFifoIsReadAndHasNoPositions) {
  const Folder folder;
  const std::string path = folder / "fifo";
  ASYNC_ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto opening = asyncio::create_task(asyncio::open(path));
  auto writer = co_await asyncio::open(path, "w");
  auto reader = co_await std::move(opening);
  co_await writer.write("one\ntwo\nrest");
  EXPECT_EQ(co_await reader.readline(), "one\n");
  EXPECT_EQ(co_await reader.read(2), "tw");
  EXPECT_EQ(co_await error_of(reader.seek(0)), "seek " + path + ": Illegal seek");
  EXPECT_THROW((void)reader.tell(), std::system_error);
  co_await writer.close();
  EXPECT_EQ(co_await reader.read(), "o\nrest");
  EXPECT_EQ(co_await reader.read(), "");
}

ASYNC_TEST(File, WholeTextsAreReadAndWritten) {
  const Folder folder;
  const std::string text = support::pattern(1'000'000);
  co_await asyncio::write_text(folder / "x", text);
  EXPECT_TRUE(co_await asyncio::read_text(folder / "x") == text);
  co_await asyncio::write_text(folder / "x", "short");
  EXPECT_EQ(co_await asyncio::read_text(folder / "x"), "short");
  EXPECT_EQ(co_await error_of(asyncio::read_text(folder / "y")),
            "read_text " + (folder / "y") + ": No such file or directory");
}
