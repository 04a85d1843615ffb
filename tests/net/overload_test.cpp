// failure 90: a server that ten times as many clients want as it serves at a time. Nothing is timed
// here: who behaves well is answered in the end, who does not is cut off, what is unsent meanwhile
// is bounded, and nothing is left.

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/descriptors.hpp"
#include "support/pattern.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Address;
using asyncio::Connection;
using asyncio::Coro;
using asyncio::Duration;
using asyncio::StreamReader;
using asyncio::StreamWriter;

namespace {

constexpr std::size_t capacity = 10;
constexpr int well_behaved = 60;
constexpr int slow_readers = 30;
constexpr int slow_writers = 10;
constexpr int requests = 3;  // of each that behaves well
constexpr std::size_t piece = 20'000;
constexpr std::size_t pieces = 20;  // more than the system keeps for one who does not read
constexpr std::size_t mark = 30'000;
constexpr Duration patience(50ms);

/// Greets with "ready", or with "busy" when it serves as many as it can; answers a line.
struct LimitedServer {
  std::size_t served = 0;  // just now
  std::size_t most_served = 0;
  std::size_t most_unsent = 0;
  int cut_off = 0;
  int turned_away = 0;

  Coro<> handle(StreamReader reader, StreamWriter writer) {
    if (served == capacity) {
      ++turned_away;
      writer.write("busy\n");
      co_return;
    }
    most_served = std::max(most_served, ++served);
    const auto end = co_await asyncio::as_result(serve(reader, writer));
    --served;
    if (end) co_return;
    ++cut_off;
    writer.abort();
  }

 private:
  Coro<> serve(StreamReader reader, StreamWriter writer) {
    writer.set_write_buffer_limits(mark);
    writer.write("ready\n");
    (void)co_await asyncio::wait_for(reader.readline(), patience);
    const std::string data = support::pattern(piece);
    for (std::size_t i = 0; i < pieces; ++i) {
      writer.write(data);
      most_unsent = std::max(most_unsent, writer.get_write_buffer_size());
      co_await asyncio::wait_for(writer.drain(), patience);
    }
  }
};

/// A listener whose connections' buffers in the system hold little.
asyncio::Socket narrow_listener() {
  asyncio::Socket socket(Address::Family::ipv4);
  socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 16 * 1024);
  socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 16 * 1024);
  socket.bind({"127.0.0.1", 0});
  return socket;
}

/// Comes again until it is not turned away.
Coro<Connection> admitted(Address address) {
  while (true) {
    Connection connection = co_await asyncio::open_connection(address);
    if (co_await connection.reader.readline() == "ready\n") co_return connection;
    co_await support::close(connection.writer);
    co_await asyncio::sleep(1ms);
  }
}

// One that this process has kept from being in time comes again.
Coro<> behaves_well(Address address, int& answered) {
  for (int i = 0; i < requests;) {
    auto [reader, writer] = co_await admitted(address);
    writer.write("go\n");
    const auto answer = co_await asyncio::as_result(reader.read());
    writer.abort();
    if (!answer || answer.value().size() < piece * pieces) continue;
    ++answered;
    ++i;
  }
}

Coro<> reads_slowly(Address address, asyncio::Event& over) {
  auto [reader, writer] = co_await admitted(address);
  writer.write("go\n");
  co_await over.wait();
  writer.abort();
}

// Until it is cut off.
Coro<> writes_slowly(Address address) {
  auto [reader, writer] = co_await admitted(address);
  auto end = asyncio::create_task(reader.read());
  while (!end.done()) {
    writer.write("g");
    co_await asyncio::sleep(5ms);
  }
  (void)co_await asyncio::as_result(end);
  writer.abort();
}

}  // namespace

ASYNC_TEST(Overload, WhoBehavesWellIsAnsweredAndNothingIsLeft) {
  const std::vector<int> before = support::open_descriptors();
  LimitedServer limited;
  auto handler = [&](StreamReader reader, StreamWriter writer) {
    return limited.handle(reader, writer);
  };
  auto server = asyncio::start_server(handler, narrow_listener());
  const Address address = server.sockets().at(0);
  asyncio::Event over;
  int answered = 0;
  std::vector<asyncio::Task<>> slow;
  std::vector<asyncio::Task<>> good;
  for (int i = 0; i < slow_readers; ++i) {
    slow.push_back(asyncio::create_task(reads_slowly(address, over)));
  }
  for (int i = 0; i < slow_writers; ++i)
    slow.push_back(asyncio::create_task(writes_slowly(address)));
  for (int i = 0; i < well_behaved; ++i) {
    good.push_back(asyncio::create_task(behaves_well(address, answered)));
  }

  for (auto& task : good) co_await task;
  EXPECT_EQ(answered, well_behaved * requests);
  while (limited.cut_off < slow_readers + slow_writers) co_await asyncio::sleep(1ms);
  EXPECT_GT(limited.turned_away, 0);
  EXPECT_EQ(limited.most_served, capacity);
  EXPECT_GT(limited.most_unsent, 0U);
  EXPECT_LE(limited.most_unsent, mark + piece);
  while (server.clients() > 0) co_await asyncio::sleep(1ms);
  EXPECT_EQ(limited.served, 0U);

  const int turned_away = limited.turned_away;
  co_await behaves_well(address, answered);
  EXPECT_EQ(limited.turned_away, turned_away);

  over.set();
  for (auto& task : slow) co_await task;
  co_await support::close(server);
  co_await support::pass();
  EXPECT_EQ(support::open_descriptors(), before);
}
