#pragma once

#include <asyncio/ssl.hpp>

#include "net/tls_engine.hpp"
#include "support/certificates.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace support {

using asyncio::detail::TlsEngine;

inline constexpr std::size_t everything = static_cast<std::size_t>(-1);

/// One that all tests of a program share.
inline const CertificateAuthority& test_ca() {
  static const CertificateAuthority ca;
  return ca;
}

/// A client that trusts this CA and no other.
inline asyncio::ssl::Context client_trusting(const CertificateAuthority& ca) {
  return asyncio::ssl::create_default_context({.cadata = ca.pem()});
}

inline asyncio::ssl::Context server_with(const Identity& identity) {
  asyncio::ssl::Context context = asyncio::ssl::Context::server();
  context.use_certificate(identity.chain, identity.key);
  return context;
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline void write(TlsEngine& engine, std::string_view text) { (void)engine.write(bytes_of(text)); }

/// Moves what `from` wants to send, `most` bytes of it, to `to`. Returns: how many bytes.
inline std::size_t carry(TlsEngine& from, TlsEngine& to, std::size_t most = everything) {
  const std::span<const std::byte> all = from.outgoing();
  const std::size_t n = std::min(all.size(), most);
  to.feed(all.first(n));
  from.sent(n);
  return n;
}

/// Reads until there is no more. Throws: what read() does; `into` has what came before.
inline TlsEngine::Read::Status read_all(TlsEngine& engine, std::string& into,
                                        std::size_t room = 5000) {
  std::string part(room, '\0');
  for (;;) {
    const TlsEngine::Read got = engine.read(std::as_writable_bytes(std::span(part)));
    into.append(part, 0, got.bytes);
    if (got.status != TlsEngine::Read::ok) return got.status;
  }
}

/// Carries what `from` has, and gives what `to` reads then.
inline std::string receive(TlsEngine& from, TlsEngine& to) {
  carry(from, to);
  std::string text;
  read_all(to, text);
  return text;
}

/// Two engines and the wire between them.
class TlsPair {
 public:
  TlsPair(const asyncio::ssl::Context& of_client, const asyncio::ssl::Context& of_server,
          std::string_view hostname = "localhost")
      : client(of_client, TlsEngine::Side::client, hostname),
        server(of_server, TlsEngine::Side::server, {}) {}
  /// With a certificate of test_ca() for localhost.
  TlsPair() : TlsPair(client_trusting(test_ca()), server_with(test_ca().issue_for("localhost"))) {}

  /// Both handshakes. At most `step` bytes of each side are carried before the other goes on.
  void handshake(std::size_t step = everything) {
    for (;;) {
      const bool client_done = client.handshake();
      const std::size_t sent = carry(client, server, step);
      const bool server_done = server.handshake();
      const std::size_t answered = carry(server, client, step);
      if (client_done && server_done && sent + answered == 0) break;
    }
    std::string nothing;
    read_all(client, nothing);  // session tickets
  }

  TlsEngine client;
  TlsEngine server;
};

}  // namespace support
