// `asyncio top` as a program: plain, and on a terminal.

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "snapshot/programs.hpp"

#ifdef ASYNCIO_COMMAND

using support::Output;
using support::Target;

namespace {

constexpr std::string_view entered = "\x1b[?1049h";
constexpr std::string_view left = "\x1b[?1049l";
constexpr std::string_view drawn = "\x1b[J";

Output top(std::vector<std::string> words) {
  words.insert(words.begin(), {ASYNCIO_COMMAND, "top"});
  return support::run_program(words);
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

/// `asyncio top` on a terminal of its own.
class OnTerminal {
 public:
  explicit OnTerminal(const Target& target, std::vector<std::string> more = {},
                      const char* no_color = "") {
    winsize size{};
    size.ws_col = 120;
    size.ws_row = 30;
    child_ = ::forkpty(&master_, nullptr, nullptr, &size);
    if (child_ == 0) {
      ::setenv("NO_COLOR", no_color, 1);
      more.insert(more.begin(), {ASYNCIO_COMMAND, "top", std::to_string(target.pid())});
      std::vector<char*> words;
      for (std::string& word : more) words.push_back(word.data());
      words.push_back(nullptr);
      ::execv(ASYNCIO_COMMAND, words.data());
      ::_exit(99);
    }
    ::tcgetattr(master_, &before_);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(master_);
  }

  /// Reads until the text comes, behind what was waited for before; twenty seconds at most.
  [[nodiscard]] bool shows(std::string_view text) {
    for (int i = 0; i < 200; ++i) {
      if (const auto at = seen_.find(text, from_); at != std::string::npos) {
        from_ = at + text.size();
        return true;
      }
      if (!read_some()) break;
    }
    ADD_FAILURE() << "not shown: " << text << "\nbut: " << seen_.substr(from_);
    return false;
  }
  void press(std::string_view keys) {
    EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void resize(unsigned short columns, unsigned short rows) {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  void signal(int number) const { ::kill(child_, number); }
  /// Its exit status, 128 + signal.
  int end() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  [[nodiscard]] const std::string& seen() const { return seen_; }
  [[nodiscard]] bool echoes() const {
    termios now{};
    ::tcgetattr(master_, &now);
    return (now.c_lflag & ECHO) != 0 && (now.c_lflag & ICANON) != 0;
  }

 private:
  bool read_some() {
    pollfd what{master_, POLLIN, 0};
    if (::poll(&what, 1, 100) == 0) return ++silent_ < 200;
    std::array<char, 4096> piece{};
    const ssize_t n = ::read(master_, piece.data(), piece.size());
    if (n <= 0) return false;
    seen_.append(piece.data(), static_cast<std::size_t>(n));
    return true;
  }

  int master_ = -1;
  pid_t child_ = -1;
  termios before_{};
  std::string seen_;
  std::size_t from_ = 0;
  int silent_ = 0;
};

}  // namespace

TEST(Top, PrintsPlainTextOnceWhereThereIsNoTerminal) {
  const Target target("sleeping");
  const Output output = top({std::to_string(target.pid()), "--interval", "0.1"});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(count(output.out, "asyncio top: process "), 1U) << output.out;
  EXPECT_EQ(count(output.out, "\nLOOP "), 1U) << output.out;
  EXPECT_EQ(count(output.out, "\none "), 1U) << output.out;
  EXPECT_NE(output.out.find("sleep()"), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("sleeps target.cpp:"), std::string::npos) << output.out;
  EXPECT_EQ(output.out.find('\x1b'), std::string::npos) << output.out;
  EXPECT_TRUE(target.alive());
}

TEST(Top, PrintsAsOftenAsItIsAsked) {
  const Target target("sleeping");
  const Output output =
      top({std::to_string(target.pid()), "--interval", "0.05", "--iterations", "3"});
  EXPECT_EQ(count(output.out, "asyncio top: process "), 3U) << output.out;
}

TEST(Top, ShowsALoopThatIsBlocked) {
  const Target target("blocked");
  const Output output = top({std::to_string(target.pid()), "--once", "--interval", "0.3"});
  EXPECT_NE(output.out.find(" running "), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("\nspinner "), std::string::npos) << output.out;
  EXPECT_EQ(output.out.find("   -        -"), std::string::npos) << output.out;
}

TEST(Top, CountsTheStepsOfALoop) {
  const Target target("churn");
  const Output output = top({std::to_string(target.pid()), "--once", "--interval", "0.2"});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_NE(output.out.find(" us "), std::string::npos) << output.out;
}

// DBG-046
TEST(Top, SaysWhatIsWrong) {
  EXPECT_EQ(top({}).status, 2);
  EXPECT_EQ(top({"0"}).status, 2);
  EXPECT_EQ(top({"1", "--interval", "0"}).status, 2);
  EXPECT_EQ(top({"1", "--iterations", "-1"}).status, 2);
  const Output none = top({"4194303", "--once"});
  EXPECT_EQ(none.status, 1);
  EXPECT_TRUE(none.err.starts_with("Error retrieving tasks: ")) << none.err;
}

TEST(TopOnATerminal, ShowsAWholeScreenAgainAndAgainUntilQ) {
  const Target target("sleeping");
  OnTerminal top(target, {"--interval", "0.1"});
  EXPECT_TRUE(top.shows(entered));
  EXPECT_FALSE(top.echoes());
  EXPECT_TRUE(top.shows("asyncio top: process "));
  EXPECT_TRUE(top.shows("sleeps target.cpp:"));
  EXPECT_TRUE(top.shows("q quit"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(top.shows(drawn));
  top.press("q");
  EXPECT_TRUE(top.shows(left));
  EXPECT_EQ(top.end(), 0);
  EXPECT_TRUE(top.echoes());
}

TEST(TopOnATerminal, TakesKeys) {
  const Target target("sleeping");
  OnTerminal top(target, {"--interval", "0.1"});
  EXPECT_TRUE(top.shows("(wait)"));
  top.press("n");
  EXPECT_TRUE(top.shows("(name)"));
  top.press("r");
  EXPECT_TRUE(top.shows("(name, reversed)"));
  top.press("g");
  EXPECT_TRUE(top.shows("TASKS "));
  top.press("g");
  EXPECT_TRUE(top.shows("TASK  "));
  top.press("\x1b[B\x1b[A\x1b[6~\x1b[5~\x1b[H\x1b[F\x1bx\x1bOQ\x1b[1;5C\x1b[\xff~");
  top.press("p");
  EXPECT_TRUE(top.shows("PAUSED"));
  EXPECT_TRUE(top.shows(drawn));
  top.press("p");
  EXPECT_TRUE(top.shows("p pause"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(top.shows(drawn));
  top.press("q");
  EXPECT_EQ(top.end(), 0);
}

TEST(TopOnATerminal, FollowsItsSize) {
  const Target target("sleeping");
  OnTerminal top(target, {"--interval", "3600"});
  EXPECT_TRUE(top.shows("WHERE"));
  EXPECT_TRUE(top.shows(drawn));
  top.resize(30, 10);
  EXPECT_TRUE(top.shows("LOOP                THREAD ST~"));
  EXPECT_TRUE(top.shows(drawn));
  top.press("q");
  EXPECT_EQ(top.end(), 0);
}

TEST(TopOnATerminal, BringsTheScreenBackWhateverEndsIt) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    const Target target("sleeping");
    OnTerminal top(target, {"--interval", "3600"});
    EXPECT_TRUE(top.shows(drawn));
    top.signal(number);
    EXPECT_TRUE(top.shows(left));
    EXPECT_EQ(top.end(), 128 + number);
    EXPECT_TRUE(top.echoes());
  }
}

TEST(TopOnATerminal, IsInterruptedByCtrlC) {
  const Target target("sleeping");
  OnTerminal top(target);
  EXPECT_TRUE(top.shows(drawn));
  top.press("\x03");
  EXPECT_TRUE(top.shows(left));
  EXPECT_EQ(top.end(), 128 + SIGINT);
}

// DBG-046
TEST(TopOnATerminal, EndsWithTheProgramThatItShows) {
  auto target = std::make_unique<Target>("sleeping");
  OnTerminal top(*target, {"--interval", "0.1"});
  EXPECT_TRUE(top.shows(drawn));
  target.reset();
  EXPECT_TRUE(top.shows(left));
  EXPECT_TRUE(top.shows("Error retrieving tasks: "));
  EXPECT_EQ(top.end(), 1);
}

TEST(TopOnATerminal, HasNoColoursIfNobodyWantsThem) {
  const Target target("blocked");
  {
    OnTerminal top(target, {"--interval", "0.1"});
    EXPECT_TRUE(top.shows("\x1b[31;1m"));
  }
  OnTerminal top(target, {"--interval", "0.1", "--iterations", "4"}, "1");
  EXPECT_EQ(top.end(), 0);
  EXPECT_EQ(top.seen().find("\x1b[31"), std::string::npos);
}

#endif
