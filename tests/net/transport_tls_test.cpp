#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/server.hpp>
#include <asyncio/streams.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "support/log_capture.hpp"
#include "support/protocols.hpp"
#include "support/streams.hpp"
#include "support/tls_streams.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

// EventLoop::start_tls(): a protocol's connection becomes a TLS one.

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::ProtocolPtr;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using asyncio::Transport;
using support::Log;
using support::Recorder;
using support::Script;

namespace {

/// A server that says "go\n" to the first line, does TLS from then on, and echoes.
Coro<asyncio::Server> upgrading_server() {
  auto serve = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    (void)co_await reader.readline();
    writer.write("go\n");
    co_await writer.drain();
    co_await writer.start_tls(support::tls_server());
    co_await support::tls_echo(reader, writer);
  };
  return asyncio::start_server(serve, "127.0.0.1", 0);
}

/// Connected to it, "go\n" has come.
Coro<Transport> asked(const asyncio::Server& server, Script& script) {
  auto& loop = asyncio::get_running_loop();
  auto record = [&script] { return std::make_unique<Recorder>(script); };
  const asyncio::Address address = server.sockets().at(0);
  auto [transport, protocol] =
      co_await loop.create_connection(record, address.host(), address.port());
  transport.write("STARTTLS\n");
  EXPECT_TRUE(co_await support::until([&] { return script.received == "go\n"; }));
  script.log.clear();
  script.received.clear();
  co_return transport;
}

}  // namespace

// NET-149
ASYNC_TEST(TransportTls, GoesOnWithTlsAndAnotherProtocol) {
  auto server = co_await upgrading_server();
  auto& loop = asyncio::get_running_loop();
  Script before;
  Script after;
  const Transport plain = co_await asked(server, before);
  const ProtocolPtr<Recorder> protocol(new Recorder(after));
  const auto context = support::tls_client();
  const asyncio::StartTlsOptions options{.server_hostname = "localhost"};
  const Transport secure = co_await loop.start_tls(plain, protocol, context, options);
  EXPECT_EQ(secure.get_extra_info("version"), "TLSv1.3");
  EXPECT_EQ(secure.get_protocol(), protocol.get());
  EXPECT_FALSE(secure.can_write_eof());
  secure.write("secret");
  EXPECT_TRUE(co_await support::until([&] { return after.received == "secret"; }));
  secure.close();
  EXPECT_TRUE(co_await support::until([&] { return after.has("lost"); }));
  EXPECT_EQ(after.log.front(), "secret") << "connection_made() is not called again";
  EXPECT_EQ(before.log, Log{}) << "the former protocol is told nothing any more";
  EXPECT_EQ(after.error, nullptr);
  co_await support::close(server);
}

// NET-149: the side is the context's; what was written before is sent before
ASYNC_TEST(TransportTls, ServesToo) {
  auto& loop = asyncio::get_running_loop();
  Script script;
  auto record = [&script] { return std::make_unique<Recorder>(script); };
  auto server = co_await loop.create_server(record, "127.0.0.1", 0);
  auto [reader, writer] = co_await asyncio::open_connection(server.sockets().at(0));
  EXPECT_TRUE(co_await support::until([&] { return script.transport.has_value(); }));
  // More than the sending end ever holds, 4 MiB.
  const std::string much = support::pattern(16'000'000);
  script.transport->write(much);
  EXPECT_GT(script.transport->get_write_buffer_size(), 0U);
  auto upgrade = [&]() -> Coro<> {
    const auto context = support::tls_server();
    const ProtocolPtr<Recorder> same(new Recorder(script));
    (void)co_await loop.start_tls(*script.transport, same, context, {});
  };
  auto upgrading = asyncio::create_task(upgrade());
  EXPECT_EQ(support::difference(co_await reader.readexactly(much.size()), much.size()), "");
  co_await writer.start_tls(support::tls_client(), {.server_hostname = "localhost"});
  co_await upgrading;
  writer.write("hello");
  EXPECT_TRUE(co_await support::until([&] { return script.received == "hello"; }));
  script.transport->write("answer\n");
  EXPECT_EQ(co_await reader.readline(), "answer\n");
  co_await support::close(writer);
  EXPECT_TRUE(co_await support::until([&] { return script.has("lost"); }));
  co_await support::close(server);
}

// NET-150
ASYNC_TEST(TransportTls, CancellationEndsTheConnection) {
  auto silent = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    (void)co_await reader.readline();
    writer.write("go\n");
    (void)co_await reader.read();  // says nothing
  };
  auto server = co_await asyncio::start_server(silent, "127.0.0.1", 0);
  auto& loop = asyncio::get_running_loop();
  Script script;
  const Transport transport = co_await asked(server, script);
  const ProtocolPtr<Recorder> protocol(new Recorder(script));
  const auto context = support::tls_client();
  const asyncio::StartTlsOptions options{.server_hostname = "localhost"};
  auto upgrading = asyncio::create_task(loop.start_tls(transport, protocol, context, options));
  co_await asyncio::sleep(5ms);
  EXPECT_FALSE(upgrading.done());
  upgrading.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(upgrading)).cancelled());
  EXPECT_TRUE(transport.is_closing());
  EXPECT_TRUE(co_await support::until([&] { return script.has("lost"); }));
  EXPECT_EQ(script.count("lost"), 1);
  co_await support::close(server);
}

// NET-149, failure 59
ASYNC_TEST(TransportTls, WrongCertificateEndsTheConnection) {
  const support::LogCapture log;  // the server's handler fails, too
  auto server = co_await upgrading_server();
  auto& loop = asyncio::get_running_loop();
  Script script;
  const Transport transport = co_await asked(server, script);
  const ProtocolPtr<Recorder> protocol(new Recorder(script));
  const auto context = support::tls_client();
  const asyncio::StartTlsOptions options{.server_hostname = "other.example"};
  auto upgrading = loop.start_tls(transport, protocol, context, options);
  auto result = co_await asyncio::as_result(std::move(upgrading));
  EXPECT_THROW((void)result.value(), asyncio::ssl::SSLCertVerificationError);
  EXPECT_TRUE(transport.is_closing());
  EXPECT_TRUE(co_await support::until([&] { return script.has("lost"); }));
  co_await support::close(server);
}

// NET-149
ASYNC_TEST(TransportTls, RefusesWhenItIsAwaited) {
  Script script;
  const support::Line line = co_await support::line_to(script);
  auto& loop = asyncio::get_running_loop();
  const ProtocolPtr<Recorder> protocol(new Recorder(script));
  const ProtocolPtr<Recorder> none;
  const auto client = support::tls_client();
  auto refused = co_await asyncio::as_result(loop.start_tls(line.transport, none, client, {}));
  EXPECT_THROW((void)refused.value(), std::invalid_argument);
  refused = co_await asyncio::as_result(loop.start_tls(line.transport, protocol, client, {}));
  EXPECT_THROW((void)refused.value(), std::invalid_argument) << "it needs a name";
  EXPECT_FALSE(line.transport.is_closing());
  line.transport.abort();
  EXPECT_TRUE(co_await support::until([&] { return script.has("lost"); }));
}
