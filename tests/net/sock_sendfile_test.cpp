#include <asyncio/asyncio.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/sockets.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::Socket;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using asyncio::detail::sys::Limit;
using support::errno_of;
using support::File;
using support::is_a;
using support::loop;
using support::pattern;
using support::receive_all;
using support::receive_exactly;

namespace {

constexpr std::uint64_t always = ~std::uint64_t{0};

// Both ends of a pipe; closes what is open.
struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(fds[0]);
    end();
  }
  void end() {
    if (fds[1] >= 0) ::close(std::exchange(fds[1], -1));
  }
  int fds[2] = {-1, -1};
};

// What the peer gets, and what sock_sendfile() gives.
struct Sent {
  std::string got;
  asyncio::Result<std::size_t> result;
};

Coro<asyncio::Result<std::size_t>> send_and_close(Socket socket, int file, std::int64_t offset,
                                                  std::optional<std::size_t> count, bool fallback) {
  co_return co_await asyncio::as_result(
      loop().sock_sendfile(socket, file, offset, count, fallback));
}

Coro<Sent> transfer(int file, std::int64_t offset = 0,
                    std::optional<std::size_t> count = std::nullopt, bool fallback = true) {
  auto pair = support::narrow_pair();
  auto sending =
      asyncio::create_task(send_and_close(std::move(pair.first), file, offset, count, fallback));
  std::string got = co_await receive_all(pair.second);
  auto result = co_await std::move(sending);
  Sent sent{std::move(got), std::move(result)};
  co_return sent;
}

// The system's sendfile() never works.
struct NoSendfile {
  Fault fault{Call::send_file, EINVAL, 0, always};
};

}  // namespace

// --- what is sent -------------------------------------------------------------------------------

// LOOP-089, NET-134
ASYNC_TEST(SockSendfile, SendsAWholeFile) {
  const std::string content = pattern(5'000'000);
  const File file(content);
  for (const bool tcp : {false, true}) {
    auto pair = co_await support::pair_by(tcp);
    auto sending = asyncio::create_task(
        send_and_close(std::move(pair.first), file.fd(), 0, std::nullopt, false));
    EXPECT_TRUE(co_await receive_all(pair.second) == content);
    EXPECT_EQ((co_await sending).value(), content.size());
    EXPECT_EQ(file.position(), 5'000'000);
  }
}

// NET-134, NET-137: the same by both ways
ASYNC_TEST(SockSendfile, OffsetAndCountAreHonouredByBothWays) {
  const std::string content = pattern(700'000);
  const File file(content);
  for (const bool native : {true, false}) {
    std::optional<NoSendfile> no_sendfile;
    if (!native) no_sendfile.emplace();
    const auto middle = co_await transfer(file.fd(), 1000, 500'000);
    EXPECT_EQ(middle.result.value(), 500'000U);
    EXPECT_TRUE(middle.got == content.substr(1000, 500'000));
    EXPECT_EQ(file.position(), 501'000);
    const auto beyond = co_await transfer(file.fd(), 699'000, 5000);
    EXPECT_EQ(beyond.result.value(), 1000U);
    EXPECT_TRUE(beyond.got == content.substr(699'000));
    EXPECT_EQ(file.position(), 700'000);
    const auto whole = co_await transfer(file.fd());
    EXPECT_EQ(whole.result.value(), content.size());
    EXPECT_TRUE(whole.got == content);
    const auto behind = co_await transfer(file.fd(), 800'000);
    EXPECT_EQ(behind.result.value(), 0U);
    EXPECT_EQ(file.position(), 800'000);
  }
}

// NET-134
ASYNC_TEST(SockSendfile, OfAnEmptyFileNothingIsSent) {
  const File file;
  for (const bool native : {true, false}) {
    std::optional<NoSendfile> no_sendfile;
    if (!native) no_sendfile.emplace();
    const auto sent = co_await transfer(file.fd());
    EXPECT_EQ(sent.result.value(), 0U);
    EXPECT_EQ(sent.got, "");
    EXPECT_EQ(file.position(), 0);
  }
}

// NET-134
ASYNC_TEST(SockSendfile, MixesWithOtherSending) {
  const File file("file");
  auto pair = asyncio::socketpair();
  co_await loop().sock_sendall(pair.first, "before ");
  EXPECT_EQ(co_await loop().sock_sendfile(pair.first, file.fd()), 4U);
  co_await loop().sock_sendall(pair.first, " after");
  pair.first.close();
  EXPECT_EQ(co_await receive_all(pair.second), "before file after");
}

// NET-137, failure 47
ASYNC_TEST(SockSendfile, ManySmallPartsAreExact) {
  const std::string content = pattern(5000);
  const File file(content);
  for (const Call call : {Call::send_file, Call::send}) {
    std::optional<NoSendfile> no_sendfile;
    if (call == Call::send) no_sendfile.emplace();
    const Limit limit(call, 1);
    const auto sent = co_await transfer(file.fd());
    EXPECT_EQ(sent.result.value(), content.size());
    EXPECT_TRUE(sent.got == content);
  }
}

// NET-134, failure 48: beyond what 32 bits can say
ASYNC_TEST(SockSendfile, OffsetsMayBeLarge) {
  const File file;
  const std::int64_t far = std::int64_t{5} << 30;
  EXPECT_EQ(::pwrite(file.fd(), "the end", 7, far), 7);
  for (const bool native : {true, false}) {
    std::optional<NoSendfile> no_sendfile;
    if (!native) no_sendfile.emplace();
    const auto sent = co_await transfer(file.fd(), far - 3);
    EXPECT_EQ(sent.result.value(), 10U);
    EXPECT_EQ(sent.got, std::string(3, '\0') + "the end");
    EXPECT_EQ(file.position(), far + 7);
  }
}

// NET-134, failure 48
ASYNC_TEST(SockSendfile, AFileThatIsCutOffMeanwhileEndsThere) {
  const std::string content = pattern(8'000'000);
  for (const bool native : {true, false}) {
    std::optional<NoSendfile> no_sendfile;
    if (!native) no_sendfile.emplace();
    const File file(content);
    auto pair = support::narrow_pair();
    auto sending = asyncio::create_task(
        send_and_close(std::move(pair.first), file.fd(), 0, std::nullopt, true));
    std::string got = co_await receive_exactly(pair.second, 300'000);
    EXPECT_EQ(::ftruncate(file.fd(), 1000), 0);
    got += co_await receive_all(pair.second);
    const auto result = co_await sending;
    EXPECT_EQ(result.value(), got.size());
    EXPECT_LT(got.size(), content.size());
    // Of what sendfile() has not copied yet, the system may zero what is behind the new end.
    EXPECT_TRUE(content.starts_with(native ? got.substr(0, 300'000) : got));
    EXPECT_EQ(file.position(), static_cast<std::int64_t>(got.size()));
  }
}

// NET-137, LOOP-081
ASYNC_TEST(SockSendfile, OthersRunWhileItNeedNotWait) {
  const File file(pattern(200));
  auto pair = asyncio::socketpair();
  const Limit limit(Call::send_file, 1);
  int turns = 0;
  bool stop = false;
  std::function<void()> count = [&] {
    ++turns;
    if (!stop) loop().call_soon(count);
  };
  loop().call_soon(count);
  EXPECT_EQ(co_await loop().sock_sendfile(pair.first, file.fd()), 200U);
  EXPECT_GE(turns, 2);
  stop = true;
  co_await asyncio::sleep(0s);
}

// --- what is refused ----------------------------------------------------------------------------

// NET-134
ASYNC_TEST(SockSendfile, ArgumentsAreCheckedAndTheFileIsLeftAlone) {
  const File file("content");
  ::lseek(file.fd(), 3, SEEK_SET);
  auto pair = asyncio::socketpair();
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendfile(pair.first, file.fd(), -1)),
            "invalid_argument: sock_sendfile(): the offset is -1; it must not be negative");
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendfile(pair.first, file.fd(), 0, 0)),
            "invalid_argument: sock_sendfile(): the count is 0; it must be positive, or "
            "std::nullopt for the whole file");
  Socket udp(asyncio::Address::Family::ipv4, Socket::Type::datagram);
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendfile(udp, file.fd())),
            "invalid_argument: sock_sendfile(): " + udp.repr() +
                " is no stream; a datagram is sent with sock_sendto()");
  pair.first.close();
  const auto closed = co_await asyncio::as_result(loop().sock_sendfile(pair.first, file.fd()));
  EXPECT_EQ(errno_of(closed.error()), EBADF);
  EXPECT_EQ(file.position(), 3);
}

// NET-136
ASYNC_TEST(SockSendfile, WithoutFallbackWhatTheSystemCannotSendIsRefused) {
  const File file("content");
  const NoSendfile no_sendfile;
  auto pair = asyncio::socketpair();
  const Pipe pipe;
  EXPECT_EQ(co_await support::thrown_by_await(
                loop().sock_sendfile(pair.first, pipe.fds[0], 0, std::nullopt, false)),
            "SendfileNotAvailableError: sock_sendfile(): the system cannot send descriptor " +
                std::to_string(pipe.fds[0]) + " (it is no regular file); allow the fallback");
  EXPECT_EQ(co_await support::thrown_by_await(
                loop().sock_sendfile(pair.first, file.fd(), 0, std::nullopt, false)),
            "SendfileNotAvailableError: sock_sendfile(): the system cannot send descriptor " +
                std::to_string(file.fd()) + " (Invalid argument); allow the fallback");
  EXPECT_EQ(file.position(), 0);
}

// --- the fallback -------------------------------------------------------------------------------

// NET-136
ASYNC_TEST(SockSendfile, AFirstFailureIsFollowedByCopying) {
  const std::string content = pattern(600'000);
  const File file(content);
  for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP, EIO}) {
    const Fault fault(Call::send_file, error, 0, always);
    const auto sent = co_await transfer(file.fd());
    EXPECT_EQ(fault.injected(), 1U);
    EXPECT_EQ(sent.result.value(), content.size());
    EXPECT_TRUE(sent.got == content);
    EXPECT_EQ(file.position(), 600'000);
  }
}

// NET-136
ASYNC_TEST(SockSendfile, WhatIsNoRegularFileIsCopied) {
  Pipe pipe;
  EXPECT_EQ(::write(pipe.fds[1], "hello world", 11), 11);
  const auto part = co_await transfer(pipe.fds[0], 0, 5);
  EXPECT_EQ(part.result.value(), 5U);
  EXPECT_EQ(part.got, "hello");
  pipe.end();
  const auto rest = co_await transfer(pipe.fds[0]);
  EXPECT_EQ(rest.result.value(), 6U);
  EXPECT_EQ(rest.got, " world");
}

// NET-136, NET-137
ASYNC_TEST(SockSendfile, WhatHasNoPositionsHasNoOffset) {
  const Pipe pipe;
  auto pair = asyncio::socketpair();
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendfile(pair.first, pipe.fds[0], 7)),
            "system_error: sock_sendfile(): going to offset 7 of descriptor " +
                std::to_string(pipe.fds[0]) + ": Illegal seek");
}

// NET-136
ASYNC_TEST(SockSendfile, WhatCannotBeReadIsAnErrorThatNamesIt) {
  auto pair = asyncio::socketpair();
  const int directory = ::open("/", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendfile(pair.first, directory)),
            "system_error: sock_sendfile(): reading from descriptor " + std::to_string(directory) +
                ": Is a directory");
  ::close(directory);
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_sendfile(pair.first, -1)),
            "system_error: sock_sendfile(): reading from descriptor -1: Bad file descriptor");
}

// --- errors and cancellation --------------------------------------------------------------------

// NET-130, NET-136
ASYNC_TEST(SockSendfile, ALaterFailureIsTheErrorAndThePositionIsBehindWhatWasSent) {
  const std::string content = pattern(100'000);
  const File file(content);
  for (const int error : {EIO, ENOTCONN, EINVAL}) {
    const Limit limit(Call::send_file, 1000);
    const Fault fault(Call::send_file, error, 3);
    const auto sent = co_await transfer(file.fd(), 500);
    EXPECT_EQ(errno_of(sent.result.error()), error);
    EXPECT_EQ(sent.got, content.substr(500, 3000));
    EXPECT_EQ(file.position(), 3500);
  }
}

// NET-130, NET-137
ASYNC_TEST(SockSendfile, AFailureWhileCopyingIsTheErrorAndThePositionIsBehindWhatWasSent) {
  const std::string content = pattern(900'000);
  const File file(content);
  const NoSendfile no_sendfile;
  const Limit limit(Call::send, 256 * 1024);
  // The beginning goes at once or in parts; the second read's first byte does not.
  auto pair = asyncio::socketpair();
  pair.first.setsockopt(SOL_SOCKET, SO_SNDBUF, 2'000'000);
  std::optional<Fault> fault;
  fault.emplace(Call::send, ECONNRESET, 1, always);
  auto sending =
      asyncio::create_task(send_and_close(std::move(pair.first), file.fd(), 0, std::nullopt, true));
  const std::string got = co_await receive_all(pair.second);
  const auto result = co_await sending;
  EXPECT_EQ(errno_of(result.error()), ECONNRESET);
  EXPECT_TRUE(content.starts_with(got));
  EXPECT_GT(got.size(), 0U);
  const auto position = static_cast<std::size_t>(file.position());
  EXPECT_LE(position, got.size());
  EXPECT_EQ(position % (256UL * 1024), 0U);
}

// NET-130, NET-133: and no SIGPIPE
ASYNC_TEST(SockSendfile, WhenThePeerGoesItIsAnErrorOfTheConnection) {
  const std::string content = pattern(5'000'000);
  for (const bool native : {true, false}) {
    std::optional<NoSendfile> no_sendfile;
    if (!native) no_sendfile.emplace();
    const File file(content);
    auto pair = support::narrow_pair();
    auto sending = asyncio::create_task(
        send_and_close(std::move(pair.first), file.fd(), 0, std::nullopt, true));
    (void)co_await receive_exactly(pair.second, 300'000);
    pair.second.close();
    const auto result = co_await sending;
    const int error = errno_of(result.error());
    EXPECT_TRUE(error == EPIPE || error == ECONNRESET) << error;
    EXPECT_GE(file.position(), native ? 300'000 : 256 * 1024);
    EXPECT_LT(file.position(), 5'000'000);
  }
}

// NET-133
ASYNC_TEST(SockSendfile, ToWhoHasGoneAlreadyItIsAnErrorOfTheConnection) {
  const File file("content");
  auto pair = asyncio::socketpair();
  pair.second.close();
  const auto end = co_await asyncio::as_result(loop().sock_sendfile(pair.first, file.fd()));
  EXPECT_EQ(errno_of(end.error()), EPIPE);
  EXPECT_EQ(file.position(), 0);
}

// NET-135
ASYNC_TEST(SockSendfile, CancellingSetsThePositionAndLeavesTheSocketToOthers) {
  const std::string content = pattern(5'000'000);
  for (const bool native : {true, false}) {
    std::optional<NoSendfile> no_sendfile;
    if (!native) no_sendfile.emplace();
    const File file(content);
    auto pair = support::narrow_pair();
    auto sending = asyncio::create_task(loop().sock_sendfile(pair.first, file.fd(), 1000));
    std::string got = co_await receive_exactly(pair.second, 300'000);
    sending.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(sending)).cancelled());
    const auto position = static_cast<std::size_t>(file.position());
    EXPECT_GT(position, 1000U);
    no_sendfile.reset();
    auto finishing =
        asyncio::create_task(send_and_close(std::move(pair.first), file.fd(), 0, 7, true));
    got += co_await receive_all(pair.second);
    EXPECT_EQ((co_await finishing).value(), 7U);
    const std::size_t sent = got.size() - 7;
    if (native) {
      EXPECT_EQ(position, 1000 + sent);
    } else {
      EXPECT_LE(position, 1000 + sent);  // a part that has begun does not count
    }
    EXPECT_TRUE(content.substr(1000, sent) == got.substr(0, sent));
    EXPECT_EQ(got.substr(sent), content.substr(0, 7));
  }
}

// NET-135
ASYNC_TEST(SockSendfile, CancellingBeforeItBeginsLeavesTheFileAlone) {
  const File file("content");
  ::lseek(file.fd(), 3, SEEK_SET);
  auto pair = asyncio::socketpair();
  auto sending = asyncio::create_task(loop().sock_sendfile(pair.first, file.fd()));
  sending.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(sending)).cancelled());
  EXPECT_EQ(file.position(), 3);
}

// LOOP-088
ASYNC_TEST(SockSendfile, IsAWriterLikeOthers) {
  const File file("content");
  auto pair = asyncio::socketpair();
  const std::string much(1'000'000, 'x');
  auto first = asyncio::create_task(loop().sock_sendall(pair.first, much));
  co_await support::settle();
  const auto second = co_await asyncio::as_result(loop().sock_sendfile(pair.first, file.fd()));
  EXPECT_TRUE(is_a<asyncio::RuntimeError>(second.error()));
  first.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
}
