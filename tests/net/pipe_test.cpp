#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "io/fault.hpp"
#include "loop/loop_state.hpp"
#include "net/pipe.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/pipe_ends.hpp"
#include "support/protocols.hpp"
#include "support/shuffled.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
namespace sys = asyncio::detail::sys;
using asyncio::Coro;
using asyncio::Transport;
using Log = std::vector<std::string>;

namespace {

asyncio::EventLoop& loop() { return asyncio::get_running_loop(); }

/// Notes what it is told: "made", "<data>", "eof", "lost", "lost 32".
struct PipeRecorder : asyncio::Protocol {
  Log log;
  std::string data;
  std::optional<Transport> transport;
  bool goes_on = false;  ///< what eof_received() says
  asyncio::Event changed;

  void connection_made(const Transport& made) override {
    transport = made;
    note("made");
  }
  void data_received(std::string_view bytes) override {
    data += bytes;
    changed.set();
  }
  bool eof_received() override {
    note("eof");
    return goes_on;
  }
  void pause_writing() override { note("paused"); }
  void resume_writing() override { note("resumed"); }
  void connection_lost(std::exception_ptr error) override {
    transport.reset();
    note(error == nullptr ? "lost" : "lost " + support::number_of(error));
  }

  void note(std::string what) {
    log.push_back(std::move(what));
    changed.set();
  }
};

std::unique_ptr<PipeRecorder> make_recorder() { return std::make_unique<PipeRecorder>(); }
using Pipe = asyncio::Connected<PipeRecorder>;

Coro<> has_noted(PipeRecorder& recorder, std::size_t lines, std::size_t bytes) {
  while (recorder.log.size() < lines || recorder.data.size() < bytes) {
    recorder.changed.clear();
    co_await recorder.changed.wait();
  }
}

/// Until so much has come. Throws: TimeoutError after five seconds.
Coro<> noted(const Pipe& pipe, std::size_t lines, std::size_t bytes = 0) {
  co_await asyncio::wait_for(has_noted(*pipe.protocol, lines, bytes), 5s);
}

/// A descriptor that closes itself.
struct Fd {
  int number = -1;
  Fd() = default;
  explicit Fd(int fd) : number(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { close(); }
  void close() {
    if (number >= 0) ::close(std::exchange(number, -1));
  }
  void write(std::string_view text) const {
    EXPECT_EQ(::write(number, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string read(std::size_t most = 1 << 20) const {
    std::string text(most, '\0');
    const ssize_t got = ::read(number, text.data(), most);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  int release() { return std::exchange(number, -1); }
};

struct Ends {
  Fd read;
  Fd write;
};

void open_pipe(Ends& ends) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  ends.read.number = fds[0];
  ends.write.number = fds[1];
}

/// A pseudo terminal that changes nothing of what goes through it.
struct Terminal {
  Fd master;
  Fd slave;
};

bool open_terminal(Terminal& terminal) {
  terminal.master.number = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal.master.number < 0 || ::grantpt(terminal.master.number) != 0 ||
      ::unlockpt(terminal.master.number) != 0) {
    return false;
  }
  char name[64];
  if (::ptsname_r(terminal.master.number, name, sizeof name) != 0) return false;
  terminal.slave.number = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return terminal.slave.number >= 0;
}

Coro<Pipe> read_pipe(Fd& fd) {
  co_return co_await loop().connect_read_pipe(&make_recorder, fd.release());
}
Coro<Pipe> write_pipe(Fd& fd) {
  co_return co_await loop().connect_write_pipe(&make_recorder, fd.release());
}

/// Writes until the system takes no more. Returns: how many bytes.
std::size_t fill(const Transport& transport) {
  std::size_t written = 0;
  while (transport.get_write_buffer_size() == 0) {
    transport.write(std::string(10'000, 'x'));
    written += 10'000;
  }
  return written;
}

Coro<> until_ended(const Pipe& pipe) {
  while (pipe.transport.fileno() >= 0) co_await asyncio::sleep(0s);
}

}  // namespace

// --- reading ------------------------------------------------------------------------------------

// NET-122, NET-123
ASYNC_TEST(ReadPipe, GivesWhatIsWrittenAndThenTheEnd) {
  Ends ends;
  open_pipe(ends);
  const int fd = ends.read.number;
  Pipe pipe = co_await read_pipe(ends.read);
  EXPECT_EQ(pipe.protocol->log, (Log{"made"}));
  EXPECT_EQ(pipe.transport.fileno(), fd);
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  ends.write.write("one");
  co_await noted(pipe, 1, 3);
  ends.write.write("two");
  co_await noted(pipe, 1, 6);
  ends.write.close();
  co_await noted(pipe, 3);
  EXPECT_EQ(pipe.protocol->data, "onetwo");
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "eof", "lost"}));
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

// NET-123
ASYNC_TEST(ReadPipe, EndsAfterTheEndWhateverTheProtocolSays) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await read_pipe(ends.read);
  pipe.protocol->goes_on = true;
  ends.write.write("all");
  ends.write.close();
  co_await noted(pipe, 3);
  EXPECT_EQ(pipe.protocol->data, "all");
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "eof", "lost"}));
}

// NET-123: what is expected is what CPython 3.13 prints for the same steps.
ASYNC_TEST(ReadPipe, EndAndLossComeByCallSoon) {
  if (support::shuffled()) co_return;
  support::Script script;
  script.soons = true;
  Ends ends;
  open_pipe(ends);
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto opened = co_await loop().connect_read_pipe(factory, ends.read.release());
  co_await support::passes(3);
  script.log.clear();
  script.acts["eof"] = [&] { EXPECT_TRUE(opened.transport.is_closing()); };
  ends.write.write("x");
  for (int pass = 1; pass <= 5; ++pass) {
    if (pass == 3) ends.write.close();
    co_await support::passes(1);
    script.log.push_back("creator " + std::to_string(pass));
  }
  EXPECT_TRUE(co_await support::until([&] { return script.has("soon of lost"); }));
  EXPECT_EQ(script.log,
            (Log{"creator 1", "x", "creator 2", "soon of data", "creator 3", "creator 4", "eof",
                 "lost", "creator 5", "soon of eof", "soon of lost"}));
  script.transport.reset();
}

// NET-123
ASYNC_TEST(ReadPipe, ProtocolThatThrowsAtTheEndIsReportedAndHearsOfTheLoss) {
  const support::LogCapture logged;
  support::Script script;
  Ends ends;
  open_pipe(ends);
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto opened = co_await loop().connect_read_pipe(factory, ends.read.release());
  script.acts["eof"] = [] { throw std::runtime_error("no"); };
  ends.write.close();
  EXPECT_TRUE(co_await support::until([&] { return script.has("lost"); }));
  EXPECT_EQ(script.log, (Log{"made", "eof", "lost"}));
  EXPECT_EQ(script.error, nullptr);
  EXPECT_EQ(logged.count("protocol.eof_received() failed"), 1);
  script.transport.reset();
}

// NET-122
ASYNC_TEST(ReadPipe, OfASocketAndAFifo) {
  auto pair = asyncio::socketpair();
  Fd near(pair.first.detach());
  Pipe of_socket = co_await read_pipe(near);
  co_await loop().sock_sendall(pair.second, "hello");
  co_await noted(of_socket, 1, 5);
  pair.second.close();
  co_await noted(of_socket, 3);

  const support::Folder folder;
  const std::string path = folder / "fifo";
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Fd reading(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Fd writing(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  Pipe of_fifo = co_await read_pipe(reading);
  writing.write("hello");
  writing.close();
  co_await noted(of_fifo, 3);
  EXPECT_EQ(of_fifo.protocol->data, "hello");
}

// NET-122
ASYNC_TEST(Pipe, RefusesAFileAndLeavesItOpen) {
  Fd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.number < 0) ASYNC_SKIP() << "no O_TMPFILE here";
  const std::string tail = "(): descriptor " + std::to_string(file.number) +
                           " is no pipe, FIFO, socket or character device; read and write files "
                           "with asyncio::open()";
  EXPECT_EQ(
      co_await support::thrown_by_await(loop().connect_read_pipe(&make_recorder, file.number)),
      "invalid_argument: connect_read_pipe" + tail);
  EXPECT_EQ(
      co_await support::thrown_by_await(loop().connect_write_pipe(&make_recorder, file.number)),
      "invalid_argument: connect_write_pipe" + tail);
  EXPECT_NE(::fcntl(file.number, F_GETFD), -1);
  EXPECT_EQ(co_await support::thrown_by_await(loop().connect_read_pipe(&make_recorder, -1)),
            "system_error: connect_read_pipe(): descriptor -1: Bad file descriptor");
  Ends ends;
  open_pipe(ends);
  const sys::Fault fault(sys::Call::status, EOVERFLOW);
  const std::string descriptor = "descriptor " + std::to_string(ends.read.number);
  EXPECT_EQ(
      co_await support::thrown_by_await(loop().connect_read_pipe(&make_recorder, ends.read.number)),
      "system_error: connect_read_pipe(): " + descriptor +
          ": Value too large for defined data type");
  EXPECT_NE(::fcntl(ends.read.number, F_GETFD), -1);
}

// NET-122
ASYNC_TEST(Pipe, RefusesADeviceThatCannotBePolledAndLeavesItOpen) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::string refusal = "system_error: watching descriptor " + std::to_string(null.number) +
                              ": Operation not permitted";
  EXPECT_EQ(
      co_await support::thrown_by_await(loop().connect_read_pipe(&make_recorder, null.number)),
      refusal);
  EXPECT_EQ(
      co_await support::thrown_by_await(loop().connect_write_pipe(&make_recorder, null.number)),
      refusal);
  EXPECT_NE(::fcntl(null.number, F_GETFD), -1);
}

// NET-126
ASYNC_TEST(ReadPipe, OfATerminalGivesLinesAndAnOrdinaryEnd) {
  Terminal terminal;
  if (!open_terminal(terminal)) ASYNC_SKIP() << "no pseudo terminals here";
  Fd slave(::dup(terminal.slave.number));
  terminal.master.write("one\ntwo\n");  // both are there before anybody reads
  Pipe typed = co_await read_pipe(slave);
  co_await noted(typed, 1, 8);
  EXPECT_EQ(typed.protocol->data, "one\ntwo\n");
  typed.transport.close();
  co_await noted(typed, 2);

  Pipe shown = co_await read_pipe(terminal.master);
  terminal.slave.write("hello");
  while (!shown.protocol->data.ends_with("hello")) {
    co_await noted(shown, 1, shown.protocol->data.size() + 1);
  }
  terminal.slave.close();
  co_await noted(shown, 3);
  EXPECT_EQ(shown.protocol->log, (Log{"made", "eof", "lost"}));
}

// NET-128
ASYNC_TEST(ReadPipe, PausesAndResumes) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await read_pipe(ends.read);
  EXPECT_TRUE(pipe.transport.is_reading());
  pipe.transport.pause_reading();
  pipe.transport.pause_reading();
  EXPECT_FALSE(pipe.transport.is_reading());
  ends.write.write("late");
  co_await asyncio::sleep(5ms);
  EXPECT_EQ(pipe.protocol->data, "");
  pipe.transport.resume_reading();
  pipe.transport.resume_reading();
  co_await noted(pipe, 1, 4);
  pipe.transport.close();
  pipe.transport.close();
  pipe.transport.pause_reading();
  pipe.transport.resume_reading();
  EXPECT_FALSE(pipe.transport.is_reading());
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost"}));
}

// NET-128
ASYNC_TEST(ReadPipe, ErrorEndsIt) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await read_pipe(ends.read);
  ends.write.write("x");
  const sys::Fault fault(sys::Call::read, EIO);  // of a terminal it would be an end
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost " + std::to_string(EIO)}));
}

ASYNC_TEST(ReadPipe, CannotBeWrittenTo) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await read_pipe(ends.read);
  EXPECT_FALSE(pipe.transport.can_write_eof());
  pipe.transport.write("x");
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log.at(1),
            "lost write(): the transport of connect_read_pipe() only reads; connect_write_pipe() "
            "makes one that writes");
}

// NET-024
ASYNC_TEST(ReadPipe, FeedsAStreamReader) {
  Ends ends;
  open_pipe(ends);
  asyncio::StreamReader reader;
  auto feed = [reader] { return std::make_unique<asyncio::StreamReaderProtocol>(reader); };
  auto opened = co_await loop().connect_read_pipe(feed, ends.read.release());
  ends.write.write("line\nrest");
  EXPECT_EQ(co_await asyncio::wait_for(reader.readline(), 5s), "line\n");
  ends.write.close();
  EXPECT_EQ(co_await asyncio::wait_for(reader.read(), 5s), "rest");
  EXPECT_TRUE(reader.at_eof());
}

// NET-024
ASYNC_TEST(ReadPipe, IsPausedWhileItsStreamReaderIsFull) {
  Ends ends;
  open_pipe(ends);
  const asyncio::StreamReader reader(100);
  auto feed = [reader] { return std::make_unique<asyncio::StreamReaderProtocol>(reader); };
  auto opened = co_await loop().connect_read_pipe(feed, ends.read.release());
  ends.write.write(std::string(500, 'x'));
  for (int i = 0; opened.transport.is_reading() && i < 1000; ++i) co_await asyncio::sleep(1ms);
  EXPECT_FALSE(opened.transport.is_reading());
  ends.write.write("yz");
  EXPECT_EQ((co_await reader.readexactly(500)).size(), 500U);
  EXPECT_FALSE(opened.transport.is_reading());
  EXPECT_EQ(co_await asyncio::wait_for(reader.readexactly(2), 5s), "yz");
  EXPECT_TRUE(opened.transport.is_reading());
  opened.transport.close();
  EXPECT_EQ(co_await asyncio::wait_for(reader.read(), 5s), "");
}

// --- writing ------------------------------------------------------------------------------------

// NET-122, NET-125, NET-127
ASYNC_TEST(WritePipe, SendsAtOnceAndEndsByWriteEof) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  EXPECT_EQ(pipe.protocol->log, (Log{"made"}));
  pipe.transport.write("one");
  pipe.transport.writelines(std::vector<std::string_view>{"two", "three"});
  EXPECT_EQ(ends.read.read(), "onetwothree");
  EXPECT_TRUE(pipe.transport.can_write_eof());
  pipe.transport.write_eof();
  EXPECT_TRUE(pipe.transport.is_closing());
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost"}));
  EXPECT_EQ(ends.read.read(), "");
}

// NET-125, NET-127
ASYNC_TEST(WritePipe, SendsTheRestBeforeItEnds) {
  Ends ends;
  open_pipe(ends);
  ::fcntl(ends.read.number, F_SETFL, O_NONBLOCK);
  Pipe pipe = co_await write_pipe(ends.write);
  pipe.transport.set_write_buffer_limits(1000, 10);
  const std::size_t written = fill(pipe.transport);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "paused"}));
  pipe.transport.write_eof();
  std::size_t got = 0;
  for (int i = 0; i < 5000 && got < written; ++i) {
    got += ends.read.read().size();
    co_await asyncio::sleep(1ms);
  }
  EXPECT_EQ(got, written);
  co_await noted(pipe, 4);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "paused", "resumed", "lost"}));
}

// NET-124
ASYNC_TEST(WritePipe, HearsAtOnceThatItsReaderHasClosed) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  co_await asyncio::sleep(2ms);
  EXPECT_EQ(pipe.protocol->log, (Log{"made"}));
  ends.read.close();
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost"}));
}

// NET-124
ASYNC_TEST(WritePipe, HearsOfAReaderThatWasGoneBefore) {
  Ends ends;
  open_pipe(ends);
  ends.read.close();
  Pipe pipe = co_await write_pipe(ends.write);
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost"}));
}

// NET-124, failure 39
ASYNC_TEST(WritePipe, ReaderThatClosesBeforeAllIsReadIsAnError) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  fill(pipe.transport);
  ends.read.close();
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost " + std::to_string(EPIPE)}));
}

// NET-127, failure 39
ASYNC_TEST(WritePipe, ReaderThatClosesWhileItIsFlushedIsAnError) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  fill(pipe.transport);
  pipe.transport.close();
  ends.read.close();
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost " + std::to_string(EPIPE)}));
}

// NET-122, NET-124
ASYNC_TEST(WritePipe, OfASocketHearsOfItsPeer) {
  auto pair = asyncio::socketpair();
  Fd near(pair.first.detach());
  Pipe pipe = co_await write_pipe(near);
  pipe.transport.write("hello");
  EXPECT_EQ(co_await loop().sock_recv(pair.second, 10), "hello");
  pair.second.close();
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost"}));
}

// NET-122
ASYNC_TEST(WritePipe, OfATerminalShowsText) {
  Terminal terminal;
  if (!open_terminal(terminal)) ASYNC_SKIP() << "no pseudo terminals here";
  Pipe pipe = co_await write_pipe(terminal.slave);
  pipe.transport.write("hello");
  EXPECT_EQ(terminal.master.read(), "hello");
  terminal.master.write("typed\n");  // is no end
  co_await asyncio::sleep(5ms);
  EXPECT_EQ(pipe.protocol->log, (Log{"made"}));
  pipe.transport.close();
  co_await noted(pipe, 2);
}

// NET-128
ASYNC_TEST(WritePipe, ReadsNothing) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  EXPECT_FALSE(pipe.transport.is_reading());
  pipe.transport.resume_reading();
  pipe.transport.pause_reading();
  EXPECT_FALSE(pipe.transport.is_reading());
  ends.read.close();
  co_await noted(pipe, 2);  // it still hears of the end
}

// NET-127
ASYNC_TEST(WritePipe, AbortDropsTheRest) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  fill(pipe.transport);
  pipe.transport.abort();
  EXPECT_EQ(pipe.transport.get_write_buffer_size(), 0U);
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost"}));
}

// NET-127
ASYNC_TEST(WritePipe, ErrorEndsIt) {
  Ends ends;
  open_pipe(ends);
  Pipe pipe = co_await write_pipe(ends.write);
  const sys::Fault fault(sys::Call::write, EIO);
  pipe.transport.write("x");
  co_await noted(pipe, 2);
  EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost " + std::to_string(EIO)}));
}

// failure 39
ASYNC_TEST(WritePipe, NeverRaisesSigpipe) {
  static volatile sig_atomic_t raised = 0;
  struct sigaction counting{};
  struct sigaction before{};
  counting.sa_handler = [](int) { raised = raised + 1; };
  ::sigaction(SIGPIPE, &counting, &before);
  for (int i = 0; i < 3; ++i) {
    Ends ends;
    open_pipe(ends);
    Pipe pipe = co_await write_pipe(ends.write);
    ends.read.close();
    pipe.transport.write("a");
    pipe.transport.write("b");
    co_await noted(pipe, 2);
    EXPECT_EQ(pipe.protocol->log, (Log{"made", "lost " + std::to_string(EPIPE)}));
  }
  EXPECT_EQ(raised, 0);
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
  ::sigaction(SIGPIPE, &before, nullptr);
}

// --- the end ------------------------------------------------------------------------------------

// NET-122
ASYNC_TEST(Pipe, CancelledCreationClosesIt) {
  Ends ends;
  open_pipe(ends);
  const int fd = ends.read.number;
  auto creating = asyncio::create_task(read_pipe(ends.read));
  while (ends.read.number >= 0) co_await asyncio::sleep(0s);  // it has taken it over now
  creating.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(creating)).cancelled());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

// NET-122
ASYNC_TEST(Pipe, BothEndsInOneProgram) {
  Ends ends;
  open_pipe(ends);
  Pipe in = co_await read_pipe(ends.read);
  Pipe out = co_await write_pipe(ends.write);
  std::string all;
  for (int i = 0; i < 50'000; ++i) all += std::to_string(i) + " ";
  out.transport.write(all);
  out.transport.write_eof();
  co_await noted(in, 3);
  EXPECT_EQ(in.protocol->data == all, true);
  co_await until_ended(out);
}

// Whoever has the descriptor when there is no memory closes it, and nobody else does.
TEST(PipeTransport, WithoutMemoryTheDescriptorHasOneOwner) {
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation([]() -> asyncio::Coro<> {
              co_await asyncio::sleep(asyncio::Duration());
              support::PipeEnds ends;
              const int fd = std::exchange(ends.fds[1], -1);
              asyncio::detail::OwnedFd owned(fd);
              auto& loop = asyncio::detail::LoopAccess::state(asyncio::get_running_loop());
              try {
                const asyncio::detail::AnyProtocol protocol(
                    asyncio::ProtocolPtr<asyncio::Protocol>(new asyncio::Protocol));
                asyncio::detail::make_write_pipe(loop, protocol, owned,
                                                 asyncio::detail::sys::FileKind::pipe, "test")
                    ->abort();
              } catch (const std::bad_alloc&) {
                EXPECT_EQ(static_cast<bool>(owned), support::is_open(fd));
                throw;
              }
              EXPECT_FALSE(owned);
            }),
            "");
}
