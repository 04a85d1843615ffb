// Each program is a forked child whose standard descriptors are what the test makes them.

#include <asyncio/asyncio.hpp>
#include <asyncio/stdio.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/children.hpp"
#include "support/descriptors.hpp"
#include "support/files.hpp"
#include "support/pattern.hpp"
#include "support/pipe_ends.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace sys = asyncio::detail::sys;
using asyncio::Coro;
using support::end_of;
using support::Folder;

namespace {

/// A descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) { EXPECT_GE(fd, 0) << errno; }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int number() const { return fd_; }
  /// The end of an io_uring, which comes late, interrupts a write as a signal does.
  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t done = ::write(fd_, text.data(), text.size());
      ASSERT_TRUE(done > 0 || errno == EINTR) << errno;
      if (done > 0) text.remove_prefix(static_cast<std::size_t>(done));
    }
  }
  /// Until so much has come, or the end.
  [[nodiscard]] std::string read(std::size_t most) const {
    std::string all;
    char part[65536];
    while (all.size() < most) {
      const ssize_t got = ::read(fd_, part, std::min(sizeof part, most - all.size()));
      if (got <= 0) break;
      all.append(part, static_cast<std::size_t>(got));
    }
    return all;
  }
  [[nodiscard]] bool blocks() const { return (::fcntl(fd_, F_GETFL) & O_NONBLOCK) == 0; }

 private:
  int fd_ = -1;
};

enum class Kind { pipe, fifo, socket, terminal };
constexpr Kind kinds[] = {Kind::pipe, Kind::fifo, Kind::socket, Kind::terminal};

const char* name_of(Kind kind) {
  constexpr const char* names[] = {"pipe", "fifo", "socket", "terminal"};
  return names[static_cast<int>(kind)];
}

/// Bytes that are written to `in` come out of `out`. Of a socket and a terminal both ends do both.
struct Line {
  Fd in;
  Fd out;
};

Line pipe_line() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  return {Fd(fds[1]), Fd(fds[0])};
}

Line fifo_line(const Folder& folder) {
  static int number = 0;
  const std::string path = folder / ("fifo" + std::to_string(++number));
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Fd both(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  Fd out(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Fd in(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return {std::move(in), std::move(out)};
}

/// The first is the program's: `program_reads` says whether that is the `out` end.
Line terminal_line(bool program_reads) {
  Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_EQ(::grantpt(master.number()), 0);
  EXPECT_EQ(::unlockpt(master.number()), 0);
  char name[64];
  EXPECT_EQ(::ptsname_r(master.number(), name, sizeof name), 0);
  Fd slave(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  EXPECT_EQ(::tcgetattr(slave.number(), &settings), 0);
  ::cfmakeraw(&settings);
  EXPECT_EQ(::tcsetattr(slave.number(), TCSANOW, &settings), 0);
  if (program_reads) return {std::move(master), std::move(slave)};
  return {std::move(slave), std::move(master)};
}

Line make_line(Kind kind, const Folder& folder, bool program_reads) {
  if (kind == Kind::pipe) return pipe_line();
  if (kind == Kind::fifo) return fifo_line(folder);
  if (kind == Kind::terminal) return terminal_line(program_reads);
  int fds[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

/// Runs `body` in a child with these as descriptors 0 and 1; -1: closed.
template <class F>
pid_t start(int in, int out, F body) {
  return support::start_child([&] {
    // Both may be among the standard ones.
    const int first = in < 0 ? -1 : ::fcntl(in, F_DUPFD_CLOEXEC, 10);
    const int second = out < 0 ? -1 : ::fcntl(out, F_DUPFD_CLOEXEC, 10);
    if (first < 0) {
      ::close(0);
    } else {
      ::dup2(first, 0);
    }
    if (second < 0) {
      ::close(1);
    } else {
      ::dup2(second, 1);
    }
    ::close_range(3, ~0U, 0);  // the test's ends of the lines
    return body();
  });
}

/// Answers each line of standard input by the same in brackets.
Coro<> answer_lines() {
  auto in = asyncio::stdin_reader();
  auto out = asyncio::stdout_writer();
  while (auto line = co_await in.next_line()) {
    line->pop_back();
    out.writelines({"[", *line, "]\n"});
    co_await out.drain();
  }
}

int run_answers() {
  asyncio::run(answer_lines());
  return 0;
}

/// The errno that `body` fails with, or 0.
template <class F>
int errno_of_run(F body) {
  try {
    asyncio::run(body);
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

Coro<> only_ask_for_input() {
  (void)asyncio::stdin_reader();
  co_return;
}
Coro<> only_ask_for_output() {
  (void)asyncio::stdout_writer();
  co_return;
}

std::string on_disk(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

// failure 74: the other holders of the same opening, such as the shell, never see it non-blocking.
TEST(Stdio, WorksOnAllThatCanBeWatchedAndLeavesItBlocking) {
  const Folder folder;
  for (const Kind in_kind : kinds) {
    for (const Kind out_kind : kinds) {
      SCOPED_TRACE(std::string(name_of(in_kind)) + " to " + name_of(out_kind));
      Line in = make_line(in_kind, folder, true);
      Line out = make_line(out_kind, folder, false);
      const pid_t child = start(in.out.number(), out.in.number(), run_answers);
      for (const char* word : {"one", "two"}) {
        in.in.write(std::string(word) + "\n");
        EXPECT_EQ(out.out.read(6), "[" + std::string(word) + "]\n");
        EXPECT_TRUE(in.out.blocks());
        EXPECT_TRUE(out.in.blocks());
      }
      in.in.close();
      if (in_kind == Kind::terminal) in.out.close();
      EXPECT_EQ(end_of(child), "exit 0");
      if (in_kind != Kind::terminal) {
        EXPECT_TRUE(in.out.blocks());
      }
      EXPECT_TRUE(out.in.blocks());
    }
  }
}

// One socket for both ways, as inetd gives it.
TEST(Stdio, OneSocketOrTerminalMayBeBoth) {
  const Folder folder;
  for (const Kind kind : {Kind::socket, Kind::terminal}) {
    SCOPED_TRACE(name_of(kind));
    Line line = make_line(kind, folder, true);
    const pid_t child = start(line.out.number(), line.out.number(), run_answers);
    line.in.write("one\n");
    EXPECT_EQ(line.in.read(6), "[one]\n");
    EXPECT_TRUE(line.out.blocks());
    line.in.close();
    line.out.close();
    EXPECT_EQ(end_of(child), "exit 0");
  }
}

TEST(Stdio, WhereNothingCanBeOpenedAnewTheFlagsAreGivenBack) {
  const Folder folder;
  for (const Kind kind : {Kind::pipe, Kind::fifo, Kind::terminal}) {
    SCOPED_TRACE(name_of(kind));
    Line in = make_line(kind, folder, true);
    Line out = make_line(kind, folder, false);
    const pid_t child = start(in.out.number(), out.in.number(), [] {
      const sys::Fault first(sys::Call::open, EACCES, 0);   // of input
      const sys::Fault second(sys::Call::open, EACCES, 2);  // of output, after a duplicate
      asyncio::run(answer_lines());
      return 0;
    });
    in.in.write("one\n");
    EXPECT_EQ(out.out.read(6), "[one]\n");
    EXPECT_FALSE(in.out.blocks());
    EXPECT_FALSE(out.in.blocks());
    in.in.close();
    EXPECT_EQ(end_of(child), "exit 0");
    EXPECT_TRUE(in.out.blocks());
    EXPECT_TRUE(out.in.blocks());
  }
}

TEST(Stdio, FilesAreReadAndWrittenWhereTheOthersAre) {
  const Folder folder;
  for (const bool from_memory : {true, false}) {
    SCOPED_TRACE(from_memory);
    const Fd in(::open(folder.write("in", "skipped\nred\nblue\n").c_str(), O_RDONLY | O_CLOEXEC));
    const std::string path = folder / "out";
    const Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    ::lseek(in.number(), 8, SEEK_SET);
    out.write("before\n");
    const pid_t child = start(in.number(), out.number(), [&] {
      const sys::Fault fault(sys::Call::read_cached, EAGAIN, from_memory ? 1'000'000 : 0,
                             1'000'000);
      asyncio::run(answer_lines());
      return 0;
    });
    EXPECT_EQ(end_of(child), "exit 0");
    out.write("after\n");
    EXPECT_EQ(on_disk(path), "before\n[red]\n[blue]\nafter\n");
    EXPECT_TRUE(in.blocks());
    EXPECT_TRUE(out.blocks());
  }
}

TEST(Stdio, OfDevicesThatAreAlwaysReady) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(end_of(start(null.number(), null.number(), run_answers)), "exit 0");
  EXPECT_TRUE(null.blocks());
  const Fd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  const pid_t child = start(null.number(), full.number(), [] {
    return errno_of_run([]() -> Coro<> {
      auto out = asyncio::stdout_writer();
      out.write("text");
      co_await out.drain();
    });
  });
  EXPECT_EQ(end_of(child), "exit " + std::to_string(ENOSPC));
}

TEST(Stdio, WhatIsClosedOrTheWrongWayIsRefused) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const Fd reads(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd writes(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const Fd folder(::open("/", O_RDONLY | O_CLOEXEC));
  const std::string bad = "exit " + std::to_string(EBADF);
  // Descriptor 0 or 1 is then the loop's own.
  EXPECT_EQ(end_of(start(-1, null.number(), [] { return errno_of_run(only_ask_for_input); })), bad);
  EXPECT_EQ(end_of(start(null.number(), -1, [] { return errno_of_run(only_ask_for_output); })),
            bad);
  EXPECT_EQ(end_of(start(writes.number(), null.number(),
                         [] { return errno_of_run(only_ask_for_input); })),
            bad);
  EXPECT_EQ(end_of(start(null.number(), reads.number(),
                         [] { return errno_of_run(only_ask_for_output); })),
            bad);
  EXPECT_EQ(end_of(start(folder.number(), null.number(),
                         [] { return errno_of_run(only_ask_for_input); })),
            "exit " + std::to_string(EISDIR));
}

// failure 74: as of `program | head -1`.
TEST(Stdio, AReaderThatHasGoneIsAnErrorAndNoSignal) {
  const Folder folder;
  for (const Kind kind : {Kind::pipe, Kind::fifo, Kind::socket}) {
    SCOPED_TRACE(name_of(kind));
    Line out = make_line(kind, folder, false);
    // It goes on when the reader has gone: a socket that is left with something unread says
    // ECONNRESET.
    support::PipeEnds gone;
    const pid_t child = start(gone.fds[0], out.in.number(), [] {
      return errno_of_run([]() -> Coro<> {
        auto writer = asyncio::stdout_writer();
        writer.write("line\nline\n");
        co_await writer.drain();
        (void)co_await asyncio::stdin_reader().read(1);
        while (true) {
          writer.write("line\n");
          co_await writer.drain();
          co_await asyncio::sleep(asyncio::Duration());
        }
      });
    });
    EXPECT_EQ(out.out.read(10), "line\nline\n");
    out.out.close();
    EXPECT_EQ(::write(gone.fds[1], "x", 1), 1);
    EXPECT_EQ(end_of(child), "exit " + std::to_string(EPIPE));
  }
}

TEST(Stdio, WhatIsUnsentWhenTheLoopEndsIsWrittenThen) {
  const Folder folder;
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::string text = support::pattern(1'000'000);
  for (const Kind kind : kinds) {
    SCOPED_TRACE(name_of(kind));
    Line out = make_line(kind, folder, false);
    const pid_t child = start(null.number(), out.in.number(), [&] {
      asyncio::run([&]() -> Coro<> {
        asyncio::stdout_writer().write(text);  // its handle goes at once
        asyncio::stdout_writer().write("end");
        co_return;
      });
      return 0;
    });
    EXPECT_TRUE(out.out.read(text.size() + 3) == text + "end");
    EXPECT_EQ(end_of(child), "exit 0");
    EXPECT_TRUE(out.in.blocks());
  }
}

TEST(Stdio, ClosingSendsWhatWasWrittenAndLeavesTheDescriptorOpen) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::string text = support::pattern(300'000);
  Line out = pipe_line();
  const pid_t child = start(null.number(), out.in.number(), [&] {
    asyncio::run([&]() -> Coro<> {
      auto first = asyncio::stdout_writer();
      first.write(text);
      first.close();
      asyncio::stdout_writer().write("more");  // still the same one
      co_await first.wait_closed();
      auto second = asyncio::stdout_writer();
      EXPECT_FALSE(second == first);
      second.write("second");
      co_await second.drain();
    });
    return ::write(1, "raw", 3) == 3 ? 0 : 1;
  });
  out.in.close();
  EXPECT_TRUE(out.out.read(1'000'000) == text + "moresecondraw");
  EXPECT_EQ(end_of(child), "exit 0");
}

TEST(Stdio, OneReaderOfALoopAndWhatItLeavesIsForTheNextLoop) {
  Line in = pipe_line();
  Line out = pipe_line();
  in.in.write("one\ntwo\nthree\nfour\n");
  in.in.close();
  const pid_t child = start(in.out.number(), out.in.number(), [] {
    asyncio::run([]() -> Coro<> {
      auto line = co_await asyncio::stdin_reader().readline();
      line += co_await asyncio::stdin_reader(1 << 20).readline();
      asyncio::stdout_writer().write(line);
    });
    asyncio::run(answer_lines());
    return 0;
  });
  out.in.close();
  EXPECT_EQ(out.out.read(1'000), "one\ntwo\n[three]\n[four]\n");
  EXPECT_EQ(end_of(child), "exit 0");
}

TEST(Stdio, TwoLoopsDoNotReadAtTheSameTime) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const pid_t child = start(null.number(), null.number(), [] {
    bool refused = false;
    asyncio::run([&]() -> Coro<> {
      (void)asyncio::stdin_reader();
      std::thread([&] {
        try {
          asyncio::run(only_ask_for_input());
        } catch (const asyncio::RuntimeError&) {
          refused = true;
        }
      }).join();
      co_return;
    });
    asyncio::run(only_ask_for_input());
    return refused ? 0 : 1;
  });
  EXPECT_EQ(end_of(child), "exit 0");
}

TEST(Stdio, ALongLineNeedsAHigherLimit) {
  Line in = pipe_line();
  Line out = pipe_line();
  const std::string text(200'000, 'x');
  const pid_t child = start(in.out.number(), out.in.number(), [&] {
    asyncio::run([&]() -> Coro<> {
      const std::string line = co_await asyncio::stdin_reader(1 << 20).readline();
      asyncio::stdout_writer().write(line == text + "\n" ? "same" : "other");
    });
    return 0;
  });
  in.in.write(text + "\n");
  EXPECT_EQ(out.out.read(4), "same");
  EXPECT_EQ(end_of(child), "exit 0");
}

namespace {

/// Reads two lines of a pipe and writes them to another, in a child, by `inject`.
std::string end_under(std::string (*inject)(asyncio::testing::Scenario)) {
  Line in = pipe_line();
  Line out = pipe_line();
  const pid_t child = start(in.out.number(), out.in.number(), [=] {
    int ends[2];
    if (::pipe(ends) != 0 || ::dup2(ends[0], 0) < 0) return 97;
    const auto before = support::open_descriptors();
    const std::string problems = inject([=]() -> Coro<> {
      if (::write(ends[1], "one\ntwo\n", 8) != 8) ::_exit(98);
      auto reader = asyncio::stdin_reader();
      auto writer = asyncio::stdout_writer();
      for (int i = 0; i < 2; ++i) {
        const std::string line = co_await reader.readline();
        writer.write(line);
        co_await writer.drain();
      }
      asyncio::stderr_writer().close();
      writer.close();
      co_await writer.wait_closed();
    });
    if (!problems.empty()) ::dprintf(2, "%s\n", problems.c_str());
    return problems.empty() && support::open_descriptors() == before ? 0 : 96;
  });
  out.in.close();
  while (!out.out.read(65536).empty()) {
  }
  return end_of(child);
}

}  // namespace

TEST(Stdio, ACancellationAtAnyAwaitLeavesNothingBehind) {
  EXPECT_EQ(end_under(&asyncio::testing::cancel_at_each_await), "exit 0");
}

TEST(Stdio, WithoutMemoryAnywhereNothingIsLeftBehind) {
  EXPECT_EQ(end_under(&asyncio::testing::fail_at_each_allocation), "exit 0");
}

TEST(Stdio, EachCallThatFailsIsTold) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Line line = pipe_line();
  const pid_t child = start(line.out.number(), null.number(), [] {
    for (const sys::Call call : {sys::Call::status, sys::Call::flags}) {
      const sys::Fault fault(call, EIO);
      if (errno_of_run(only_ask_for_input) != EIO) return 1;
    }
    {
      const sys::Fault fault(sys::Call::open, EMFILE, 0, 2);  // nor as a duplicate
      if (errno_of_run(only_ask_for_input) != EMFILE) return 2;
    }
    {
      const sys::Fault fault(sys::Call::open, EMFILE);
      if (errno_of_run(only_ask_for_output) != EMFILE) return 3;
    }
    {
      const sys::Fault fault(sys::Call::read, EIO);
      const int error =
          errno_of_run([]() -> Coro<> { (void)co_await asyncio::stdin_reader().read(1); });
      if (error != EIO) return 4;
    }
    return 0;
  });
  line.in.write("text");
  EXPECT_EQ(end_of(child), "exit 0");
}
