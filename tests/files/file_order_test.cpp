// Several tasks at one file, and what a cancellation leaves. On a disk that is never in memory,
// where a test says so.

#include <asyncio/asyncio.hpp>
#include <asyncio/file.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/files.hpp"
#include "support/pattern.hpp"
#include "support/shuffled.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::File;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using support::Folder;

namespace {

/// Nothing is in memory, or the system cannot tell, so threads read.
struct Cold {
  explicit Cold(int error = EAGAIN) : fault(Call::read_cached, error, 0, 1'000'000) {}
  Fault fault;
};

std::string on_disk(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Coro<std::string> read(const File& file, std::size_t most) { co_return co_await file.read(most); }

/// Until one more thread is inside of a read of this FIFO, none of which is known from outside:
/// it has had its chance.
Coro<> soon() {
  co_await asyncio::to_thread([] { ::usleep(20'000); });
}

}  // namespace

ASYNC_TEST(FileOrder, ThreadsReadTheSameAsTheLoop) {
  const Folder folder;
  const std::string text = support::pattern(1'300'000);
  const std::string path = folder.write("x", text);
  for (const int error : {EAGAIN, EOPNOTSUPP}) {
    const Cold cold(error);
    auto file = co_await asyncio::open(path);
    EXPECT_EQ(co_await file.read(10), text.substr(0, 10));
    EXPECT_TRUE(co_await file.read(500'000) == text.substr(10, 500'000));
    std::vector<char> buffer(600'000);
    EXPECT_EQ(co_await file.read_into(std::span(buffer)), 600'000U);
    EXPECT_TRUE(std::string_view(buffer.data(), buffer.size()) == text.substr(500'010, 600'000));
    std::string rest;
    while (auto line = co_await file.next_line()) rest += *line;
    EXPECT_TRUE(rest == text.substr(1'100'010));
    EXPECT_EQ(co_await file.seek(5), 5);
    EXPECT_TRUE(co_await file.read() == text.substr(5));
  }
}

ASYNC_TEST(FileOrder, EachTaskHasItsTurnInTheOrderInWhichTheyAsk) {
  if (support::shuffled()) co_return;
  const Folder folder;
  const std::string path = folder.write("x", "onetwosixten");
  for (const bool is_cold : {false, true}) {
    std::optional<Cold> cold;
    if (is_cold) cold.emplace();
    auto file = co_await asyncio::open(path);
    std::vector<asyncio::Task<std::string>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(asyncio::create_task(read(file, 3)));
    std::string all;
    for (auto& task : tasks) all += co_await task + ",";
    EXPECT_EQ(all, "one,two,six,ten,,");
  }
}

ASYNC_TEST(FileOrder, WritesOfSeveralTasksDoNotMix) {
  if (support::shuffled()) co_return;
  const Folder folder;
  const std::string path = folder / "x";
  auto file = co_await asyncio::open(path, "w");
  std::vector<asyncio::Task<>> tasks;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const std::string part(static_cast<std::size_t>(1 + i * 1000), static_cast<char>('a' + i));
    expected += part;
    tasks.push_back(asyncio::create_task(file.write(part)));
  }
  auto closing = asyncio::create_task(file.close());
  for (auto& task : tasks) co_await task;
  co_await closing;
  EXPECT_TRUE(on_disk(path) == expected);
}

ASYNC_TEST(FileOrder, ATaskThatReadsFromMemoryLetsTheOthersRun) {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line\n";
  auto file = co_await asyncio::open(folder.write("x", text));
  int turns = 0;
  auto other = asyncio::create_task([](int& n) -> Coro<> {
    while (true) {
      ++n;
      co_await asyncio::sleep(asyncio::Duration());
    }
  }(turns));
  int lines = 0;
  while (co_await file.next_line()) ++lines;
  EXPECT_EQ(lines, 100'000);
  EXPECT_GT(turns, 100);
  other.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(other)).cancelled());
}

ASYNC_TEST(FileOrder, ACancelledReadHasReadNothing) {
  const Folder folder;
  const std::string text = support::pattern(900'000);
  const std::string path = folder.write("x", text);
  const Cold cold;
  auto file = co_await asyncio::open(path);
  for (const std::size_t size : {std::size_t{100}, std::size_t{500'000}}) {
    auto reading = asyncio::create_task(read(file, size));
    co_await asyncio::sleep(asyncio::Duration());
    reading.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(reading)).cancelled());
    EXPECT_EQ(file.tell(), 0);
  }
  EXPECT_TRUE(co_await file.read() == text);
}

ASYNC_TEST(FileOrder, WhatACancelledReadOfAFifoHasTakenIsForTheNext) {
  const Folder folder;
  const std::string path = folder / "fifo";
  ASYNC_ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto opening = asyncio::create_task(asyncio::open(path));
  auto writer = co_await asyncio::open(path, "w");
  auto reader = co_await std::move(opening);
  auto reading = asyncio::create_task(read(reader, 5));
  co_await soon();
  reading.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(reading)).cancelled());
  co_await writer.write("hello");
  EXPECT_EQ(co_await reader.read(5), "hello");
}

ASYNC_TEST(FileOrder, ACancelledWriteIsWholeOrNothingAndTheNextWaitsForIt) {
  const Folder folder;
  const std::string path = folder / "x";
  const std::string big(8'000'000, 'b');
  for (const bool early : {true, false}) {
    auto file = co_await asyncio::open(path, "w");
    auto writing = asyncio::create_task(file.write(big));
    co_await asyncio::sleep(asyncio::Duration());
    if (!early) co_await soon();
    writing.cancel();
    (void)co_await asyncio::as_result(writing);
    co_await file.write("end");
    const auto size = static_cast<std::size_t>(co_await file.size());
    EXPECT_TRUE(size == 3 || size == big.size() + 3) << size;
    EXPECT_EQ(static_cast<std::size_t>(file.tell()), size);
    EXPECT_TRUE(on_disk(path).ends_with("end"));
    co_await file.close();
  }
}

ASYNC_TEST(FileOrder, AFileMayGoWhileAThreadWritesToIt) {
  const Folder folder;
  const std::string path = folder / "x";
  {
    auto file = co_await asyncio::open(path, "w");
    auto writing = asyncio::create_task(file.write(std::string(4'000'000, 'x')));
    co_await asyncio::sleep(asyncio::Duration());
    writing.cancel();
    (void)co_await asyncio::as_result(writing);
  }
  // What the thread still does, it does to a file that is its own.
  auto again = co_await asyncio::open(path);
  EXPECT_LE(co_await again.size(), 4'000'000);
}

ASYNC_TEST(FileOrder, CloseWaitsForItsTurnAndWhoComesAfterIsTold) {
  if (support::shuffled()) co_return;
  const Folder folder;
  const std::string path = folder / "x";
  auto file = co_await asyncio::open(path, "w");
  auto writing = asyncio::create_task(file.write("text"));
  auto closing = asyncio::create_task(file.close());
  auto again = asyncio::create_task(file.close());
  auto late = asyncio::create_task(file.write("late"));
  co_await writing;
  co_await closing;
  co_await again;
  EXPECT_NE((co_await asyncio::as_result(late)).error(), nullptr);
  EXPECT_EQ(on_disk(path), "text");
}

TEST(FileInject, ACancellationAtAnyAwaitLeavesNothingBehind) {
  const Folder folder;
  const std::string path = folder.write("x", "one\ntwo\nthree\n" + support::pattern(400'000));
  for (const bool is_cold : {false, true}) {
    std::optional<Cold> cold;  // here: a thread may still be in a job that was cancelled
    if (is_cold) cold.emplace();
    EXPECT_EQ(asyncio::testing::cancel_at_each_await([&]() -> Coro<> {
                auto file = co_await asyncio::open(path, "r+");
                (void)co_await file.readline();
                (void)co_await file.next_line();
                (void)co_await file.read(300'000);
                std::vector<char> buffer(100'000);
                (void)co_await file.read_into(std::span(buffer));
                co_await file.write("more");
                (void)co_await file.seek(0, SEEK_END);
                co_await file.truncate();
                co_await file.sync();
                co_await file.close();
                (void)co_await asyncio::read_text(path);
              }),
              "");
  }
}

TEST(FileInject, WithoutMemoryAnywhereNothingIsLeftBehind) {
  const Folder folder;
  const std::string path = folder.write("x", "one\ntwo\nthree\n" + support::pattern(400'000));
  for (const bool is_cold : {false, true}) {
    std::optional<Cold> cold;
    if (is_cold) cold.emplace();
    EXPECT_EQ(asyncio::testing::fail_at_each_allocation([&]() -> Coro<> {
                auto file = co_await asyncio::open(path, "r+");
                (void)co_await file.readline();
                (void)co_await file.next_line();
                (void)co_await file.read(300'000);
                co_await file.write("more");
                co_await file.close();
              }),
              "");
  }
}

namespace {

/// What an operation fails with when a call does, or "none".
template <class F>
Coro<std::string> with_fault(Call call, int error, F operation) {
  const Fault fault(call, error);
  try {
    co_await operation();
  } catch (const std::exception& e) {
    co_return e.what();
  }
  co_return "none";
}

}  // namespace

// failure 92
ASYNC_TEST(FileInject, EachCallThatFailsIsTold) {
  const Folder folder;
  const std::string path = folder.write("x", support::pattern(1000));
  auto file = co_await asyncio::open(path, "r+");
  auto reads = [&]() -> Coro<> {
    (void)co_await file.read(1);
    co_await file.seek(900);
  };
  auto writes = [&]() -> Coro<> { co_await file.write("text"); };
  auto cuts = [&]() -> Coro<> { co_await file.truncate(10); };
  auto syncs = [&]() -> Coro<> { co_await file.sync(); };
  auto asks = [&]() -> Coro<> { (void)co_await file.size(); };
  auto opens = [&]() -> Coro<> { (void)co_await asyncio::open(path); };
  auto closes = [&]() -> Coro<> {
    auto other = co_await asyncio::open(path);
    const std::exception_ptr error = (co_await asyncio::as_result(other.close())).error();
    EXPECT_TRUE(other.is_closed());
    if (error != nullptr) std::rethrow_exception(error);
  };
  const std::string io = ": Input/output error";
  EXPECT_EQ(co_await with_fault(Call::read_cached, EIO, reads), "read " + path + io);
  {
    const Cold cold;
    EXPECT_EQ(co_await with_fault(Call::read, EIO, reads), "read " + path + io);
    EXPECT_EQ(co_await with_fault(Call::read, EINTR, reads), "none");
  }
  EXPECT_EQ(co_await with_fault(Call::read_cached, EINTR, reads), "none");
  EXPECT_EQ(co_await with_fault(Call::write, ENOSPC, writes),
            "write " + path + ": No space left on device");
  EXPECT_EQ(co_await with_fault(Call::write, EINTR, writes), "none");
  EXPECT_EQ(co_await with_fault(Call::truncate, EIO, cuts), "truncate " + path + io);
  EXPECT_EQ(co_await with_fault(Call::sync, EIO, syncs), "sync " + path + io);
  EXPECT_EQ(co_await with_fault(Call::status, EIO, asks), "size " + path + io);
  EXPECT_EQ(co_await with_fault(Call::status, EIO, opens), "open " + path + io);
  EXPECT_EQ(co_await with_fault(Call::open, EMFILE, opens),
            "open " + path + ": Too many open files");
  EXPECT_EQ(co_await with_fault(Call::close, EIO, closes), "close " + path + io);
}

ASYNC_TEST(FileInject, AWriteThatGetsPartsOfItGoesOn) {
  const Folder folder;
  const std::string path = folder / "x";
  auto file = co_await asyncio::open(path, "w");
  {
    const asyncio::detail::sys::Limit limit(Call::write, 7);
    co_await file.write(support::pattern(1000));
    EXPECT_TRUE(on_disk(path) == support::pattern(1000));
    const Fault fault(Call::write, ENOSPC, 2);
    EXPECT_THROW(co_await file.write("a text of some bytes"), std::system_error);
  }
  EXPECT_EQ(file.tell(), 1014);  // what was written is
}
