#include <asyncio/as_result.hpp>
#include <asyncio/server.hpp>
#include <asyncio/ssl.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <system_error>

#include "net/stream_state.hpp"
#include "support/tls_streams.hpp"

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::StreamReader;
using asyncio::StreamWriter;

// TLS on streams: over loopback, with certificates made here.

// NET-138, NET-139, NET-144
ASYNC_TEST(TlsStream, EchoesAndClosesCleanly) {
  auto server = co_await support::tls_echo_server();
  auto [reader, writer] = co_await support::tls_connect(server);
  EXPECT_EQ(writer.get_extra_info("version"), "TLSv1.3");
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}

// NET-144
ASYNC_TEST(TlsStream, MuchDataBothWays) {
  auto server = co_await support::tls_echo_server();
  auto [reader, writer] = co_await support::tls_connect(server);
  const std::string data(3'000'000, 'x');
  auto send = [](StreamWriter to, const std::string& what) -> Coro<> {
    to.write(what);
    co_await to.drain();
  };
  auto sending = asyncio::create_task(send(writer, data));
  EXPECT_EQ(co_await reader.readexactly(data.size()), data);
  co_await sending;
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}

// NET-140, failure 61
ASYNC_TEST(TlsStream, WrongNameIsRefused) {
  auto& loop = asyncio::get_running_loop();
  loop.set_exception_handler([](asyncio::EventLoop&, const asyncio::ExceptionContext&) {});
  auto server = co_await support::tls_echo_server();
  auto connected = co_await asyncio::as_result(support::tls_connect(server, "example.com"));
  EXPECT_THROW((void)connected.value(), asyncio::ssl::SSLCertVerificationError);
  server.close();
  co_await server.wait_closed();
}

// NET-141, failure 63
ASYNC_TEST(TlsStream, HandshakeThatStallsIsAborted) {
  auto silent = [](StreamReader reader, StreamWriter) -> Coro<> { co_await reader.read(); };
  auto server = co_await asyncio::start_server(silent, "127.0.0.1", 0);
  const auto context = support::tls_client();
  const asyncio::ConnectionOptions options{
      .ssl = &context, .server_hostname = "localhost", .ssl_handshake_timeout = 50ms};
  auto connected =
      co_await asyncio::as_result(asyncio::open_connection(server.sockets().at(0), options));
  try {
    (void)connected.value();
    ADD_FAILURE() << "connected";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::connection_aborted) << error.what();
  }
  server.close();
  co_await server.wait_closed();
}

namespace {

Coro<> upgrade_and_echo(StreamReader reader, StreamWriter writer) {
  EXPECT_EQ(co_await reader.readline(), "STARTTLS\n");
  writer.write("go\n");
  co_await writer.drain();
  co_await writer.start_tls(support::tls_server());
  co_await support::tls_echo(reader, writer);
}

}  // namespace

// NET-037, NET-149
ASYNC_TEST(TlsStream, UpgradesAPlainConnection) {
  auto server = co_await asyncio::start_server(upgrade_and_echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.write("STARTTLS\n");
  EXPECT_EQ(co_await reader.readline(), "go\n");
  co_await writer.start_tls(support::tls_client(), {.server_hostname = "localhost"});
  writer.write("secret\n");
  EXPECT_EQ(co_await reader.readline(), "secret\n");
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}

// NET-037
ASYNC_TEST(TlsStream, UpgradeKeepsTheLimitsOfTheWriter) {
  auto server = co_await asyncio::start_server(upgrade_and_echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.set_write_buffer_limits(5000, 300);
  writer.write("STARTTLS\n");
  EXPECT_EQ(co_await reader.readline(), "go\n");
  co_await writer.start_tls(support::tls_client(), {.server_hostname = "localhost"});
  const auto& state = asyncio::detail::StreamAccess::state(writer);
  EXPECT_EQ(state.marks().high(), 5000U);
  EXPECT_EQ(state.marks().low(), 300U);
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}

// NET-037, NET-035
ASYNC_TEST(TlsStream, UpgradeRefusesWhenItIsAwaited) {
  auto silent = [](StreamReader r, StreamWriter) -> Coro<> { co_await r.read(); };
  auto server = co_await asyncio::start_server(silent, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  auto refused = co_await asyncio::as_result(writer.start_tls(
      support::tls_client(), {.server_hostname = "localhost", .ssl_handshake_timeout = -1s}));
  EXPECT_THROW((void)refused.value(), std::invalid_argument);
  EXPECT_FALSE(writer.is_closing());
  writer.abort();
  server.close();
  co_await server.wait_closed();
}

// failure 60
ASYNC_TEST(TlsStream, EndWithoutCloseNotifyIsAnErrorAfterTheData) {
  auto cut = [](StreamReader, StreamWriter writer) -> Coro<> {
    writer.write("half");
    co_await writer.drain();
    writer.abort();
  };
  const auto context = support::tls_server();
  const asyncio::ServerOptions options{.ssl = &context};
  auto server = co_await asyncio::start_server(cut, "127.0.0.1", 0, options);
  auto [reader, writer] = co_await support::tls_connect(server);
  EXPECT_EQ(co_await reader.read(100), "half");
  auto rest = co_await asyncio::as_result(reader.read(100));
  EXPECT_THROW((void)rest.value(), asyncio::ssl::SSLEOFError);
  writer.abort();
  server.close();
  co_await server.wait_closed();
}
