#include "net/http.hpp"
#include "net/ours.hpp"

#include <asyncio/event_loop.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/task.hpp>

#include <string>
#include <system_error>
#include <utility>

namespace bench::net {
namespace {

asyncio::Coro<> echo(asyncio::Socket socket) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  while (true) {
    const std::string data = co_await loop.sock_recv(socket, buffer_size);
    if (data.empty()) co_return;
    co_await loop.sock_sendall(socket, data);
  }
}

asyncio::Coro<> answer(asyncio::Socket socket) {
  static const Responses responses;
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  Requests requests;
  while (true) {
    const std::string data = co_await loop.sock_recv(socket, buffer_size);
    if (data.empty()) co_return;
    const std::size_t ended = requests.ended_by(data);
    if (ended > 0) co_await loop.sock_sendall(socket, responses.to(ended));
  }
}

asyncio::Coro<> serve_one(asyncio::Socket socket, bool http) {
  try {
    co_await (http ? answer(std::move(socket)) : echo(std::move(socket)));
  } catch (const std::system_error&) {
    // The client has reset the connection.
  }
}

}  // namespace

asyncio::Coro<> serve_sockets(bool http) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  asyncio::Socket listener = listening_socket();
  while (true) {
    auto [connection, address] = co_await loop.sock_accept(listener);
    asyncio::create_task(serve_one(std::move(connection), http));
  }
}

}  // namespace bench::net
