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
  while (true) {
    const std::string data = co_await reader.read(buffer_size);
    if (data.empty()) co_return;
    writer.write(data);
    co_await writer.drain();
  }
}

asyncio::Coro<> answer(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  static const Responses responses;
  Requests requests;
  while (true) {
    const std::string data = co_await reader.read(buffer_size);
    if (data.empty()) co_return;
    const std::size_t ended = requests.ended_by(data);
    if (ended == 0) continue;
    writer.write(responses.to(ended));
    co_await writer.drain();
  }
}

asyncio::Coro<> serve_one(asyncio::StreamReader reader, asyncio::StreamWriter writer, bool http) {
  try {
    co_await (http ? answer(std::move(reader), std::move(writer))
                   : echo(std::move(reader), std::move(writer)));
  } catch (const std::system_error&) {
    // The client has reset the connection.
  }
}

}  // namespace

asyncio::Coro<> serve_streams(bool http) {
  auto handle = [http](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    return serve_one(std::move(reader), std::move(writer), http);
  };
  const asyncio::ServerOptions options{.backlog = 4096};
  const asyncio::Server server =
      asyncio::start_server(std::move(handle), listening_socket(), options);
  co_await server.serve_forever();
}

}  // namespace bench::net
