// What a peer of ours never does: OpenSSL itself is asked to do it here.

#include "net/tls_engine.hpp"

#include "support/certificates.hpp"
#include "support/errors.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <string_view>

namespace ssl = asyncio::ssl;
using support::bytes_of;
using support::server_with;
using support::test_ca;
using support::thrown_by;
using support::TlsEngine;
using support::write;

namespace {

// A client made of nothing but OpenSSL.
class RawClient {
 public:
  explicit RawClient(int version) : ctx_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(ctx_)) {
    SSL_set_max_proto_version(ssl_, version);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() {
    // Else its session counts as broken, and is not resumed.
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl_);
    SSL_CTX_free(ctx_);
  }

  [[nodiscard]] SSL* handle() const { return ssl_; }

  // Its ciphertext to the engine. Returns: how many bytes.
  std::size_t send_to(TlsEngine& engine) const {
    char* text = nullptr;
    const auto n = static_cast<std::size_t>(BIO_get_mem_data(SSL_get_wbio(ssl_), &text));
    engine.feed(bytes_of({text, n}));
    (void)BIO_reset(SSL_get_wbio(ssl_));
    return n;
  }
  void receive_from(TlsEngine& engine) const {
    const auto out = engine.outgoing();
    BIO_write(SSL_get_rbio(ssl_), out.data(), static_cast<int>(out.size()));
    engine.sent(out.size());
  }
  [[nodiscard]] std::string read() const {
    std::string text(100'000, '\0');
    std::size_t n = 0;
    if (SSL_read_ex(ssl_, text.data(), text.size(), &n) != 1) n = 0;
    text.resize(n);
    return text;
  }
  void write(std::string_view text) const {
    std::size_t n = 0;
    SSL_write_ex(ssl_, text.data(), text.size(), &n);
  }

  void shake_hands(TlsEngine& engine) const {
    for (int turn = 0; turn < 4; ++turn) {
      SSL_do_handshake(ssl_);
      send_to(engine);
      engine.handshake();
      receive_from(engine);
    }
    (void)read();  // session tickets
  }

 private:
  SSL_CTX* ctx_;
  SSL* ssl_;
};

ssl::Context localhost() { return server_with(test_ca().issue_for("localhost")); }

std::string read_all(TlsEngine& engine) {
  std::string text;
  support::read_all(engine, text);
  return text;
}

}  // namespace

// failure 65: each costs what its bytes cost, and is answered by no more than these
TEST(TlsHostile, TakesAFloodOfKeyUpdates) {
  TlsEngine server(localhost(), TlsEngine::Side::server, {});
  const RawClient client(TLS1_3_VERSION);
  client.shake_hands(server);
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_EQ(SSL_key_update(client.handle(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client.handle()), 1);
  }
  client.write("still there");
  const std::size_t fed = client.send_to(server);
  EXPECT_GT(fed, 2'000U * 20);
  EXPECT_EQ(read_all(server), "still there");
  EXPECT_LE(server.outgoing().size(), fed);
  write(server, "so are we");
  client.receive_from(server);
  EXPECT_EQ(client.read(), "so are we");
}

// failure 65
TEST(TlsHostile, RefusesToRenegotiate) {
  TlsEngine server(localhost(), TlsEngine::Side::server, {});
  const RawClient client(TLS1_2_VERSION);
  client.shake_hands(server);
  client.write("before");
  ASSERT_EQ(SSL_renegotiate(client.handle()), 1);
  SSL_do_handshake(client.handle());
  const std::size_t fed = client.send_to(server);
  EXPECT_EQ(read_all(server), "before");
  EXPECT_FALSE(server.outgoing().empty()) << "no_renegotiation";
  EXPECT_LT(server.outgoing().size(), fed);
  write(server, "goes on");
  EXPECT_EQ(server.state(), TlsEngine::State::open);
}

// failure 65
TEST(TlsHostile, EndsAFloodOfEmptyRecords) {
  TlsEngine server(localhost(), TlsEngine::Side::server, {});
  const auto flood = [&] {
    for (int i = 0; i < 100; ++i) {
      server.feed(bytes_of({"\x16\x03\x01\x00\x00", 5}));
      server.handshake();
    }
  };
  EXPECT_THROW(flood(), ssl::SSLError);
}

// A session of one name is worth nothing at another one, which may ask for client certificates.
TEST(TlsHostile, ResumesASessionOnlyInTheContextItBeganIn) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ssl::Context other = localhost();
    ssl::Context context = localhost();
    context.set_sni_callback([&other](std::string_view name) {
      return name == "other" ? std::optional(other) : std::nullopt;
    });
    const auto connect = [&](const char* name, SSL_SESSION* session, bool resumed) {
      TlsEngine server(context, TlsEngine::Side::server, {});
      const RawClient client(version);
      SSL_set_tlsext_host_name(client.handle(), name);
      if (session != nullptr) SSL_set_session(client.handle(), session);
      client.shake_hands(server);
      EXPECT_EQ(server.state(), TlsEngine::State::open);
      EXPECT_EQ(SSL_session_reused(client.handle()) == 1, resumed) << name;
      return SSL_get1_session(client.handle());
    };
    SSL_SESSION* first = connect("first", nullptr, false);
    SSL_SESSION* again = connect("first", first, true);
    SSL_SESSION* elsewhere = connect("other", again, false);
    for (SSL_SESSION* session : {first, again, elsewhere}) SSL_SESSION_free(session);
  }
}
