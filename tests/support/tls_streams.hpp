#pragma once

#include <asyncio/server.hpp>
#include <asyncio/ssl.hpp>
#include <asyncio/streams.hpp>

#include <string>
#include <string_view>

#include "support/certificates.hpp"

// TLS over loopback, with certificates made here.

namespace support {

inline const CertificateAuthority& tls_authority() {
  static const CertificateAuthority made;
  return made;
}

/// With a certificate for "localhost".
inline asyncio::ssl::Context tls_server() {
  static const Identity identity = tls_authority().issue_for("localhost");
  asyncio::ssl::Context context = asyncio::ssl::Context::server();
  context.use_certificate(identity.chain, identity.key);
  return context;
}

/// Trusts that authority alone.
inline asyncio::ssl::Context tls_client() {
  return asyncio::ssl::create_default_context({.cadata = tls_authority().pem()});
}

inline asyncio::Coro<> tls_echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  while (true) {
    const std::string data = co_await reader.read(1 << 16);
    if (data.empty()) co_return;
    writer.write(data);
    co_await writer.drain();
  }
}

inline asyncio::Coro<asyncio::Server> tls_echo_server() {
  const asyncio::ssl::Context context = tls_server();
  const asyncio::ServerOptions options{.ssl = &context};
  return asyncio::start_server(tls_echo, "127.0.0.1", 0, options);
}

inline asyncio::Coro<asyncio::Connection> tls_connect(const asyncio::Server& server,
                                                      std::string_view name = "localhost") {
  const asyncio::ssl::Context context = tls_client();
  const asyncio::ConnectionOptions options{.ssl = &context, .server_hostname = name};
  return asyncio::open_connection(server.sockets().at(0), options);
}

}  // namespace support
