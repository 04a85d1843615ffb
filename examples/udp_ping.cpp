// Datagrams: a server that answers pings, a client that asks again when an answer does not come.
#include <asyncio/asyncio.hpp>
#include <asyncio/datagram.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

using namespace std::chrono_literals;

struct PingServer : asyncio::DatagramProtocol {
  std::optional<asyncio::DatagramTransport> transport;
  int seen = 0;

  void connection_made(const asyncio::DatagramTransport& made) override { transport = made; }
  void datagram_received(std::string_view data, const asyncio::Address& from) override {
    if (++seen == 2) return;  // as if the network had lost it
    std::cout << "the server got \"" << data << "\"" << std::endl;
    transport->sendto("pong" + std::string(data.substr(4)), from);
  }
  void connection_lost(std::exception_ptr) override { transport.reset(); }
};

struct PingClient : asyncio::DatagramProtocol {
  asyncio::Queue<std::string> answers;
  asyncio::Event refused;

  void datagram_received(std::string_view data, const asyncio::Address&) override {
    answers.put_nowait(std::string(data));
  }
  void error_received(std::exception_ptr) override { refused.set(); }
};

asyncio::Coro<std::string> ask(const asyncio::ConnectedDatagram<PingClient>& client,
                               std::string text) {
  while (true) {
    client.transport.sendto(text);
    try {
      co_return co_await asyncio::wait_for(client.protocol->answers.get(), 200ms);
    } catch (const asyncio::TimeoutError&) {
      std::cout << "no answer to \"" << text << "\", so once more" << std::endl;
    }
  }
}

asyncio::Coro<> async_main() {
  auto& loop = asyncio::get_running_loop();
  auto new_server = [] { return std::make_unique<PingServer>(); };
  auto new_client = [] { return std::make_unique<PingClient>(); };

  const asyncio::Address any_port("127.0.0.1", 0);
  auto server = co_await loop.create_datagram_endpoint(new_server, {.local_addr = &any_port});
  const asyncio::Address there = server.transport.sockname();
  auto client = co_await loop.create_datagram_endpoint(new_client, {.remote_addr = &there});

  for (int i = 1; i <= 3; ++i) {
    std::cout << co_await ask(client, "ping " + std::to_string(i)) << std::endl;
  }

  server.transport.close();
  co_await asyncio::sleep(0s);  // the end comes in a turn of its own
  client.transport.sendto("anybody there?");
  co_await client.protocol->refused.wait();
  std::cout << "nobody is there any more" << std::endl;
  client.transport.close();
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
