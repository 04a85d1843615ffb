#include "net/http.hpp"
#include "net/ours.hpp"

#include <asyncio/event.hpp>
#include <asyncio/server.hpp>
#include <asyncio/streams.hpp>

#include <string>
#include <system_error>
#include <utility>

namespace bench::net {
namespace {

asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  try {
    while (true) {
      const std::string data = co_await reader.read(buffer_size);
      if (data.empty()) co_return;
      writer.write(data);
      co_await writer.drain();
    }
  } catch (const std::system_error&) {
    // The client has reset the connection.
  }
}

asyncio::Coro<> answer(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  static const Responses responses;
  Requests requests;
  try {
    while (true) {
      const std::string data = co_await reader.read(buffer_size);
      if (data.empty()) co_return;
      const std::size_t ended = requests.ended_by(data);
      if (ended == 0) continue;
      writer.write(responses.to(ended));
      co_await writer.drain();
    }
  } catch (const std::system_error&) {
    // The client has reset the connection.
  }
}

}  // namespace

asyncio::Coro<> serve_streams(bool http, const asyncio::ssl::Context* tls) {
  const asyncio::Server server =
      asyncio::start_server(http ? &answer : &echo, listening_socket(), options(tls));
  co_await server.serve_forever();
}

}  // namespace bench::net
