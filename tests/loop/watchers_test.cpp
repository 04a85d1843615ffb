#include <asyncio/event_loop.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// add_reader(), add_writer() and their removal, with real descriptors.

namespace {

using Log = std::vector<std::string>;

void iterate_once(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

// Two descriptors that belong together; closes what is still open.
class Ends {
 public:
  static Ends pipe() {
    Ends ends;
    EXPECT_EQ(::pipe2(ends.fds_.data(), O_NONBLOCK | O_CLOEXEC), 0);
    return ends;
  }
  static Ends sockets() {
    Ends ends;
    EXPECT_EQ(
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.fds_.data()), 0);
    return ends;
  }
  Ends(Ends&& other) noexcept : fds_(std::exchange(other.fds_, {-1, -1})) {}
  Ends& operator=(Ends&&) = delete;
  ~Ends() {
    close(0);
    close(1);
  }
  [[nodiscard]] int first() const { return fds_[0]; }
  [[nodiscard]] int second() const { return fds_[1]; }
  void close(std::size_t i) {
    if (fds_[i] >= 0) ::close(std::exchange(fds_[i], -1));
  }
  void fill_first() const { EXPECT_EQ(::write(second(), "x", 1), 1); }
  [[nodiscard]] std::string drain_first() const {
    char buffer[64];
    const ssize_t n = ::read(first(), buffer, sizeof buffer);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "";
  }

 private:
  Ends() = default;
  std::array<int, 2> fds_{-1, -1};
};

class Watchers : public testing::Test {
 protected:
  void TearDown() override { loop->close(); }
  void add_logging_reader(int fd, const std::string& name) {
    loop->add_reader(fd, [this, name] { log.push_back(name); });
  }
  void add_logging_writer(int fd, const std::string& name) {
    loop->add_writer(fd, [this, name] { log.push_back(name); });
  }

  std::unique_ptr<asyncio::EventLoop> loop = asyncio::new_event_loop();
  Log log;
};

}  // namespace

// LOOP-069
TEST_F(Watchers, AReaderIsCalledOncePerIterationWhileItsDescriptorIsReadable) {
  const Ends pipe = Ends::pipe();
  add_logging_reader(pipe.first(), "read");
  iterate_once(*loop);
  EXPECT_EQ(log, Log{});
  pipe.fill_first();
  for (int i = 0; i < 3; ++i) iterate_once(*loop);
  EXPECT_EQ(log, (Log{"read", "read", "read"}));
  EXPECT_EQ(pipe.drain_first(), "x");
  iterate_once(*loop);
  EXPECT_EQ(log.size(), 3U);
}

// LOOP-069
TEST_F(Watchers, AWriterIsCalledOncePerIterationWhileItsDescriptorIsWritable) {
  const Ends pipe = Ends::pipe();
  add_logging_writer(pipe.second(), "write");
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"write", "write"}));
  const std::string much(1 << 20, 'x');
  EXPECT_GT(::write(pipe.second(), much.data(), much.size()), 0);
  iterate_once(*loop);
  EXPECT_EQ(log.size(), 2U);
}

// LOOP-069
TEST_F(Watchers, ADescriptorThatBecomesReadableWakesTheLoop) {
  const Ends pipe = Ends::pipe();
  loop->add_reader(pipe.first(), [this] { loop->stop(); });
  loop->call_later(5ms, [&] { pipe.fill_first(); });
  loop->run_forever();
  EXPECT_EQ(pipe.drain_first(), "x");
}

// LOOP-034, LOOP-076
TEST_F(Watchers, AReaderThatIsRemovedAtTheBeginningOfTheNextRunIsNotCalledInItAgain) {
  const Ends pipe = Ends::pipe();
  pipe.fill_first();
  loop->add_reader(pipe.first(), [&] {
    log.push_back("read");
    loop->call_soon([&] { loop->remove_reader(pipe.first()); });
  });
  for (int run = 0; run < 2; ++run) {
    loop->call_soon([this] { loop->stop(); });
    loop->run_forever();
    EXPECT_EQ(log, Log{"read"});
  }
}

// LOOP-070
TEST_F(Watchers, ASecondReaderReplacesTheFirstAndFreesIt) {
  const Ends pipe = Ends::pipe();
  const auto captured = std::make_shared<int>(0);
  loop->add_reader(pipe.first(), [this, captured] { log.push_back("old"); });
  add_logging_reader(pipe.first(), "new");
  EXPECT_EQ(captured.use_count(), 1);
  pipe.fill_first();
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"new"});
  EXPECT_TRUE(loop->remove_reader(pipe.first()));
  EXPECT_FALSE(loop->remove_reader(pipe.first()));
}

// LOOP-070, LOOP-076
TEST_F(Watchers, ReplacingAReaderWhoseEventIsQueuedCancelsTheQueuedCall) {
  const Ends one = Ends::pipe();
  const Ends two = Ends::pipe();
  one.fill_first();
  two.fill_first();
  // Whichever is called first replaces the other, and itself stays.
  const auto replace = [this](int other, const char* name) {
    log.push_back(name);
    if (log.size() == 1) add_logging_reader(other, "new");
  };
  loop->add_reader(one.first(), [&] { replace(two.first(), "one"); });
  loop->add_reader(two.first(), [&] { replace(one.first(), "two"); });
  iterate_once(*loop);
  EXPECT_EQ(log.size(), 1U);
  EXPECT_NE(log[0], "new");
  iterate_once(*loop);
  EXPECT_EQ(log.size(), 3U);
  EXPECT_EQ(std::count(log.begin(), log.end(), "new"), 1);
}

// LOOP-071, LOOP-072, failure 6
TEST_F(Watchers, ReaderAndWriterOfADescriptorAreIndependent) {
  const Ends sockets = Ends::sockets();
  sockets.fill_first();
  add_logging_reader(sockets.first(), "read");
  add_logging_writer(sockets.first(), "write");
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"read", "write"}));
  EXPECT_TRUE(loop->remove_reader(sockets.first()));
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"read", "write", "write"}));
  add_logging_reader(sockets.first(), "read again");
  EXPECT_TRUE(loop->remove_writer(sockets.first()));
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"read", "write", "write", "read again"}));
  EXPECT_FALSE(loop->remove_writer(sockets.first()));
  EXPECT_TRUE(loop->remove_reader(sockets.first()));
}

// LOOP-076, failure 6
TEST_F(Watchers, AReaderThatRemovesItsWriterWhileBothArePendingStaysArmed) {
  const Ends sockets = Ends::sockets();
  sockets.fill_first();
  add_logging_writer(sockets.first(), "write");
  loop->add_reader(sockets.first(), [&] {
    log.push_back("read");
    loop->remove_writer(sockets.first());
  });
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"read", "read"}));
}

// LOOP-072
TEST_F(Watchers, RemovingAnUnknownOneGivesFalse) {
  const Ends pipe = Ends::pipe();
  EXPECT_FALSE(loop->remove_reader(pipe.first()));
  EXPECT_FALSE(loop->remove_writer(pipe.first()));
  EXPECT_FALSE(loop->remove_reader(-1));
  add_logging_reader(pipe.first(), "read");
  EXPECT_FALSE(loop->remove_writer(pipe.first()));
  EXPECT_TRUE(loop->remove_reader(pipe.first()));
}

// LOOP-072, LOOP-073
TEST_F(Watchers, OnAClosedLoopRemovingGivesFalseAndAddingThrows) {
  const Ends pipe = Ends::pipe();
  add_logging_reader(pipe.first(), "read");
  loop->close();
  EXPECT_FALSE(loop->remove_reader(pipe.first()));
  EXPECT_FALSE(loop->remove_writer(pipe.second()));
  EXPECT_THROW(loop->add_reader(pipe.first(), [] {}), asyncio::RuntimeError);
  EXPECT_THROW(loop->add_writer(pipe.second(), [] {}), asyncio::RuntimeError);
}

// LOOP-074
TEST_F(Watchers, ANegativeDescriptorIsAnInvalidArgument) {
  EXPECT_THROW(loop->add_reader(-1, [] {}), std::invalid_argument);
  EXPECT_THROW(loop->add_writer(-7, [] {}), std::invalid_argument);
}

// LOOP-074
TEST_F(Watchers, ADescriptorThatIsNotOpenIsASystemErrorThatNamesIt) {
  for (const int fd : {1 << 20, 900'000}) {
    try {
      loop->add_reader(fd, [] {});
      ADD_FAILURE() << fd << " was accepted";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), std::errc::bad_file_descriptor);
      EXPECT_NE(std::string(e.what()).find(std::to_string(fd)), std::string::npos) << e.what();
    }
  }
}

// failure 7
TEST_F(Watchers, WhatCannotBePolledIsRefusedWithEPERMAndNothingStaysRegistered) {
  for (const char* path : {"/proc/self/exe", "/dev/null", "/"}) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0) << path;
    const auto captured = std::make_shared<int>(0);
    for (const bool writing : {false, true}) {
      try {
        if (writing) {
          loop->add_writer(fd, [captured] {});
        } else {
          loop->add_reader(fd, [captured] {});
        }
        ADD_FAILURE() << path << " was accepted";
      } catch (const std::system_error& e) {
        EXPECT_EQ(e.code().value(), EPERM) << path;
      }
    }
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_FALSE(loop->remove_reader(fd));
    EXPECT_FALSE(loop->remove_writer(fd));
    ::close(fd);
  }
  loop->poll_once();  // nothing is armed
}

// LOOP-076: no backend keeps it open.
TEST_F(Watchers, WhatIsClosedAfterItsRemovalIsClosedAtOnce) {
  Ends sockets = Ends::sockets();
  loop->add_reader(sockets.first(), [&] { log.push_back("called"); });
  iterate_once(*loop);
  loop->call_soon([&] {
    EXPECT_TRUE(loop->remove_reader(sockets.first()));
    sockets.close(0);
    char byte = 0;
    EXPECT_EQ(::recv(sockets.second(), &byte, 1, 0), 0);
    log.push_back("closed");
  });
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"closed"});
}

// LOOP-076
TEST_F(Watchers, RemovingOneWhoseEventIsQueuedCancelsTheQueuedCall) {
  const Ends one = Ends::pipe();
  const Ends two = Ends::pipe();
  one.fill_first();
  two.fill_first();
  loop->add_reader(one.first(), [&] {
    log.push_back("called");
    loop->remove_reader(two.first());
  });
  loop->add_reader(two.first(), [&] {
    log.push_back("called");
    loop->remove_reader(one.first());
  });
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"called"});
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"called", "called"}));  // the one that is left
}

// LOOP-076
TEST_F(Watchers, ACallbackMayRemoveItsOwnWatcherAndStillUseItsCaptures) {
  const Ends pipe = Ends::pipe();
  pipe.fill_first();
  auto captured = std::make_shared<std::string>("whole");
  const std::weak_ptr<std::string> watched = captured;
  loop->add_reader(pipe.first(), [this, &pipe, text = std::move(captured)] {
    EXPECT_TRUE(loop->remove_reader(pipe.first()));
    log.push_back(*text);
  });
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"whole"});
  EXPECT_TRUE(watched.expired());
}

// LOOP-031, LOOP-069
TEST_F(Watchers, ACallbackThatThrowsIsReportedAndStaysRegistered) {
  const Ends pipe = Ends::pipe();
  pipe.fill_first();
  int reports = 0;
  loop->set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { ++reports; });
  loop->add_reader(pipe.first(), [] { throw std::runtime_error("x"); });
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(reports, 2);
  EXPECT_TRUE(loop->remove_reader(pipe.first()));
}

// LOOP-077
TEST_F(Watchers, AHangUpCallsTheReaderSoThatItsReadSeesTheEnd) {
  Ends pipe = Ends::pipe();
  loop->add_reader(pipe.first(), [&] {
    char c = 0;
    log.push_back("read gives " + std::to_string(::read(pipe.first(), &c, 1)));
  });
  iterate_once(*loop);
  EXPECT_EQ(log, Log{});
  pipe.close(1);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"read gives 0"});
}

// LOOP-077
TEST_F(Watchers, AnErrorCallsTheWriterThoughTheDescriptorIsFull) {
  Ends pipe = Ends::pipe();
  const std::string much(1 << 20, 'x');
  EXPECT_GT(::write(pipe.second(), much.data(), much.size()), 0);
  add_logging_writer(pipe.second(), "write");
  iterate_once(*loop);
  EXPECT_EQ(log, Log{});
  pipe.close(0);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"write"});
}

// failure 4
TEST_F(Watchers, ADescriptorReopenedUnderItsNumberDoesNotGetTheEventOfTheClosedOne) {
  Ends one = Ends::pipe();
  Ends two = Ends::pipe();
  one.fill_first();
  two.fill_first();
  std::vector<Ends> reopened;
  // Whichever is called first closes the other one and opens a new pipe, quiet, with its number.
  const auto swap_out = [&](Ends& victim) {
    log.push_back("called");
    const int number = victim.first();
    loop->remove_reader(number);
    victim.close(0);
    reopened.push_back(Ends::pipe());
    EXPECT_EQ(reopened.back().first(), number);
    add_logging_reader(number, "event of the dead");
  };
  loop->add_reader(one.first(), [&] { swap_out(two); });
  loop->add_reader(two.first(), [&] { swap_out(one); });
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"called"});
  log.clear();
  loop->remove_reader(reopened.back().first() == one.first() ? two.first() : one.first());
  iterate_once(*loop);
  EXPECT_EQ(log, Log{});
}

// failure 4
TEST_F(Watchers, ANumberThatWasClosedWithoutRemovalAndReopenedCanBeWatchedAgain) {
  Ends old = Ends::pipe();
  old.fill_first();
  add_logging_reader(old.first(), "old");
  const int number = old.first();
  old.close(0);
  const Ends fresh = Ends::pipe();
  ASSERT_EQ(fresh.first(), number);
  add_logging_reader(number, "fresh");
  iterate_once(*loop);
  EXPECT_EQ(log, Log{});
  fresh.fill_first();
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"fresh"});
}
