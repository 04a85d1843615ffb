#include "io/backend_uring.hpp"

#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "io/choose_backend.hpp"
#include "io/fault.hpp"
#include "io/uring.hpp"
#include "loop/loop_state.hpp"
#include "support/endpoints.hpp"
#include "support/log_capture.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using asyncio::detail::make_backend;
using asyncio::detail::make_uring_backend;
using asyncio::detail::Operation;
using asyncio::detail::Request;
using asyncio::detail::Uring;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;

// What only the ring can do wrong.

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

class UringBackend : public testing::Test {
 protected:
  void SetUp() override {
    if (const int error = ring_refusal()) {
      GTEST_SKIP() << "SKIPPED: io_uring_setup: " << std::strerror(error);
    }
    backend_ = make_uring_backend(0);
  }
  Backend& backend() { return *backend_; }

  // Bytes there and back, of sizes that take every path.
  static void expect_echo(Backend& backend) {
    Pair pair = unix_pair();
    auto stream = open(backend, pair.ours);
    expect_echo(backend, *stream, pair.peers.get());
  }
  static void expect_echo(Backend& backend, Endpoint& stream, int peer, unsigned rounds = 10) {
    for (unsigned i = 0; i < rounds; ++i) {
      const std::string text = pattern(1 + i * 3001, i);
      write_all(peer, text);
      const std::string got = receive_all(backend, stream, text.size());
      ASSERT_TRUE(got == text) << i;
      for (std::size_t at = 0; at < got.size(); at += 5000) {
        send_all(backend, stream, std::string_view(got).substr(at, 5000));
      }
      EXPECT_EQ(finished(backend, stream, [&] { return stream.finish(); }), 0);
      std::string back(text.size(), '\0');
      ASSERT_EQ(::recv(peer, back.data(), back.size(), MSG_WAITALL),
                static_cast<ssize_t>(back.size()));
      ASSERT_TRUE(back == text) << i;
    }
  }

  std::unique_ptr<Backend> backend_;
};

class Nop final : public Request {
 public:
  void then(std::vector<const Nop*>& order) noexcept { order_ = &order; }

 private:
  void prepare(io_uring_sqe& entry) noexcept override { io_uring_prep_nop(&entry); }
  void completed(int, unsigned) noexcept override {
    if (order_ != nullptr) order_->push_back(this);
  }
  std::vector<const Nop*>* order_ = nullptr;
};

struct Watcher : Operation {
  Watcher(Kind kind, int fd) noexcept
      : Operation{kind, fd, [](Operation& self, int) { ++static_cast<Watcher&>(self).calls; }} {}
  int calls = 0;
};

}  // namespace

// --- choosing -----------------------------------------------------------------------------------

// failure 57
TEST(ChooseBackend, TheRingIsUsedWhereTheKernelHasOne) {
  if (const int error = ring_refusal()) {
    GTEST_SKIP() << "SKIPPED: io_uring_setup: " << std::strerror(error);
  }
  const LogCapture log;
  (void)make_backend("io_uring");
  EXPECT_TRUE(log.empty());
}

// failure 57
TEST(ChooseBackend, WhereTheRingIsRefusedEpollTakesItsPlaceWithOneLineThatSaysWhy) {
  for (const int error : {EPERM, ENOSYS, ENOMEM, EMFILE}) {
    const LogCapture log;
    const Fault fault(Call::ring_setup, error, 0, 100);
    auto backend = make_backend("io_uring");
    Pair pair = unix_pair();
    auto stream = open(*backend, pair.ours);
    write_all(pair.peers.get(), "as ever");
    EXPECT_EQ(receive(*backend, *stream), "as ever");
    ASSERT_EQ(log.lines().size(), 1U);
    EXPECT_EQ(log.count("errno " + std::to_string(error) + ", "), 1) << log.lines()[0];
  }
}

TEST(ChooseBackend, RunOptionsNameItAndTheEnvironmentIsForThoseThatDoNot) {
  const auto runs = [](std::string_view name) {
    return asyncio::run([]() -> asyncio::Coro<bool> { co_return true; }, {.backend = name});
  };
  EXPECT_TRUE(runs("epoll"));
  EXPECT_TRUE(runs("io_uring"));
  EXPECT_TRUE(runs("virtual"));
  try {
    runs("kqueue");
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(),
                 "RunOptions::backend=kqueue: unknown; it is \"epoll\", \"io_uring\" or "
                 "\"virtual\", or not set");
  }
}

// failure 57
TEST_F(UringBackend, WorksWithTheFlagsOfOlderKernels) {
  for (const unsigned refused : {1U, 2U}) {
    const Fault fault(Call::ring_setup, EINVAL, 0, refused);
    auto older = make_uring_backend(0);
    EXPECT_EQ(fault.injected(), refused);
    expect_echo(*older);
    Fd fd = tcp_listener();
    const int number = fd.get();
    auto listener = open(*older, fd, false);
    EXPECT_EQ(listener->accept(nullptr, nullptr), would_block);
    const Fd client = connect_to(number);
    await(*older, *listener, Way::read);
    const Fd connection(static_cast<int>(listener->accept(nullptr, nullptr)));
    EXPECT_GE(connection.get(), 0);
  }
}

// --- submissions and completions ----------------------------------------------------------------

// failure 54
TEST_F(UringBackend, DeliversInOrderMoreThanTheCompletionQueueHolds) {
  constexpr std::size_t many = 50'000;
  std::vector<const Nop*> order;
  order.reserve(many);
  const auto requests = std::make_unique<Nop[]>(many);
  Uring ring;
  for (std::size_t i = 0; i < many; ++i) {
    requests[i].then(order);
    ring.queue(requests[i]);
  }
  ring.poll(0);  // at once: the next one may be another thread's, and find another ring
  ASSERT_EQ(order.size(), many);
  for (std::size_t i = 0; i < many; ++i) ASSERT_EQ(order[i], &requests[i]);
}

// failure 54
TEST_F(UringBackend, ReceivesFromMoreConnectionsThanTheQueuesHave) {
  constexpr std::size_t many = 400;
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<Endpoint>> streams;
  std::vector<Observer> observers(many);
  for (std::size_t i = 0; i < many; ++i) {
    pairs.push_back(unix_pair());
    streams.push_back(open(backend(), pairs[i].ours));
  }
  for (unsigned round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < many; ++i) streams[i]->wait(Way::read, observers[i]);
    turn(backend(), 0ms);
    for (std::size_t i = 0; i < many; ++i) write_all(pairs[i].peers.get(), pattern(100, round));
    for (int i = 0; i < 5; ++i) turn(backend(), 0ms);
    for (std::size_t i = 0; i < many; ++i) {
      streams[i]->stop_waiting(Way::read);
      ASSERT_EQ(receive_all(backend(), *streams[i], 100), pattern(100, round)) << i;
    }
  }
}

// failures 3 and 56
TEST_F(UringBackend, LosesNothingWhenTheKernelTakesNothing) {
  for (const int error : {EBUSY, EINTR, EAGAIN, ENOMEM}) {
    for (std::uint64_t nth = 0; nth < 40; ++nth) {
      const Fault fault(Call::ring_enter, error, nth, 3);
      expect_echo(backend());
      ASSERT_FALSE(HasFailure()) << error << " " << nth;
    }
  }
}

// failure 56
TEST_F(UringBackend, DoesNotWaitForLongWithSomethingThatTheKernelHasNotTaken) {
  constexpr std::size_t many = 300;  // more than the submission queue holds
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<Endpoint>> streams;
  std::vector<Observer> observers(many);
  for (std::size_t i = 0; i < many; ++i) {
    pairs.push_back(unix_pair());
    streams.push_back(open(backend(), pairs[i].ours));
    streams[i]->wait(Way::read, observers[i]);
  }
  write_all(pairs.back().peers.get(), "x");
  const Fault fault(Call::ring_enter, EAGAIN);
  const std::int64_t began = backend().now();
  while (observers.back().told == 0) turn(backend(), 5s);
  EXPECT_LT(backend().now() - began, 2'000'000'000);
  for (auto& stream : streams) stream->stop_waiting(Way::read);
}

// failure 56
TEST_F(UringBackend, AnyOtherErrorOfTheKernelIsThrown) {
  const Fault fault(Call::ring_enter, EFAULT);
  EXPECT_THROW(turn(backend(), 1ms), std::system_error);
}

// failure 55
TEST_F(UringBackend, GoesOnAfterCompletionsThatHaveDoneNothing) {
  for (const int error : {EAGAIN, EINTR, ECANCELED}) {
    for (const Call call : {Call::ring_send, Call::ring_receive}) {
      for (std::uint64_t nth = 0; nth < 5; ++nth) {
        const Fault fault(call, error, nth, 2);
        expect_echo(backend());
        ASSERT_FALSE(HasFailure()) << error << " " << nth;
      }
    }
  }
}

// failure 55
TEST_F(UringBackend, ReceivesWithoutBuffersOfItsOwn) {
  {
    const Fault fault(Call::ring_receive, ENOBUFS, 0, 20);
    expect_echo(backend());
    EXPECT_GT(fault.injected(), 0U);
  }
  const Fault fault(Call::ring_buffers, ENOMEM, 0, 1'000'000);
  auto other = make_uring_backend(0);
  expect_echo(*other);
  EXPECT_GT(fault.injected(), 0U);
}

// failure 52
TEST_F(UringBackend, ReceivesByOneRequestAsEveryBufferComesBack) {
  const Fault fault(Call::ring_receive, EIO, 1'000'000);
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  Observer observer;
  for (unsigned i = 0; i < 500; ++i) {
    stream->wait(Way::read, observer);
    turn(backend(), 0ms);
    std::string all;
    for (unsigned part = 0; part < 3; ++part) {  // which share a buffer
      all += pattern(100, i + part);
      write_all(pair.peers.get(), pattern(100, i + part));
      turn(backend(), 0ms);
    }
    stream->stop_waiting(Way::read);
    ASSERT_EQ(receive_all(backend(), *stream, all.size()), all);
    Pair doomed_pair = unix_pair();  // which dies with bytes that it has, or is about to have
    auto doomed = open(backend(), doomed_pair.ours);
    doomed->wait(Way::read, observer);
    turn(backend(), 0ms);
    write_all(doomed_pair.peers.get(), "for nobody");
    if (i % 2 == 0) turn(backend(), 0ms);
  }
  EXPECT_EQ(fault.seen(), 501U);
}

TEST_F(UringBackend, ReceivesWithoutReceivingAheadWhereTheKernelCannot) {
  const Fault fault(Call::ring_receive, EINVAL, 0, 1'000'000);
  expect_echo(backend());
  EXPECT_EQ(fault.injected(), 1U);
}

TEST_F(UringBackend, TellsTheNextCallAboutASendThatHasFailed) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  const Fault fault(Call::ring_send, ECONNRESET);
  EXPECT_EQ(send_once(*stream, "never sent"), 10);
  EXPECT_EQ(finished(backend(), *stream, [&] { return stream->finish(); }), -ECONNRESET);
  EXPECT_EQ(read_now(pair.peers.get()), "");
}

TEST_F(UringBackend, TellsWhoReadsAboutAReceiveThatHasFailed) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  const Fault fault(Call::ring_receive, ETIMEDOUT);
  EXPECT_THROW(receive(backend(), *stream), std::system_error);
}

// failures 1 and 59
TEST_F(UringBackend, AcceptsAgainAfterAnErrorWhenItIsAskedTo) {
  Fd fd = tcp_listener();
  const int number = fd.get();
  auto listener = open(backend(), fd, false);
  std::vector<Fd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect_to(number));
  EXPECT_EQ(listener->accept(nullptr, nullptr), would_block);
  const Fault fault(Call::ring_accept, EMFILE, 0, 2);
  for (int i = 0; i < 2; ++i) {
    await(backend(), *listener, Way::read);
    EXPECT_EQ(listener->accept(nullptr, nullptr), -EMFILE);
    for (int turns = 0; turns < 3; ++turns) turn(backend(), 0ms);
    EXPECT_EQ(fault.injected(), static_cast<std::uint64_t>(i) + 1);  // it backs off
    EXPECT_EQ(listener->accept(nullptr, nullptr), would_block);
  }
  for (int i = 0; i < 5; ++i) {
    if (!listener->may(Way::read)) await(backend(), *listener, Way::read);
    const Fd connection(static_cast<int>(listener->accept(nullptr, nullptr)));
    EXPECT_GE(connection.get(), 0);
  }
}

// --- time and waking ----------------------------------------------------------------------------

TEST_F(UringBackend, NeverReturnsBeforeTheDeadlineAndWithinMicrosecondsAfterIt) {
  turn(backend(), 0ms);
  std::int64_t least_late = never;
  for (const std::int64_t wait : {1'000, 50'000, 333'333, 1'000'001, 2'000'000}) {
    for (int i = 0; i < 10; ++i) {
      const std::int64_t deadline = backend().now() + wait;
      backend().poll(deadline, false);
      ASSERT_GE(backend().now(), deadline);
      least_late = std::min(least_late, backend().now() - deadline);
    }
  }
  EXPECT_LT(least_late, 900'000);  // finer than milliseconds
}

TEST_F(UringBackend, IsWokenByOtherThreadsAndStaysAwakeUntilItHasPolled) {
  for (int i = 0; i < 200; ++i) {
    std::thread other([&] {
      if (i % 2 == 0) nap(std::chrono::microseconds(i));
      backend().wake();
    });
    if (i % 2 != 0) other.join();
    backend().poll(never, true);
    if (other.joinable()) other.join();
  }
}

TEST_F(UringBackend, IsBusyOnlyForWhoWaitsOrHasBytesToSend) {
  for (int i = 0; i < 3; ++i) turn(backend(), 0ms);
  EXPECT_FALSE(backend().busy());
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  Observer observer;
  stream->wait(Way::read, observer);
  EXPECT_TRUE(backend().busy());
  turn(backend(), 0ms);
  EXPECT_TRUE(backend().busy());
  stream->stop_waiting(Way::read);
  EXPECT_FALSE(backend().busy());
  EXPECT_EQ(send_once(*stream, "x"), 1);
  EXPECT_TRUE(backend().busy());
  turn(backend(), 0ms);
  EXPECT_FALSE(backend().busy());
  std::size_t taken = 1;  // of which much is not sent
  for (IoResult sent = 0; (sent = send_once(*stream, pattern(1000))) > 0;) {
    taken += static_cast<std::size_t>(sent);
    turn(backend(), 0ms);
  }
  turn(backend(), 0ms);
  EXPECT_TRUE(backend().busy());
  while (taken > 0) {
    taken -= read_now(pair.peers.get()).size();
    turn(backend(), 0ms);
  }
  EXPECT_FALSE(backend().busy());
  stream.reset();
  turn(backend(), 0ms);
  turn(backend(), 0ms);
  EXPECT_FALSE(backend().busy());
}

TEST_F(UringBackend, LetsTheVirtualClockJumpOverIdleConnections) {
  ::setenv("ASYNCIO_BACKEND", "io_uring", 1);
  const auto began = std::chrono::steady_clock::now();
  asyncio::testing::run([]() -> asyncio::Coro<> {
    Pair pair = unix_pair();
    auto& state = asyncio::detail::LoopAccess::state(asyncio::get_running_loop());
    auto stream = open(state.backend(), pair.ours);
    Observer observer;
    stream->wait(Way::read, observer);
    co_await asyncio::sleep(0s);
    stream->stop_waiting(Way::read);
    EXPECT_EQ(send_once(*stream, "x"), 1);
    co_await asyncio::sleep(1h);
    EXPECT_EQ(read_now(pair.peers.get()), "x");
    // What was only just begun, and is for nobody.
    Pair other = unix_pair();
    auto unused = open(state.backend(), other.ours);
    unused->wait(Way::read, observer);
    unused->stop_waiting(Way::read);
    co_await asyncio::sleep(1h);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - began, 60s);
  ::unsetenv("ASYNCIO_BACKEND");
}

// --- watching -----------------------------------------------------------------------------------

TEST_F(UringBackend, DoesNotCallForAnEventThatIsOverWhenItPolls) {
  Pair pair = unix_pair();
  Watcher watcher(Operation::Kind::watch_readable, pair.ours.get());
  backend().submit(watcher);
  write_all(pair.peers.get(), "x");
  turn(backend(), 0ms);
  EXPECT_EQ(watcher.calls, 1);
  backend().rest();  // looks again, and finds it readable
  EXPECT_EQ(read_now(pair.ours.get()), "x");
  turn(backend(), 0ms);
  turn(backend(), 0ms);
  EXPECT_EQ(watcher.calls, 1);
  backend().cancel(watcher);
}

TEST_F(UringBackend, DoesNotWaitWhenWhatHappenedWhileItRestedHasMadeSomebodyReady) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  Observer observer;
  stream->wait(Way::read, observer);
  turn(backend(), 0ms);
  write_all(pair.peers.get(), "x");
  Watcher watcher(Operation::Kind::watch_readable, pair.peers.get());
  backend().submit(watcher);
  backend().rest();
  const std::int64_t began = backend().now();
  turn(backend(), 5s);
  EXPECT_EQ(observer.told, 1);
  EXPECT_LT(backend().now() - began, 2'000'000'000);
  backend().cancel(watcher);
}

TEST_F(UringBackend, EndsAfterTheKernelHasLetGoOfEverything) {
  const Pair pair = unix_pair();
  struct Quiet final : Request {
    explicit Quiet(int descriptor) : fd(descriptor) {}
    void prepare(io_uring_sqe& entry) noexcept override {
      io_uring_prep_poll_add(&entry, fd, POLLIN);
    }
    void completed(int value, unsigned) noexcept override { result = value; }
    int fd;
    int result = 1;
  } request(pair.ours.get());
  Uring ring;
  ring.queue(request);
  ring.poll(0);
  ring.end();
  EXPECT_EQ(request.result, -ECANCELED);
  EXPECT_FALSE(ring.haunted());
}

TEST_F(UringBackend, RefusesToWatchWhatAnEndpointHasAndTheOtherWayRound) {
  Pair pair = unix_pair();
  const int number = pair.ours.get();
  auto stream = open(backend(), pair.ours);
  Watcher watcher(Operation::Kind::watch_readable, number);
  EXPECT_THROW(backend().submit(watcher), asyncio::RuntimeError);
  Watcher other(Operation::Kind::watch_writable, pair.peers.get());
  backend().submit(other);
  EXPECT_THROW(backend().open(pair.peers.get(), Descriptor::socket), asyncio::RuntimeError);
  EXPECT_GE(::fcntl(pair.peers.get(), F_GETFD), 0) << "it was closed";
  backend().cancel(other);
}

// --- threads and processes ----------------------------------------------------------------------

// With the flags of this kernel, and of older ones, which let more than one thread submit.
class UringThreads : public UringBackend, public testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    const Fault fault(Call::ring_setup, EINVAL, 0, GetParam());
    UringBackend::SetUp();
  }
};
INSTANTIATE_TEST_SUITE_P(, UringThreads, testing::Values(0U, 1U, 2U));

TEST_P(UringThreads, GoOnInAnotherThreadWithWhatIsUnderWay) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  Watcher watcher(Operation::Kind::watch_readable, pair.peers.get());
  backend().submit(watcher);
  Pair late_pair = unix_pair();
  auto late = open(backend(), late_pair.ours);  // whose bytes are read when all is over
  Observer of_late;
  late->wait(Way::read, of_late);
  turn(backend(), 0ms);
  write_all(late_pair.peers.get(), pattern(16'000, 99));
  turn(backend(), 0ms);
  EXPECT_EQ(of_late.told, 1);
  int calls = 0;
  for (unsigned round = 0; round < 6; ++round) {
    const auto body = [&] {
      // Bytes that come while nobody polls, half of them for a receive that is under way.
      Observer observer;
      stream->wait(Way::read, observer);
      EXPECT_TRUE(turn_until(backend(), [&] { return observer.told > 0; }));
      EXPECT_EQ(receive_all(backend(), *stream, 1000), pattern(1000, round));
      send_all(backend(), *stream, "answer");
      EXPECT_EQ(finished(backend(), *stream, [&] { return stream->finish(); }), 0);
      calls = watcher.calls;
      EXPECT_TRUE(turn_until(backend(), [&] { return watcher.calls > calls; }));
      EXPECT_EQ(read_now(pair.peers.get()), "answer");
      stream->wait(Way::read, observer);
      turn(backend(), 0ms);
      stream->stop_waiting(Way::read);
      expect_echo(backend(), *stream, pair.peers.get(), 5);
      for (unsigned i = 0; i < 40; ++i) {
        write_all(pair.peers.get(), pattern(3000, i));
        ASSERT_EQ(receive_all(backend(), *stream, 3000), pattern(3000, i));
      }
      backend().rest();
    };
    write_all(pair.peers.get(), pattern(1000, round));
    if (round % 2 == 0) {
      std::thread(body).join();
    } else {
      body();  // the thread before is gone
    }
    ASSERT_FALSE(HasFailure()) << round;
  }
  backend().cancel(watcher);
  EXPECT_TRUE(receive_all(backend(), *late, 16'000) == pattern(16'000, 99));
}

TEST_P(UringThreads, GoOnWhileTheThreadThatRanItBeforeStillLives) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  int turns = 0;  // of whom it is; atomic
  std::thread other([&] {
    expect_echo(backend(), *stream, pair.peers.get());
    Observer observer;
    stream->wait(Way::read, observer);
    turn(backend(), 0ms);
    stream->stop_waiting(Way::read);
    __atomic_store_n(&turns, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) == 1) nap(100us);
    expect_echo(backend(), *stream, pair.peers.get());
    __atomic_store_n(&turns, 3, __ATOMIC_RELEASE);
    while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) == 3) nap(100us);
  });
  while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) == 0) nap(100us);
  write_all(pair.peers.get(), "meanwhile");
  EXPECT_EQ(receive(backend(), *stream), "meanwhile");
  expect_echo(backend(), *stream, pair.peers.get());
  __atomic_store_n(&turns, 2, __ATOMIC_RELEASE);
  while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) == 2) nap(100us);
  stream.reset();
  backend_.reset();
  bool ended = false;
  for (int i = 0; i < 1000 && !ended; ++i) {
    read_now(pair.peers.get(), &ended);
    nap(1ms);
  }
  EXPECT_TRUE(ended);
  __atomic_store_n(&turns, 4, __ATOMIC_RELEASE);
  other.join();
}

// failure 58
TEST_F(UringBackend, WindsDownInAForkedChildAndStaysWholeInTheParent) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  expect_echo(backend(), *stream, pair.peers.get());
  Watcher watcher(Operation::Kind::watch_readable, pair.peers.get());
  backend().submit(watcher);
  turn(backend(), 0ms);
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 3; ++i) turn(backend(), 1ms);
    backend().rest();
    (void)backend().fd();
    backend().cancel(watcher);
    if (send_once(*stream, "not from here") < 0) ::_exit(1);
    stream.reset();
    backend_.reset();
    ::_exit(0);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  backend().cancel(watcher);
  EXPECT_EQ(read_now(pair.peers.get()), "");
  expect_echo(backend(), *stream, pair.peers.get());
}

// LOOP-050
TEST_F(UringBackend, SaysToAForeignLoopWhenBytesHaveCome) {
  Pair pair = unix_pair();
  auto stream = open(backend(), pair.ours);
  Observer observer;
  stream->wait(Way::read, observer);
  turn(backend(), 0ms);
  backend().rest();
  pollfd foreign{backend().fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&foreign, 1, 0), 0);
  std::thread peer([&] {
    nap(5ms);
    write_all(pair.peers.get(), "x");
  });
  EXPECT_EQ(::poll(&foreign, 1, 10'000), 1);
  peer.join();
  turn(backend(), 0ms);
  EXPECT_EQ(observer.told, 1);
  backend().rest();
  EXPECT_EQ(receive(backend(), *stream), "x");
}
