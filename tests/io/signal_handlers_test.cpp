// add_signal_handler() and remove_signal_handler(), by themselves and under run().

#include <asyncio/event_loop.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
#include <asyncio/event.hpp>
#include <asyncio/future.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

// Long enough that only a signal ends it in time, short enough to fail instead of hanging.
constexpr auto long_sleep = 20s;

struct sigaction action_of(int signal) {
  struct sigaction now{};
  ::sigaction(signal, nullptr, &now);
  return now;
}

using Disposition = void (*)(int);
Disposition handler_of(int signal) { return action_of(signal).sa_handler; }

/// Sets a signal's handler while it lives.
class ScopedHandler {
 public:
  ScopedHandler(int signal, Disposition handler)
      : signal_(signal), old_(std::signal(signal, handler)) {}
  ScopedHandler(const ScopedHandler&) = delete;
  ScopedHandler& operator=(const ScopedHandler&) = delete;
  ~ScopedHandler() { std::signal(signal_, old_); }

 private:
  int signal_;
  Disposition old_;
};

volatile std::sig_atomic_t handled = 0;
void count_signal(int) { handled = handled + 1; }

void iterate_once(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

class SignalHandlers : public testing::Test {
 protected:
  void TearDown() override {
    loop->close();
    for (const int signal : {SIGUSR1, SIGUSR2, SIGINT, SIGTERM}) {
      EXPECT_EQ(handler_of(signal), SIG_DFL) << signal;
    }
  }
  void add_logging(int signal, const std::string& name) {
    loop->add_signal_handler(signal, [this, name] { log.push_back(name); });
  }

  std::unique_ptr<asyncio::EventLoop> loop = asyncio::new_event_loop();
  Log log;
};

std::string message_of(const std::exception& error) { return error.what(); }

/// What the call is refused with.
template <class E, class F>
std::string refusal_of(F call) {
  try {
    call();
  } catch (const E& error) {
    return message_of(error);
  }
  return "not refused";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// PROC-042, LOOP-090
TEST_F(SignalHandlers, RunInAnIterationAfterTheSignal) {
  add_logging(SIGUSR1, "signal");
  iterate_once(*loop);
  EXPECT_EQ(log, Log{});
  loop->call_soon([&] {
    std::raise(SIGUSR1);
    log.push_back("goes on");
  });
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"goes on"});
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"goes on", "signal"}));
}

// PROC-042
TEST_F(SignalHandlers, WakeALoopThatPolls) {
  std::thread sender([] {
    std::this_thread::sleep_for(10ms);
    ::kill(::getpid(), SIGUSR1);
  });
  loop->add_signal_handler(SIGUSR1, [&] { loop->stop(); });
  const auto guard = loop->call_later(long_sleep, [&] {
    ADD_FAILURE() << "it slept on";
    loop->stop();
  });
  loop->run_forever();
  guard.cancel();
  sender.join();
}

// PROC-042
TEST_F(SignalHandlers, RunOnTheLoopsThreadWhateverThreadTheSignalComesTo) {
  std::thread::id ran;
  loop->add_signal_handler(SIGUSR1, [&] {
    ran = std::this_thread::get_id();
    loop->stop();
  });
  std::thread raiser([] { std::raise(SIGUSR1); });
  loop->run_forever();
  raiser.join();
  EXPECT_EQ(ran, std::this_thread::get_id());
}

// PROC-042: what comes while the loop does not run waits for it
TEST_F(SignalHandlers, OfALoopThatDoesNotRunWaitUntilItDoes) {
  add_logging(SIGUSR1, "signal");
  std::raise(SIGUSR1);
  EXPECT_EQ(log, Log{});
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"signal"});
}

// PROC-042: as an ordinary callback, whose errors are reported
TEST_F(SignalHandlers, ThatThrowAreReportedAndStay) {
  int reports = 0;
  loop->set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    reports += context.handle.has_value() && context.source.line() != 0 ? 1 : 0;
  });
  loop->add_signal_handler(SIGUSR1, [] { throw std::runtime_error("x"); });
  for (int i = 0; i < 2; ++i) {
    std::raise(SIGUSR1);
    iterate_once(*loop);
  }
  EXPECT_EQ(reports, 2);
  EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
}

// PROC-042: in the context in which it was added
TEST_F(SignalHandlers, RunInTheContextInWhichTheyWereAdded) {
  asyncio::ContextVar<std::string> var("var", "nowhere");
  asyncio::Context context = asyncio::copy_context();
  context.run([&] {
    var.set("added");
    loop->add_signal_handler(SIGUSR1, [&] { log.push_back(var.get()); });
  });
  std::raise(SIGUSR1);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"added"});
}

// DBG-009, PROC-042
TEST_F(SignalHandlers, ThatAreSlowAreNamedInDebugMode) {
  const support::LogCapture logged;
  loop->set_debug(true);
  loop->slow_callback_duration = 0s;
  add_logging(SIGUSR1, "signal");
  std::raise(SIGUSR1);
  iterate_once(*loop);
  EXPECT_EQ(logged.count("Executing <Handle "), 1);
}

// PROC-041
TEST_F(SignalHandlers, AreReplacedByASecondOne) {
  const auto captured = std::make_shared<int>(0);
  loop->add_signal_handler(SIGUSR1, [captured] { ++*captured; });
  add_logging(SIGUSR1, "second");
  EXPECT_EQ(captured.use_count(), 1);
  std::raise(SIGUSR1);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"second"});
  EXPECT_EQ(*captured, 0);
  EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
  EXPECT_FALSE(loop->remove_signal_handler(SIGUSR1));
}

// PROC-041: a signal that has come goes to the one that is there in its turn
TEST_F(SignalHandlers, ThatAreReplacedInBetweenLeaveTheSignalToTheNewOne) {
  add_logging(SIGUSR1, "first");
  std::raise(SIGUSR1);
  add_logging(SIGUSR1, "second");
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"second"});
  loop->add_signal_handler(SIGUSR2, [&] { add_logging(SIGUSR1, "third"); });
  std::raise(SIGUSR2);
  std::raise(SIGUSR1);  // queued behind the other
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"second", "third"}));
}

// PROC-041
TEST_F(SignalHandlers, MayReplaceThemselves) {
  const auto captured = std::make_shared<std::string>("whole");
  loop->add_signal_handler(SIGUSR1, [this, text = captured] {
    add_logging(SIGUSR1, "other");
    log.push_back(*text);
  });
  for (int i = 0; i < 2; ++i) {
    std::raise(SIGUSR1);
    iterate_once(*loop);
  }
  EXPECT_EQ(log, (Log{"whole", "other"}));
  EXPECT_EQ(captured.use_count(), 1);
}

// PROC-041
TEST_F(SignalHandlers, AreRefusedOnAnotherThreadThanTheMainOne) {
  std::thread([] {
    const auto own = asyncio::new_event_loop();
    const std::string text =
        refusal_of<asyncio::RuntimeError>([&] { own->add_signal_handler(SIGUSR1, [] {}); });
    EXPECT_TRUE(contains(text, "main thread")) << text;
    EXPECT_TRUE(contains(text, "call_soon_threadsafe()")) << text;
    EXPECT_FALSE(own->remove_signal_handler(SIGUSR1));
    own->close();
  }).join();
}

// PROC-041
TEST_F(SignalHandlers, AreRefusedByALoopThatRunsOnAnotherThread) {
  std::atomic<bool> running = false;
  loop->call_soon([&] { running = true; });
  std::thread runner([&] { loop->run_forever(); });
  while (!running) std::this_thread::yield();
  EXPECT_THROW(loop->add_signal_handler(SIGUSR1, [] {}), asyncio::RuntimeError);
  EXPECT_THROW(loop->remove_signal_handler(SIGUSR1), asyncio::RuntimeError);
  loop->call_soon_threadsafe([&] { loop->stop(); });
  runner.join();
}

// PROC-044
TEST_F(SignalHandlers, OfANumberThatIsNoSignalAreAnInvalidArgument) {
  for (const int signal : {-1, 0, 32, 33, 65, 1 << 20}) {
    const std::string number = "signal number " + std::to_string(signal);
    std::string text =
        refusal_of<std::invalid_argument>([&] { loop->add_signal_handler(signal, [] {}); });
    EXPECT_TRUE(contains(text, number)) << text;
    text = refusal_of<std::invalid_argument>([&] { loop->remove_signal_handler(signal); });
    EXPECT_TRUE(contains(text, number)) << text;
  }
}

// PROC-044
TEST_F(SignalHandlers, OfWhatCannotBeCaughtAreARuntimeErrorAndLeaveNothing) {
  for (const int signal : {SIGKILL, SIGSTOP}) {
    const auto captured = std::make_shared<int>(0);
    const std::string text =
        refusal_of<asyncio::RuntimeError>([&] { loop->add_signal_handler(signal, [captured] {}); });
    EXPECT_TRUE(contains(text, std::to_string(signal) + " cannot be caught")) << text;
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_FALSE(loop->remove_signal_handler(signal));
  }
}

// PROC-044: the last number there is
TEST_F(SignalHandlers, MayBeForRealTimeSignals) {
  add_logging(SIGRTMAX, "real time");
  std::raise(SIGRTMAX);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"real time"});
}

// PROC-045
TEST_F(SignalHandlers, LetSystemCallsThatTheyInterruptGoOn) {
  add_logging(SIGUSR1, "signal");
  EXPECT_EQ(action_of(SIGUSR1).sa_flags & SA_RESTART, SA_RESTART);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pthread_t reader = ::pthread_self();
  std::thread other([&] {
    std::this_thread::sleep_for(10ms);
    ::pthread_kill(reader, SIGUSR1);
    std::this_thread::sleep_for(10ms);
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
  });
  char c = 0;
  EXPECT_EQ(::read(ends[0], &c, 1), 1);
  other.join();
  for (const int fd : ends) ::close(fd);
  iterate_once(*loop);
  EXPECT_EQ(log, Log{"signal"});
}

// PROC-046
TEST_F(SignalHandlers, ThatAreRemovedGiveTheDefaultDispositionBack) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    EXPECT_FALSE(loop->remove_signal_handler(signal));
    add_logging(signal, "signal");
    EXPECT_NE(handler_of(signal), SIG_DFL);
    EXPECT_TRUE(loop->remove_signal_handler(signal));
    EXPECT_EQ(handler_of(signal), SIG_DFL);
    EXPECT_FALSE(loop->remove_signal_handler(signal));
  }
}

// PROC-046, PROC-050: what was there before, in Python always the default one
TEST_F(SignalHandlers, ThatAreRemovedGiveAnEarlierHandlerBack) {
  for (const Disposition earlier : {&count_signal, SIG_IGN}) {
    const ScopedHandler mine(SIGUSR1, earlier);
    add_logging(SIGUSR1, "signal");
    add_logging(SIGUSR1, "again");
    EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
    EXPECT_EQ(handler_of(SIGUSR1), earlier);
  }
}

// PROC-046: a disposition that somebody has set meanwhile is theirs
TEST_F(SignalHandlers, ThatAreRemovedLeaveALaterHandlerAlone) {
  add_logging(SIGUSR1, "signal");
  const Disposition ours = std::signal(SIGUSR1, &count_signal);
  EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
  EXPECT_EQ(std::signal(SIGUSR1, ours), &count_signal);
  std::raise(SIGUSR1);  // an old handler that was put back does no harm
  std::signal(SIGUSR1, SIG_DFL);
}

// PROC-041: added again, it takes the signal from a handler that somebody has set meanwhile
TEST_F(SignalHandlers, ThatAreAddedAgainTakeTheSignalBack) {
  add_logging(SIGUSR1, "first");
  std::signal(SIGUSR1, &count_signal);
  add_logging(SIGUSR1, "second");
  handled = 0;
  std::raise(SIGUSR1);
  iterate_once(*loop);
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(log, Log{"second"});
  loop->remove_signal_handler(SIGUSR1);
  EXPECT_EQ(std::signal(SIGUSR1, SIG_DFL), &count_signal);
}

// PROC-046
TEST_F(SignalHandlers, MayRemoveThemselvesAndStillUseTheirCaptures) {
  const ScopedHandler ignored(SIGUSR1, SIG_IGN);
  const auto captured = std::make_shared<std::string>("whole");
  loop->add_signal_handler(SIGUSR1, [this, text = captured] {
    EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
    log.push_back(*text);
  });
  for (int i = 0; i < 3; ++i) {
    std::raise(SIGUSR1);
    iterate_once(*loop);
  }
  EXPECT_EQ(log, Log{"whole"});
  EXPECT_EQ(captured.use_count(), 1);
}

// PROC-046, failure 77
TEST_F(SignalHandlers, AreNotCalledOnceRemovedThoughTheirSignalHasCome) {
  const auto captured = std::make_shared<int>(0);
  // Posted, and not yet looked at.
  loop->add_signal_handler(SIGUSR1, [captured] { ++*captured; });
  std::raise(SIGUSR1);
  EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
  EXPECT_EQ(captured.use_count(), 1);
  iterate_once(*loop);
  // Queued behind the call that removes it.
  loop->add_signal_handler(SIGUSR1, [captured] { ++*captured; });
  loop->add_signal_handler(SIGUSR2, [&] { loop->remove_signal_handler(SIGUSR1); });
  std::raise(SIGUSR2);
  std::raise(SIGUSR1);
  iterate_once(*loop);
  iterate_once(*loop);
  // Both at once.
  loop->add_signal_handler(SIGUSR1, [captured] { ++*captured; });
  loop->add_signal_handler(SIGUSR2, [&] {
    std::raise(SIGUSR1);
    loop->remove_signal_handler(SIGUSR1);
  });
  std::raise(SIGUSR2);
  std::raise(SIGUSR1);
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(*captured, 0);
  EXPECT_EQ(captured.use_count(), 1);
}

// PROC-048
TEST_F(SignalHandlers, AreRemovedByClose) {
  const auto captured = std::make_shared<int>(0);
  for (const int signal : {SIGINT, SIGUSR1, SIGUSR2}) {
    loop->add_signal_handler(signal, [captured] { ++*captured; });
    std::raise(signal);
  }
  loop->close();
  for (const int signal : {SIGINT, SIGUSR1, SIGUSR2}) {
    EXPECT_EQ(handler_of(signal), SIG_DFL);
    EXPECT_FALSE(loop->remove_signal_handler(signal));
  }
  EXPECT_EQ(*captured, 0);
  EXPECT_EQ(captured.use_count(), 1);
  EXPECT_THROW(loop->add_signal_handler(SIGUSR1, [] {}), asyncio::RuntimeError);
}

// PROC-048: what a handler holds may do as it likes when it goes
TEST_F(SignalHandlers, MayAddAndRemoveOthersWhileTheLoopCloses) {
  struct AddsOnExit {
    explicit AddsOnExit(asyncio::EventLoop& l) : loop(l) {}
    AddsOnExit(const AddsOnExit&) = delete;
    ~AddsOnExit() {
      loop.remove_signal_handler(SIGUSR2);
      EXPECT_THROW(loop.add_signal_handler(SIGUSR1, [] {}), asyncio::RuntimeError);
    }
    asyncio::EventLoop& loop;
  };
  loop->add_signal_handler(SIGUSR1, [adds = std::make_shared<AddsOnExit>(*loop)] {});
  add_logging(SIGUSR2, "signal");
  loop->close();
}

// PROC-049
TEST_F(SignalHandlers, RunOnceForSignalsThatComeTogether) {
  add_logging(SIGUSR1, "one");
  add_logging(SIGUSR2, "two");
  for (int i = 0; i < 100; ++i) {
    std::raise(SIGUSR1);
    std::raise(SIGUSR2);
  }
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"one", "two"}));
}

// PROC-049: in Python a full pipe loses them
TEST_F(SignalHandlers, RunAgainForASignalThatComesWhileTheyRun) {
  int calls = 0;
  loop->add_signal_handler(SIGUSR1, [&] {
    if (++calls < 5) std::raise(SIGUSR1);
  });
  std::raise(SIGUSR1);
  for (int i = 0; i < 10; ++i) iterate_once(*loop);
  EXPECT_EQ(calls, 5);
}

// failure 77
TEST_F(SignalHandlers, RunAfterTheLastOfTenThousandSignals) {
  constexpr int signals = 10'000;
  std::atomic<int> sent = 0;
  int calls = 0;
  loop->add_signal_handler(SIGUSR1, [&] {
    ++calls;
    if (sent == signals) loop->stop();
  });
  std::thread sender([&] {
    for (int i = 0; i < signals; ++i) {
      ++sent;
      ::kill(::getpid(), SIGUSR1);
    }
  });
  const auto guard = loop->call_later(long_sleep, [&] {
    ADD_FAILURE() << "no call after the last signal";
    loop->stop();
  });
  loop->run_forever();
  guard.cancel();
  sender.join();
  EXPECT_GE(calls, 1);
  EXPECT_LE(calls, signals);
}

// failure 77
TEST_F(SignalHandlers, AreNotCalledAgainOnceRemovedInTheMiddleOfTenThousandSignals) {
  const ScopedHandler ignored(SIGUSR1, SIG_IGN);
  constexpr int signals = 10'000;
  std::atomic<bool> over = false;
  std::thread sender([&] {
    for (int i = 0; i < signals; ++i) ::kill(::getpid(), SIGUSR1);
    over = true;
  });
  int rounds = 0;
  while (!over) {
    int calls = 0;
    loop->add_signal_handler(SIGUSR1, [&] {
      ++calls;
      loop->remove_signal_handler(SIGUSR1);
    });
    for (int i = 0; i < 3; ++i) iterate_once(*loop);
    loop->remove_signal_handler(SIGUSR1);
    EXPECT_LE(calls, 1);
    ++rounds;
  }
  sender.join();
  EXPECT_GE(rounds, 1);
}

// --- run() and run_main() -----------------------------------------------------------------------

// PROC-041, PROC-046: more than the ^C of run()
TEST(SignalHandlersUnderRun, ForSigintGoBeforeTheCancellationAndGiveItBack) {
  Log log;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 auto& loop = asyncio::get_running_loop();
                 asyncio::Event came;
                 loop.add_signal_handler(SIGINT, [&] { came.set(); });
                 for (int i = 0; i < 3; ++i) {
                   std::raise(SIGINT);
                   co_await came.wait();
                   came.clear();
                   log.push_back("handled");
                 }
                 EXPECT_TRUE(loop.remove_signal_handler(SIGINT));
                 std::raise(SIGINT);
                 auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                 log.push_back(end.cancelled() ? "cancelled" : "slept");
                 end.value();
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, (Log{"handled", "handled", "handled", "cancelled"}));
  EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
}

// PROC-041, RUN-048
TEST(SignalHandlersUnderRun, ForSigtermGoBeforeTheCancellationOfRunMain) {
  std::string name = "prog";
  std::array<char*, 2> argv{name.data(), nullptr};
  bool came = false;
  const auto main = [&]() -> asyncio::Coro<int> {
    auto& loop = asyncio::get_running_loop();
    loop.add_signal_handler(SIGTERM, [&] { came = true; });
    std::raise(SIGTERM);
    co_await asyncio::sleep(1ms);
    loop.remove_signal_handler(SIGTERM);
    std::raise(SIGTERM);
    co_await asyncio::sleep(long_sleep);
    co_return 5;
  };
  EXPECT_EQ(asyncio::run_main(1, argv.data(), main), 128 + SIGTERM);
  EXPECT_TRUE(came);
  EXPECT_EQ(handler_of(SIGTERM), SIG_DFL);
}

// PROC-048: the end of a run leaves handlers to the loop, whose end removes them
TEST(SignalHandlersUnderRun, StayFromOneRunOfARunnerToTheNext) {
  Log log;
  {
    asyncio::Runner runner;
    runner.run([&]() -> asyncio::Coro<> {
      asyncio::get_running_loop().add_signal_handler(SIGINT, [&] { log.push_back("handled"); });
      co_return;
    });
    EXPECT_NE(handler_of(SIGINT), SIG_DFL);
    std::raise(SIGINT);  // waits for the next run
    EXPECT_THROW(runner.run([&]() -> asyncio::Coro<> {
      std::raise(SIGINT);
      co_await asyncio::sleep(1ms);
      asyncio::get_running_loop().remove_signal_handler(SIGINT);
      std::raise(SIGINT);  // this run's own ^C
      co_await asyncio::sleep(long_sleep);
    }),
                 asyncio::KeyboardInterrupt);
    EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
    runner.get_loop().add_signal_handler(SIGINT, [] {});
  }
  EXPECT_EQ(log, (Log{"handled", "handled"}));
  EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
}

// PROC-046, RUN-040: an earlier handler of the program's stays before the ^C of run()
TEST(SignalHandlersUnderRun, ThatAreRemovedGiveAnEarlierHandlerBackNotTheCancellation) {
  const ScopedHandler mine(SIGINT, &count_signal);
  handled = 0;
  asyncio::run([]() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    loop.add_signal_handler(SIGINT, [] {});
    std::raise(SIGINT);
    co_await asyncio::sleep(1ms);
    loop.remove_signal_handler(SIGINT);
    std::raise(SIGINT);
    co_await asyncio::sleep(1ms);
  });
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(handler_of(SIGINT), &count_signal);
}

// --- several loops ------------------------------------------------------------------------------

// PROC-050: the last one that asked has the signal; the others have it back
TEST(SignalHandlersOfSeveralLoops, TakeASignalLastFirstAndGiveItBack) {
  const auto one = asyncio::new_event_loop();
  const auto two = asyncio::new_event_loop();
  const auto three = asyncio::new_event_loop();
  Log log;
  const auto add = [&](asyncio::EventLoop& loop, const char* name) {
    loop.add_signal_handler(SIGUSR1, [&log, name] { log.emplace_back(name); });
  };
  const auto who = [&] {
    log.clear();
    std::raise(SIGUSR1);
    for (const auto* loop : {&one, &two, &three}) {
      if (!(*loop)->is_closed()) iterate_once(**loop);
    }
    return log.size() == 1 ? log.front() : "not one but " + std::to_string(log.size());
  };
  add(*one, "one");
  add(*two, "two");
  add(*three, "three");
  EXPECT_EQ(who(), "three");
  add(*one, "one");  // asks again
  EXPECT_EQ(who(), "one");
  EXPECT_TRUE(two->remove_signal_handler(SIGUSR1));  // from the middle
  EXPECT_EQ(who(), "one");
  one->close();
  EXPECT_EQ(who(), "three");
  three->close();
  EXPECT_EQ(handler_of(SIGUSR1), SIG_DFL);
  two->close();
}

// PROC-050, PROC-053
TEST(SignalHandlersOfSeveralLoops, ReachLoopsThatRunOnThreadsOfTheirOwn) {
  constexpr int loops = 4;
  struct Worker {
    std::unique_ptr<asyncio::EventLoop> loop = asyncio::new_event_loop();
    std::atomic<int> calls = 0;
    bool on_its_thread = true;
    std::thread thread;
  };
  std::array<Worker, loops> workers;
  for (int i = 0; i < loops; ++i) {
    Worker& worker = workers.at(static_cast<std::size_t>(i));
    worker.loop->add_signal_handler(SIGRTMIN + 1 + i, [&worker] {
      worker.on_its_thread &= std::this_thread::get_id() == worker.thread.get_id();
      ++worker.calls;
    });
  }
  for (Worker& worker : workers) {
    worker.thread = std::thread([&worker] { worker.loop->run_forever(); });
  }
  for (int round = 1; round <= 50; ++round) {
    for (int i = 0; i < loops; ++i) ::kill(::getpid(), SIGRTMIN + 1 + i);
    for (const Worker& worker : workers) {
      const auto limit = std::chrono::steady_clock::now() + 10s;
      while (worker.calls < round && std::chrono::steady_clock::now() < limit) {
        std::this_thread::yield();
      }
    }
  }
  for (Worker& worker : workers) {
    worker.loop->call_soon_threadsafe([&worker] { worker.loop->stop(); });
    worker.thread.join();
    worker.loop->close();
    EXPECT_EQ(worker.calls, 50);
    EXPECT_TRUE(worker.on_its_thread);
  }
}

// --- the virtual clock --------------------------------------------------------------------------

// PROC-042: a signal may come from outside, so the clock waits for it, and nothing is a deadlock
ASYNC_TEST(SignalHandlersOnTheVirtualClock, WaitInRealTime) {
  auto& loop = asyncio::get_running_loop();
  auto came = loop.create_future<int>();
  loop.add_signal_handler(SIGUSR1, [&] { came.set_result(7); });
  std::thread sender([] {
    std::this_thread::sleep_for(20ms);
    ::kill(::getpid(), SIGUSR1);
  });
  EXPECT_EQ(co_await came, 7);  // no timer, nothing ready
  sender.join();
  const auto began = std::chrono::steady_clock::now();
  co_await asyncio::sleep(20ms);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 20ms);
  loop.remove_signal_handler(SIGUSR1);
  co_await asyncio::sleep(1h);  // jumps again
}

// PROC-046
TEST(SignalHandlersOnTheVirtualClock, ThatAreGoneNoLongerHideADeadlock) {
  EXPECT_THROW(asyncio::testing::run([]() -> asyncio::Coro<> {
                 auto& loop = asyncio::get_running_loop();
                 loop.add_signal_handler(SIGUSR1, [] {});
                 loop.add_signal_handler(SIGUSR1, [] {});
                 loop.remove_signal_handler(SIGUSR1);
                 co_await loop.create_future<>();
               }),
               asyncio::RuntimeError);
}
