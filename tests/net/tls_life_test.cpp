#include <asyncio/as_result.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>
#include <asyncio/wait_for.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <unistd.h>

#include "support/descriptors.hpp"
#include "support/log_capture.hpp"
#include "support/tls_streams.hpp"

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using support::open_descriptors;

// What a TLS connection does beside carrying bytes: limits of time, its end, errors on the way.

namespace {

Coro<> end(asyncio::Server server) {
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

}  // namespace

// NET-048
ASYNC_TEST(TlsLife, LimitsOfTimeNeedAContext) {
  const asyncio::ConnectionOptions client{.ssl_handshake_timeout = 1s};
  auto connected = co_await asyncio::as_result(asyncio::open_connection("127.0.0.1", 1, client));
  EXPECT_THROW((void)connected.value(), std::invalid_argument);
  const asyncio::ServerOptions server{.ssl_shutdown_timeout = 1s};
  auto started =
      co_await asyncio::as_result(asyncio::start_server(support::tls_echo, "127.0.0.1", 0, server));
  EXPECT_THROW((void)started.value(), std::invalid_argument);
}

// NET-141
ASYNC_TEST(TlsLife, LimitsOfTimeArePositive) {
  const asyncio::ssl::Context context = support::tls_client();
  const asyncio::ConnectionOptions options{.ssl = &context, .ssl_handshake_timeout = 0s};
  auto connected = co_await asyncio::as_result(asyncio::open_connection("127.0.0.1", 1, options));
  EXPECT_THROW((void)connected.value(), std::invalid_argument);
}

// NET-047
ASYNC_TEST(TlsLife, NameMustBeKnown) {
  const asyncio::ssl::Context context = support::tls_client();
  auto nobody = co_await asyncio::as_result(
      asyncio::open_unix_connection("@nobody", asyncio::ConnectionOptions{.ssl = &context}));
  EXPECT_THROW((void)nobody.value(), std::invalid_argument);
  auto plain = co_await asyncio::as_result(asyncio::open_connection(
      "127.0.0.1", 1, asyncio::ConnectionOptions{.server_hostname = "localhost"}));
  EXPECT_THROW((void)plain.value(), std::invalid_argument);
}

namespace {

// Takes the handshake and then says nothing any more, not even that it goes.
Coro<> fall_silent(StreamReader, StreamWriter) { co_await asyncio::sleep(1h); }

}  // namespace

// NET-143, failure 64
ASYNC_TEST(TlsLife, PeerThatDoesNotAnswerTheCloseIsLeft) {
  const asyncio::ssl::Context served = support::tls_server();
  const asyncio::ServerOptions serving{.ssl = &served};
  auto server = co_await asyncio::start_server(fall_silent, "127.0.0.1", 0, serving);
  const asyncio::ssl::Context context = support::tls_client();
  const asyncio::ConnectionOptions options{
      .ssl = &context, .server_hostname = "localhost", .ssl_shutdown_timeout = 50ms};
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0), options);
  writer.close();
  auto closed = co_await asyncio::as_result(writer.wait_closed());
  EXPECT_THROW(closed.value(), asyncio::TimeoutError);
  auto down = server.shutdown(0s);
  const support::LogCapture log;  // names the handler that has waited
  co_await std::move(down);
}

// NET-073
ASYNC_TEST(TlsLife, ServesUnixSocketsToo) {
  const asyncio::ssl::Context served = support::tls_server();
  const asyncio::ServerOptions serving{.ssl = &served};
  const std::string name = "@tls_life_test." + std::to_string(::getpid());
  auto server = co_await asyncio::start_unix_server(support::tls_echo, name, serving);
  const asyncio::ssl::Context context = support::tls_client();
  const asyncio::ConnectionOptions named{.ssl = &context, .server_hostname = "localhost"};
  auto [reader, writer] = co_await asyncio::open_unix_connection(name, named);
  writer.write("x\n");
  EXPECT_EQ(co_await reader.readline(), "x\n");
  writer.close();
  co_await writer.wait_closed();
  const asyncio::ConnectionOptions other{.ssl = &context, .server_hostname = "other.example"};
  const support::LogCapture log;  // the server's side of it
  auto refused = co_await asyncio::as_result(asyncio::open_unix_connection(name, other));
  EXPECT_THROW((void)refused.value(), asyncio::ssl::SSLCertVerificationError);
  co_await end(server);
}

// NET-147
ASYNC_TEST(TlsLife, HasNoHalfClosedConnections) {
  auto server = co_await support::tls_echo_server();
  auto [reader, writer] = co_await support::tls_connect(server);
  EXPECT_FALSE(writer.can_write_eof());
  EXPECT_THROW(writer.write_eof(), asyncio::RuntimeError);
  writer.write("x\n");
  EXPECT_EQ(co_await reader.readline(), "x\n");
  writer.close();
  co_await writer.wait_closed();
  co_await end(server);
}

// NET-150
ASYNC_TEST(TlsLife, CancelledUpgradeEndsTheConnection) {
  auto silent = [](StreamReader reader, StreamWriter) -> Coro<> { co_await reader.read(); };
  auto server = co_await asyncio::start_server(silent, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  const asyncio::ssl::Context context = support::tls_client();
  const asyncio::StartTlsOptions options{.server_hostname = "localhost"};
  auto upgrading = asyncio::create_task(writer.start_tls(context, options));
  co_await asyncio::sleep(10ms);
  EXPECT_FALSE(upgrading.done());
  upgrading.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(upgrading)).cancelled());
  EXPECT_TRUE(writer.is_closing());
  co_await writer.wait_closed();
  co_await end(server);
}

// failure 62
ASYNC_TEST(TlsLife, WhatCameBeforeTheUpgradeIsNeverTakenForAuthenticated) {
  std::optional<bool> refused;
  auto upgrade = [&refused](StreamReader reader, StreamWriter writer) -> Coro<> {
    EXPECT_EQ(co_await reader.readline(), "STARTTLS\n");
    auto secured = co_await asyncio::as_result(writer.start_tls(support::tls_server()));
    refused = !secured.has_value();
  };
  auto server = co_await asyncio::start_server(upgrade, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  writer.write("STARTTLS\nDELETE ALL\n");  // the second line is in the buffer when TLS begins
  while (!refused) co_await asyncio::sleep(1ms);
  EXPECT_TRUE(*refused) << "it is no TLS record";
  writer.abort();
  co_await end(server);
}

// NET-152, NET-153
ASYNC_TEST(TlsLife, ClosedConnectionTakesQuestionsAndDropsWrites) {
  auto server = co_await support::tls_echo_server();
  auto [reader, writer] = co_await support::tls_connect(server);
  (void)writer.get_extra_info("peername");
  writer.close();
  co_await writer.wait_closed();
  EXPECT_TRUE(writer.get_extra_info("peername").has_value());
  EXPECT_FALSE(writer.get_extra_info("cipher").has_value());
  const support::LogCapture log;
  for (int i = 0; i < 4; ++i) writer.write("dropped");
  EXPECT_EQ(log.count("the connection is lost"), 0);
  writer.write("dropped");
  EXPECT_EQ(log.count("the connection is lost"), 1);
  co_await end(server);
}

// NET-155, failure 63
ASYNC_TEST(TlsLife, ConnectThatIsGivenUpDuringTheHandshakeLeavesNothing) {
  auto silent = [](StreamReader reader, StreamWriter) -> Coro<> { co_await reader.read(); };
  auto server = co_await asyncio::start_server(silent, "127.0.0.1", 0);
  auto given_up =
      co_await asyncio::as_result(asyncio::wait_for(support::tls_connect(server), 20ms));
  EXPECT_THROW((void)given_up.value(), asyncio::TimeoutError);
  co_await end(server);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// NET-156
ASYNC_TEST(TlsLife, FailedConnectionsLeaveNoDescriptor) {
  asyncio::get_running_loop().set_exception_handler(
      [](asyncio::EventLoop&, const asyncio::ExceptionContext&) {});
  auto server = co_await support::tls_echo_server();
  (void)co_await asyncio::as_result(support::tls_connect(server, "example.com"));
  co_await asyncio::sleep(10ms);
  const auto before = open_descriptors();
  for (int i = 0; i < 50; ++i) {
    auto refused = co_await asyncio::as_result(support::tls_connect(server, "example.com"));
    EXPECT_FALSE(refused.has_value());
  }
  for (int i = 0; i < 100 && open_descriptors() != before; ++i) co_await asyncio::sleep(1ms);
  EXPECT_EQ(open_descriptors(), before);
  co_await end(server);
}

namespace {

struct Collector : asyncio::Protocol {
  std::string received;
  std::optional<asyncio::Transport> transport;
  void connection_made(const asyncio::Transport& made) override { transport = made; }
  void data_received(std::string_view data) override { received += data; }
  void connection_lost(std::exception_ptr) override { transport.reset(); }
};

}  // namespace

// NET-139, NET-157
ASYNC_TEST(TlsLife, ProtocolMayBeReplacedAfterTheHandshake) {
  auto server = co_await support::tls_echo_server();
  const asyncio::ssl::Context context = support::tls_client();
  const asyncio::ConnectionOptions options{.ssl = &context, .server_hostname = "localhost"};
  auto& loop = asyncio::get_running_loop();
  auto make = [] { return std::make_unique<Collector>(); };
  auto [transport, protocol] =
      co_await loop.create_connection(make, "127.0.0.1", server.sockets().at(0).port(), options);
  EXPECT_EQ(transport.get_extra_info("version"), "TLSv1.3") << "made after the handshake";
  transport.write("one");
  while (protocol->received != "one") co_await asyncio::sleep(1ms);
  const asyncio::ProtocolPtr<Collector> second(std::make_unique<Collector>());
  transport.set_protocol(second);
  transport.write("two");
  while (second->received != "two") co_await asyncio::sleep(1ms);
  EXPECT_EQ(protocol->received, "one");
  transport.close();
  co_await end(server);
}
