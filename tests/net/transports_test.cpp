#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;

namespace {

struct Echo : asyncio::Protocol {
  std::optional<asyncio::Transport> transport;
  void connection_made(const asyncio::Transport& t) override { transport = t; }
  void data_received(std::string_view data) override { transport->write(data); }
  void connection_lost(std::exception_ptr) override { transport.reset(); }
};

struct Collect : asyncio::Protocol {
  std::vector<std::string>& log;
  explicit Collect(std::vector<std::string>& l) : log(l) {}
  void connection_made(const asyncio::Transport& t) override {
    log.emplace_back("made");
    t.write("hello");
    t.write_eof();
  }
  void data_received(std::string_view data) override { log.emplace_back(data); }
  bool eof_received() override {
    log.emplace_back("eof");
    return false;
  }
  void connection_lost(std::exception_ptr error) override {
    log.emplace_back(error == nullptr ? "lost" : "lost with error");
  }
};

}  // namespace

// NET-057, NET-083, NET-087, NET-089
ASYNC_TEST(Transports, CallsComeInOrder) {
  auto& loop = asyncio::get_running_loop();
  auto server = co_await loop.create_server([] { return std::make_unique<Echo>(); }, "127.0.0.1", 0,
                                            asyncio::ServerOptions{});
  std::vector<std::string> log;
  auto make = [&log] { return std::make_unique<Collect>(log); };
  auto [transport, protocol] =
      co_await loop.create_connection(make, "127.0.0.1", server.sockets().at(0).port());
  EXPECT_EQ(log, (std::vector<std::string>{"made"}));
  while (log.back() != "lost") co_await asyncio::sleep(1ms);
  EXPECT_EQ(log, (std::vector<std::string>{"made", "hello", "eof", "lost"}));
  server.close();
  co_await server.wait_closed();
}
