#include "io/endpoint_uring.hpp"

#include "io/fault.hpp"
#include "support/endpoints.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;

// What is asked of endpoints holds whatever they stand on; only how they do it differs.

namespace {

enum class Kind { epoll, io_uring, ring_alone };

class Endpoints : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::epoll) {
      backend_ = asyncio::detail::make_epoll_backend();
    } else if (const int error = ring_refusal()) {
      GTEST_SKIP() << "SKIPPED: io_uring_setup: " << std::strerror(error);
    } else {
      backend_ = GetParam() == Kind::ring_alone ? asyncio::detail::make_uring_backend(0)
                                                : asyncio::detail::make_uring_backend();
    }
  }
  [[nodiscard]] bool on_ring() const { return GetParam() != Kind::epoll; }
  Backend& backend() { return *backend_; }
  std::unique_ptr<Endpoint> stream(Pair& pair) { return open(backend(), pair.ours); }
  void drop_backend() { backend_.reset(); }

  std::unique_ptr<Backend> backend_;
};

INSTANTIATE_TEST_SUITE_P(, Endpoints,
                         testing::Values(Kind::epoll, Kind::io_uring, Kind::ring_alone),
                         [](const auto& info) {
                           return info.param == Kind::epoll      ? "epoll"
                                  : info.param == Kind::io_uring ? "io_uring"
                                                                 : "ring_alone";
                         });

void limit_buffers(int fd, int bytes) {
  for (const int which : {SO_SNDBUF, SO_RCVBUF}) {
    EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, which, &bytes, sizeof bytes), 0);
  }
}

}  // namespace

// --- bytes --------------------------------------------------------------------------------------

TEST_P(Endpoints, EchoMessagesOfEverySize) {
  Pair pair = tcp_pair();
  auto stream = this->stream(pair);
  for (const std::size_t size : {1U, 64U, 4096U, 8191U, 8192U, 16384U, 16385U, 100'000U, 10U, 1U}) {
    const std::string text = pattern(size, static_cast<unsigned>(size));
    std::thread peer([&] {
      write_all(pair.peers.get(), text);
      std::string back(size, '\0');
      ASSERT_EQ(::recv(pair.peers.get(), back.data(), size, MSG_WAITALL),
                static_cast<ssize_t>(size));
      EXPECT_EQ(back, text);
    });
    const std::string got = receive_all(backend(), *stream, size);
    EXPECT_EQ(got, text);
    send_all(backend(), *stream, got);
    EXPECT_EQ(finished(backend(), *stream, [&] { return stream->finish(); }), 0);
    peer.join();
  }
}

TEST_P(Endpoints, ReceiveInSmallPartsWhatHasComeInLargeOnes) {
  Pair pair = tcp_pair();
  auto stream = this->stream(pair);
  const std::string text = pattern(100'000);
  std::thread peer([&] { write_all(pair.peers.get(), text); });
  EXPECT_EQ(receive_all(backend(), *stream, text.size(), 77), text);
  peer.join();
}

TEST_P(Endpoints, ReceiveManySmallMessagesThatNobodyHasReadYet) {
  Pair pair = unix_pair();
  auto stream = this->stream(pair);
  write_all(pair.peers.get(), "!");
  EXPECT_EQ(receive(backend(), *stream), "!");
  Observer observer;
  stream->wait(Way::read, observer);
  std::string all;
  for (unsigned i = 0; i < 200; ++i) {
    const std::string text = pattern(100, i);
    write_all(pair.peers.get(), text);
    all += text;
    turn(backend(), 0ms);
  }
  stream->stop_waiting(Way::read);
  EXPECT_EQ(receive_all(backend(), *stream, all.size()), all);
}

TEST_P(Endpoints, SendBeyondWhatThePeerReadsAndLoseNothing) {
  Pair pair = unix_pair();
  limit_buffers(pair.ours.get(), 4096);
  auto stream = this->stream(pair);
  const std::string text = pattern(3'000'000);
  std::string got;
  std::thread peer([&] {
    for (bool ended = false; !ended;) {
      got += read_now(pair.peers.get(), &ended, 1000 + got.size() % 5000);
      if (got.size() % 7 == 0) nap(20us);
    }
  });
  std::string_view left = text;  // failure 55: in messages of many sizes, shortened by the system
  for (std::size_t size = 1; !left.empty(); size = size * 3 % 20'011 + 1) {
    const std::string_view part = left.substr(0, size);
    send_all(backend(), *stream, part);
    left.remove_prefix(part.size());
  }
  EXPECT_EQ(finished(backend(), *stream, [&] { return stream->finish_sending(); }), 0);
  peer.join();
  EXPECT_TRUE(got == text) << got.size();
}

TEST_P(Endpoints, GiveWhatCameBeforeTheEndAndThenTheEnd) {
  Pair pair = tcp_pair();
  auto stream = this->stream(pair);
  write_all(pair.peers.get(), "last words");
  pair.peers.close();
  EXPECT_EQ(receive_all(backend(), *stream, 1000), "last words");
  EXPECT_EQ(receive(backend(), *stream), "");
  EXPECT_TRUE(stream->hung_up());
}

TEST_P(Endpoints, GiveWhatCameBeforeAnErrorAndThenTheError) {
  Pair pair = tcp_pair();
  auto stream = this->stream(pair);
  write_all(pair.peers.get(), "first");
  EXPECT_EQ(receive(backend(), *stream), "first");
  const linger abort{1, 0};
  EXPECT_EQ(::setsockopt(pair.peers.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
  Observer observer;
  stream->wait(Way::read, observer);
  turn(backend(), 0ms);
  pair.peers.close();
  EXPECT_TRUE(turn_until(backend(), [&] { return observer.told > 0; }));
  EXPECT_THROW(receive(backend(), *stream), std::system_error);
}

// failure 39
TEST_P(Endpoints, ReportAPeerThatHasGoneInAWriteOrAtTheEndAndRaiseNoSignal) {
  Pair pair = unix_pair();
  auto stream = this->stream(pair);
  pair.peers.close();
  int error = 0;
  for (int i = 0; i < 10 && error == 0; ++i) {
    const IoResult sent = send_once(*stream, "x");
    if (sent < 0) error = static_cast<int>(-sent);
    turn(backend(), 0ms);
  }
  EXPECT_EQ(error, EPIPE);
}

// failure 46
TEST_P(Endpoints, FinishSendingAfterAllIsSentAndStillReceive) {
  Pair pair = tcp_pair();
  auto stream = this->stream(pair);
  const std::string text = pattern(50'000);
  for (std::size_t at = 0; at < text.size(); at += 5000) {
    send_all(backend(), *stream, std::string_view(text).substr(at, 5000));
  }
  EXPECT_EQ(finished(backend(), *stream, [&] { return stream->finish_sending(); }), 0);
  std::string got(text.size(), '\0');
  EXPECT_EQ(::recv(pair.peers.get(), got.data(), got.size(), MSG_WAITALL),
            static_cast<ssize_t>(got.size()));
  EXPECT_EQ(got, text);
  bool ended = false;
  EXPECT_EQ(read_now(pair.peers.get(), &ended), "");
  EXPECT_TRUE(ended);
  write_all(pair.peers.get(), "answer");
  EXPECT_EQ(receive(backend(), *stream), "answer");
}

TEST_P(Endpoints, DestroyedAfterASendHaveSentWhatTheSystemTakes) {
  Pair pair = tcp_pair();
  auto stream = this->stream(pair);
  send_all(backend(), *stream, "farewell");
  stream.reset();
  turn(backend(), 0ms);
  char got[8];
  EXPECT_EQ(::recv(pair.peers.get(), got, 8, MSG_WAITALL), 8);
  EXPECT_EQ(std::string(got, 8), "farewell");
}

// --- bounds -------------------------------------------------------------------------------------

TEST_P(Endpoints, TakeABoundedAmountAhead) {
  Pair pair = unix_pair();
  limit_buffers(pair.peers.get(), 8192);
  auto stream = this->stream(pair);
  Observer observer;
  stream->wait(Way::read, observer);
  std::size_t sent = 0;
  const std::string block = pattern(4096);
  for (int idle = 0; idle < 20;) {
    const ssize_t n = ::send(pair.peers.get(), block.data(), block.size(), MSG_DONTWAIT);
    idle = n > 0 ? 0 : idle + 1;
    if (n > 0) sent += static_cast<std::size_t>(n);
    turn(backend(), 0ms);
    ASSERT_LT(sent, std::size_t{256} << 10);
  }
  stream->stop_waiting(Way::read);
  EXPECT_EQ(receive_all(backend(), *stream, sent).size(), sent);
}

TEST_P(Endpoints, TakeABoundedAmountToSend) {
  Pair pair = unix_pair();
  auto stream = this->stream(pair);
  std::size_t taken = 0;
  const std::string block = pattern(1000);
  for (IoResult sent = 0; (sent = send_once(*stream, block)) != would_block;) {
    ASSERT_GT(sent, 0);
    taken += static_cast<std::size_t>(sent);
    ASSERT_LT(taken, std::size_t{2} << 20);
  }
  std::size_t got = 0;
  while (got < taken) {
    turn(backend(), 0ms);
    got += read_now(pair.peers.get()).size();
  }
  EXPECT_EQ(finished(backend(), *stream, [&] { return stream->finish(); }), 0);
}

// failure 52
TEST_P(Endpoints, WithoutAReaderDoNotKeepTheOthersFromReceiving) {
  constexpr int slow_ones = 150;
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<Endpoint>> streams;
  std::vector<Observer> observers(slow_ones);
  const std::string block = pattern(60'000);
  for (int i = 0; i < slow_ones; ++i) {
    pairs.push_back(unix_pair());
    streams.push_back(stream(pairs.back()));
    streams.back()->wait(Way::read, observers[static_cast<std::size_t>(i)]);
  }
  turn(backend(), 0ms);
  for (const Pair& pair : pairs) write_all(pair.peers.get(), block);
  for (int i = 0; i < 20; ++i) turn(backend(), 0ms);  // all that can be taken is

  Pair pair = unix_pair();
  auto quick = stream(pair);
  for (unsigned i = 0; i < 10; ++i) {
    const std::string text = pattern(1000, i);
    write_all(pair.peers.get(), text);
    EXPECT_EQ(receive_all(backend(), *quick, text.size()), text);
  }
  for (auto& stream : streams) {
    stream->stop_waiting(Way::read);
    EXPECT_TRUE(receive_all(backend(), *stream, block.size()) == block);
  }
}

// --- ends ---------------------------------------------------------------------------------------

// failure 53
TEST_P(Endpoints, DestroyedWhileTheyWaitShowThePeerTheEndWithinATurn) {
  for (const bool streaming : {false, true}) {
    Pair pair = tcp_pair();
    auto endpoint = open(backend(), pair.ours, streaming);
    Observer observer;
    endpoint->wait(Way::read, observer);
    turn(backend(), 0ms);
    endpoint.reset();
    EXPECT_EQ(observer.told, 1);
    turn(backend(), 0ms);
    bool ended = false;
    read_now(pair.peers.get(), &ended);
    EXPECT_TRUE(ended);
  }
}

// failure 53
TEST_P(Endpoints, DestroyedWhileNothingRunsShowThePeerTheEnd) {
  Pair pair = tcp_pair();
  auto endpoint = stream(pair);
  Observer observer;
  endpoint->wait(Way::read, observer);
  turn(backend(), 0ms);
  backend().rest();
  endpoint.reset();
  bool ended = false;
  read_now(pair.peers.get(), &ended);
  EXPECT_TRUE(ended);
}

// failures 4 and 53
TEST_P(Endpoints, WithTheNumberOfAClosedOneGetNothingOfIt) {
  Pair old = unix_pair();
  const int number = old.ours.get();
  auto endpoint = stream(old);
  Observer observer;
  endpoint->wait(Way::read, observer);
  turn(backend(), 0ms);
  write_all(old.peers.get(), "for the old one");
  endpoint.reset();

  Pair fresh = unix_pair();
  ASSERT_EQ(fresh.ours.get(), number);
  auto successor = stream(fresh);
  Observer quiet;
  successor->wait(Way::read, quiet);
  for (int i = 0; i < 5; ++i) turn(backend(), 0ms);
  EXPECT_EQ(quiet.told, 0);
  successor->stop_waiting(Way::read);
  write_all(fresh.peers.get(), "for the new one");
  EXPECT_EQ(receive(backend(), *successor), "for the new one");
}

// failure 52
TEST_P(Endpoints, DestroyedAsBytesArriveGiveTheirMemoryBackOnce) {
  Pair witness = unix_pair();
  auto survivor = stream(witness);
  const std::string poison(16'384, '#');
  for (unsigned i = 0; i < 1200; ++i) {
    Pair pair = unix_pair();
    auto doomed = stream(pair);
    Observer observer;
    doomed->wait(Way::read, observer);
    turn(backend(), 0ms);
    write_all(pair.peers.get(), poison);
    if (i % 3 == 0) turn(backend(), 0ms);
    doomed.reset();
    const std::string text = pattern(1 + i * 13 % 5000, i);
    write_all(witness.peers.get(), text);
    ASSERT_EQ(receive_all(backend(), *survivor, text.size()), text) << i;
  }
}

// failure 52
TEST_P(Endpoints, DestroyedInTheMiddleOfASendHaveSentNothingButTheirBytes) {
  for (unsigned i = 0; i < 20; ++i) {
    Pair pair = unix_pair();
    limit_buffers(pair.ours.get(), 4096);
    auto stream = this->stream(pair);
    const std::string text = pattern(200'000, i);
    std::size_t taken = 0;
    while (taken < text.size()) {
      const IoResult sent = send_once(*stream, std::string_view(text).substr(taken, 1000));
      if (sent < 0) break;
      taken += static_cast<std::size_t>(sent);
    }
    turn(backend(), 0ms);
    stream.reset();
    const std::string overwritten(200'000, '#');  // whatever memory was freed is used again
    std::string got;
    for (bool ended = false; !ended;) {
      got += read_now(pair.peers.get(), &ended);
      turn(backend(), 0ms);
    }
    EXPECT_LE(got.size(), taken);
    EXPECT_TRUE(text.starts_with(got));
  }
}

// failure 45
TEST_P(Endpoints, LoseNothingWhenAWaitIsGivenUpAsBytesArrive) {
  Pair pair = unix_pair();
  auto stream = this->stream(pair);
  Observer observer;
  for (unsigned i = 0; i < 50; ++i) {
    stream->wait(Way::read, observer);
    turn(backend(), 0ms);
    const std::string text = pattern(500, i);
    write_all(pair.peers.get(), text);
    if (i % 2 == 0) turn(backend(), 0ms);
    stream->stop_waiting(Way::read);
    EXPECT_EQ(receive_all(backend(), *stream, text.size()), text);
  }
}

TEST_P(Endpoints, OutliveTheirBackend) {
  Pair pair = unix_pair();
  auto stream = this->stream(pair);
  Observer observer;
  stream->wait(Way::read, observer);
  turn(backend(), 0ms);
  write_all(pair.peers.get(), "unread");
  turn(backend(), 0ms);
  EXPECT_GT(send_once(*stream, "taken"), 0);
  drop_backend();
  EXPECT_EQ(read_now(pair.peers.get()), "taken");
  stream->stop_waiting(Way::read);
  stream.reset();
  bool ended = false;
  read_now(pair.peers.get(), &ended);
  EXPECT_TRUE(ended);
}

TEST_P(Endpoints, ReleasedLeaveTheDescriptorToOthers) {
  Pair pair = unix_pair();
  auto endpoint = open(backend(), pair.ours, false);
  Observer observer;
  endpoint->wait(Way::read, observer);
  turn(backend(), 0ms);
  const Fd fd(endpoint->release());
  EXPECT_EQ(observer.told, 1);
  endpoint.reset();
  write_all(pair.peers.get(), "x");
  turn(backend(), 0ms);
  EXPECT_EQ(observer.told, 1);
  EXPECT_EQ(read_now(fd.get()), "x");
}

// failure 58
TEST_P(Endpoints, ClosedInAForkedChildStayWhatTheyAreInTheParent) {
  Pair pair = unix_pair();
  auto stream = this->stream(pair);
  Observer observer;
  stream->wait(Way::read, observer);
  turn(backend(), 0ms);
  EXPECT_GT(send_once(*stream, "once"), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    stream->stop_waiting(Way::read);
    stream.reset();
    turn(backend(), 1ms);
    drop_backend();
    ::_exit(0);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  turn(backend(), 0ms);
  EXPECT_EQ(read_now(pair.peers.get()), "once");
  write_all(pair.peers.get(), "still here");
  EXPECT_TRUE(turn_until(backend(), [&] { return observer.told > 0; }));
  EXPECT_EQ(receive(backend(), *stream), "still here");
}

// --- listening ----------------------------------------------------------------------------------

namespace {

IoResult accept_from(Backend& backend, Endpoint& listener) {
  IoResult fd = would_block;
  while ((fd = listener.accept(nullptr, nullptr)) == would_block && !testing::Test::HasFailure()) {
    await(backend, listener, Way::read);
  }
  return fd;
}

}  // namespace

TEST_P(Endpoints, AcceptInOrderAndSayFromWhere) {
  Fd fd = tcp_listener();
  const int number = fd.get();
  auto listener = open(backend(), fd, false);
  EXPECT_EQ(listener->accept(nullptr, nullptr), would_block);
  std::vector<Fd> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(connect_to(number));
    write_all(clients.back().get(), std::to_string(i));
  }
  for (int i = 0; i < 100; ++i) {
    sockaddr_in address{};
    unsigned size = sizeof address;
    IoResult accepted = would_block;
    while ((accepted = listener->accept(reinterpret_cast<sockaddr*>(&address), &size)) ==
           would_block) {
      await(backend(), *listener, Way::read);
      ASSERT_FALSE(HasFailure());
    }
    ASSERT_GE(accepted, 0);
    const Fd connection(static_cast<int>(accepted));
    EXPECT_EQ(read_now(connection.get()), std::to_string(i));
    sockaddr_in expected{};
    socklen_t expected_size = sizeof expected;
    ::getsockname(clients[static_cast<std::size_t>(i)].get(),
                  reinterpret_cast<sockaddr*>(&expected), &expected_size);
    EXPECT_EQ(address.sin_port, expected.sin_port);
    EXPECT_NE(::fcntl(connection.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(connection.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

// failure 59
TEST_P(Endpoints, ListeningAndDestroyedCloseWhatNobodyHasAccepted) {
  const auto before = open_descriptors();
  for (const int turns : {0, 1, 3}) {
    Fd fd = tcp_listener();
    const int number = fd.get();
    auto listener = open(backend(), fd, false);
    Observer observer;
    EXPECT_EQ(listener->accept(nullptr, nullptr), would_block);
    listener->wait(Way::read, observer);
    turn(backend(), 0ms);
    std::vector<Fd> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(connect_to(number));
    for (int i = 0; i < turns; ++i) turn(backend(), 0ms);
    Pair pair = unix_pair();
    auto other = stream(pair);
    if (turns == 0) {  // accepted, and nobody knows yet
      Observer waiting;
      other->wait(Way::read, waiting);
      backend().rest();
      other->stop_waiting(Way::read);
    }
    listener.reset();
    turn(backend(), 0ms);
    turn(backend(), 0ms);
    for (const Fd& client : clients) {
      bool ended = false;
      read_now(client.get(), &ended);
      EXPECT_TRUE(ended) << turns;
    }
  }
  EXPECT_EQ(open_descriptors(), before);
}

// failure 1
TEST_P(Endpoints, ThatCannotAcceptSayWhyAndServeEverybodyLater) {
  Fd fd = tcp_listener();
  const int number = fd.get();
  auto listener = open(backend(), fd, false);
  std::vector<Fd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect_to(number));
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    const Fault fault(on_ring() ? Call::ring_accept : Call::accept, error);
    EXPECT_EQ(accept_from(backend(), *listener), -error);
    if (on_ring()) break;  // it has all five with the next completion
  }
  for (int i = 0; i < 5; ++i) {
    const Fault fault(Call::accept, EMFILE);
    EXPECT_EQ(accept_from(backend(), *listener), -EMFILE);
    const Fd connection(static_cast<int>(accept_from(backend(), *listener)));
    EXPECT_GE(connection.get(), 0);
  }
}
