// The network benchmark on Boost.Asio's awaitables: net echo|http|churn|tls
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

#include "net/http.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using bench::net::Requests;
using bench::net::Responses;
using boost::system::error_code;

// As in micro.cpp: the loop's own executor type, which nothing erases.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using TlsStream = asio::ssl::stream<Socket>;
template <class T = void>
using Coro = asio::awaitable<T, Executor>;
constexpr asio::use_awaitable_t<Executor> use_awaitable;

struct Settings {
  std::string_view mode;
  std::size_t buffer = 0;  // of a connection; who connects anew each time needs but a small one
  Responses responses{};
};

// Leaves by an exception when the client does.
template <class Stream>
Coro<> answer(Stream& stream, const Settings& settings) {
  const std::unique_ptr<char[]> buffer(new char[settings.buffer]);  // no page before it is needed
  Requests requests;
  for (;;) {
    const std::size_t n =
        co_await stream.async_read_some(asio::buffer(buffer.get(), settings.buffer), use_awaitable);
    std::string_view reply(buffer.get(), n);
    if (settings.mode == "http") reply = settings.responses.to(requests.ended_by(reply));
    co_await asio::async_write(stream, asio::buffer(reply), use_awaitable);
  }
}

Coro<> serve(Socket socket, const Settings& settings) { co_await answer(socket, settings); }

Coro<> serve_tls(Socket socket, asio::ssl::context& context, const Settings& settings) {
  TlsStream stream(std::move(socket), context);
  co_await stream.async_handshake(TlsStream::server, use_awaitable);
  co_await answer(stream, settings);
}

Coro<> accept(Acceptor& acceptor, asio::ssl::context& context, const Settings& settings) {
  for (;;) {
    Socket socket = co_await acceptor.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    auto executor = socket.get_executor();
    auto connection = settings.mode == "tls" ? serve_tls(std::move(socket), context, settings)
                                             : serve(std::move(socket), settings);
    asio::co_spawn(executor, std::move(connection), asio::detached);
  }
}

void prepare(asio::ssl::context& context) {
  context.use_certificate_chain_file(std::getenv("BENCH_NET_CERTIFICATE"));
  context.use_private_key_file(std::getenv("BENCH_NET_KEY"), asio::ssl::context::pem);
}

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "echo";
  const Settings settings{mode, mode == "echo" ? 256U * 1024U : 16U * 1024U};
  asio::ssl::context context(asio::ssl::context::tlsv13_server);
  if (mode == "tls") prepare(context);
  asio::io_context loop(1);
  Acceptor acceptor(loop.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  acceptor.listen(4096);
  std::cout << "PORT " << acceptor.local_endpoint().port() << std::endl;
  asio::co_spawn(loop, accept(acceptor, context, settings), asio::detached);
  loop.run();
}
