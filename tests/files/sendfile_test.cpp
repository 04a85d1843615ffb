// asyncio::sendfile()

#include <asyncio/asyncio.hpp>
#include <asyncio/file.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/files.hpp"
#include "support/pattern.hpp"
#include "support/sockets.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

using asyncio::Coro;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using support::Folder;

namespace {

struct Ends {
  asyncio::Connection here;
  asyncio::Connection there;
};

Ends make_ends() {
  auto pair = support::narrow_pair();
  return {asyncio::open_connection(std::move(pair.first)),
          asyncio::open_connection(std::move(pair.second))};
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

}  // namespace

// NET-129
ASYNC_TEST(FileSendfile, SendsAFileToAStreamBetweenWhatIsWritten) {
  const Folder folder;
  const std::string text = support::pattern(2'000'000);
  auto file = co_await asyncio::open(folder.write("x", text));
  EXPECT_EQ(co_await file.read(5), text.substr(0, 5));
  for (const bool by_system : {true, false}) {
    const Fault refused(Call::send_file, EINVAL, by_system ? 1'000'000 : 0, 1'000'000);
    Ends ends = make_ends();
    auto& writer = ends.here.writer;
    writer.write("before");
    auto all = asyncio::create_task(asyncio::sendfile(writer, file));
    EXPECT_TRUE(co_await ends.there.reader.readexactly(text.size() + 6) == "before" + text);
    EXPECT_EQ(co_await all, text.size());
    auto part = asyncio::create_task(asyncio::sendfile(writer, file, {.offset = 7, .count = 9}));
    EXPECT_EQ(co_await ends.there.reader.readexactly(9), text.substr(7, 9));
    EXPECT_EQ(co_await part, 9U);
    EXPECT_EQ(co_await asyncio::sendfile(writer, file, {.offset = 2'000'000}), 0U);
    writer.write("after");
    EXPECT_EQ(co_await ends.there.reader.readexactly(5), "after");
    EXPECT_EQ(file.tell(), 5);
    writer.close();
    ends.there.writer.close();
  }
}

// NET-129
ASYNC_TEST(FileSendfile, ACancelledOneLeavesTheConnectionAndTheFile) {
  const Folder folder;
  const std::string text = support::pattern(2'000'000);
  auto file = co_await asyncio::open(folder.write("x", text));
  for (const bool by_system : {true, false}) {
    const Fault refused(Call::send_file, EINVAL, by_system ? 1'000'000 : 0, 1'000'000);
    Ends ends = make_ends();
    auto sending = asyncio::create_task(asyncio::sendfile(ends.here.writer, file));
    EXPECT_EQ(co_await ends.there.reader.readexactly(100), text.substr(0, 100));
    sending.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(sending)).cancelled());
    ends.here.writer.close();
    (void)co_await ends.there.reader.read();
    ends.there.writer.close();
  }
  EXPECT_EQ(co_await file.read(5), text.substr(0, 5));
}

ASYNC_TEST(FileSendfile, RefusesWhatCannotBeSent) {
  const Folder folder;
  const std::string path = folder.write("x", "text");
  auto file = co_await asyncio::open(path);
  Ends ends = make_ends();
  const auto& writer = ends.here.writer;
  EXPECT_EQ(co_await error_of(asyncio::sendfile(writer, file, {.offset = -1})),
            "sendfile(): offset must be a non-negative integer (got -1)");
  EXPECT_EQ(co_await error_of(asyncio::sendfile(writer, file, {.count = 0})),
            "sendfile(): count must be a positive integer (got 0)");
  EXPECT_EQ(co_await error_of(asyncio::sendfile(writer, asyncio::File())),
            "sendfile(): this File is none; asyncio::open() gives one");
  writer.close();
  EXPECT_EQ(co_await error_of(asyncio::sendfile(writer, file)),
            "sendfile(): the writer is closing; open another connection");
  co_await file.close();
  EXPECT_EQ(co_await error_of(asyncio::sendfile(writer, file)),
            "sendfile(): the file " + path + " is closed; open it again");
  ends.there.writer.close();
}
